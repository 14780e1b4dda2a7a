/** Processes that are stopped for a while, as a laptop is that sleeps. */
import { assert, assertEquals } from "@std/assert";
import { NodeProcess } from "../helpers/process.ts";
import { until } from "../helpers/until.ts";

const QUICK = ["--heartbeat=0.2", "--dead-after=0.8"];

Deno.test("a process that is stopped is given up by the others alone, and is back soon after it goes on", async () => {
  await using a = await NodeProcess.start(QUICK);
  const through = [...QUICK, `--connect=${a.address}`];
  await using b = await NodeProcess.start(through);
  await using c = await NodeProcess.start(through);
  for (const node of [a, b, c]) await node.meshOf(3);
  c.child.kill("SIGSTOP");
  for (const node of [a, b]) {
    const { id, left } = await node.waitFor("peer:down");
    assertEquals([id, left], [c.id, false]);
  }
  c.child.kill("SIGCONT");
  for (const node of [a, b, c]) await node.meshOf(3);
  // Whom it had never lost, nobody says is lost.
  assertEquals(a.of("peer:down").length, 1);
  assertEquals(b.of("peer:down").length, 1);
});

Deno.test("a process that was stopped declares no peer dead", async () => {
  // The others are patient: whatever is given up, it gives up.
  const patient = ["--dead-after=60", "--period=0.05"];
  await using a = await NodeProcess.start(patient);
  await using b = await NodeProcess.start([
    ...patient,
    `--connect=${a.address}`,
  ]);
  await using hasty = await NodeProcess.start([
    ...QUICK,
    "--log-level=debug",
    `--connect=${a.address}`,
  ]);
  for (const node of [a, b, hasty]) await node.meshOf(3);
  hasty.child.kill("SIGSTOP");
  // Both are connected to the first by its address, and leave none of its pings out.
  const missed = b.of("ping").length;
  await until("pings it misses", () => b.of("ping").length > missed + 20);
  const before = hasty.of("ping").length;
  hasty.child.kill("SIGCONT");
  await until("pings after it", () => hasty.of("ping").length > before + 60);
  for (const node of [a, b, hasty]) assertEquals(node.of("peer:down"), []);
  assert(hasty.of("mesh").every(({ nodes }) => nodes <= 3));
});
