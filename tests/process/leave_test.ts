/** How a node leaves when it is told to: politely, with all that it had to say. */
import { assert, assertEquals } from "@std/assert";
import { NodeProcess } from "../helpers/process.ts";
import { until } from "../helpers/until.ts";

const CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

for (const [signal, code] of Object.entries(CODES)) {
  Deno.test(`${signal} makes a node say bye; the others see it leave, and have all it sent`, async () => {
    await using b = await NodeProcess.start(["--period=0.01"]);
    // It has standing at both, so that they leave none of its pings out.
    const through = [`--connect=${b.id}@${b.address}`];
    await using a = await NodeProcess.start(through);
    await using c = await NodeProcess.start(through);
    for (const node of [a, b, c]) await node.meshOf(3);
    await until(
      "pings at both",
      () => [a, c].every((node) => node.of("ping").length > 10),
    );
    assertEquals(await b.end(signal as Deno.Signal), code);
    assertEquals(b.of("stopped").length, 1);
    for (const node of [a, c]) {
      const { id, left, reason } = await node.waitFor("peer:down");
      assertEquals([id, left], [b.id, true]);
      assertEquals(reason, "Peer said bye: leaving");
      // In order and without a gap, up to the bye: nothing that was queued is lost.
      const heard = node.of("ping").map(({ text }) =>
        Number(text.split(" ")[1])
      );
      const first = heard[0] ?? 0;
      assertEquals(heard, heard.map((_, i) => first + i));
    }
    // Both had the last one that it sent.
    const last = [a, c].map((node) => node.of("ping").at(-1)?.text);
    assert(last[0] !== undefined);
    assertEquals(last[0], last[1]);
  });
}
