// A member, proven and let in, that says far more than it may.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  CONTROL_BURST_BYTES,
  CONTROL_BURST_FRAMES,
} from "../../src/session/session_limits.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeFrame, networkMagic } from "../../src/wire/frame.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

function joined(frame: Uint8Array, count: number): Uint8Array {
  const bytes = new Uint8Array(count * frame.length);
  for (let i = 0; i < count; i++) bytes.set(frame, i * frame.length);
  return bytes;
}

/** What is said without end, in chunks as large as one write takes. */
const FLOODS: Readonly<Record<string, Uint8Array>> = {
  "pings whose answers are not read": joined(
    encodeFrame(networkMagic("main"), COMMAND.ping, new Uint8Array(8)),
    2_000,
  ),
  "frames that mean nothing": joined(
    encodeFrame(networkMagic("main"), "sparkle", new Uint8Array(0)),
    2_000,
  ),
};

for (const [what, bytes] of Object.entries(FLOODS)) {
  Deno.test(`${what}, without end, are read ever slower, and end the session as a flood`, async () => {
    await using scene = await Scene.start();
    using greedy = await RawPeer.open(scene.victim);
    await until("her to be up", () => scene.log.of("peer:up").length === 2);
    const member = scene.member.identity.id;
    const pings = () =>
      scene.log.of("ping").filter(({ id }) => id === member).length;
    if (what.startsWith("pings")) greedy.pause();
    let sent = 0;
    while (!greedy.isOver && scene.log.of("peer:down").length === 0) {
      await greedy.sendBytes(bytes);
      sent++;
    }
    await until("her to be down", () => scene.log.of("peer:down").length > 0);
    const [down] = scene.log.of("peer:down");
    assertEquals(down?.id, greedy.identity.id);
    assertStringIncludes(down?.reason ?? "", "the peer sends more than");
    assert(sent > 1);
    // Everybody else is as well off as before.
    scene.member.ping("still here");
    await until("a ping of the member", () => pings() > 0);
  });
}

Deno.test("a member that says much, within its burst, is neither slowed nor told off", async () => {
  await using scene = await Scene.start();
  using lively = await RawPeer.open(scene.victim);
  const frame = (size: number) =>
    encodeFrame(networkMagic("main"), "sparkle", new Uint8Array(size));
  await lively.sendBytes(joined(frame(0), CONTROL_BURST_FRAMES / 2));
  for (
    let sent = 0;
    sent + 4_000_000 < CONTROL_BURST_BYTES;
    sent += 4_000_000
  ) {
    await lively.sendBytes(frame(4_000_000));
  }
  await lively.say(COMMAND.ping, new Uint8Array(8));
  await lively.take(COMMAND.pong);
  assertEquals(lively.refusal === undefined, false);
  assert(!lively.isOver);
  assertEquals(scene.log.of("peer:down"), []);
});
