// Strangers that each say no more than one may, and together more than a node handles.
import { assert, assertEquals } from "@std/assert";
import {
  CONTROL_BURST_FRAMES,
  STRANGERS_BURST_FRAMES,
  STRANGERS_FRAMES_PER_S,
} from "../../src/session/session_limits.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeFrame, networkMagic } from "../../src/wire/frame.ts";
import { encodePeers } from "../../src/wire/messages/peers.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { Scene } from "../helpers/scene.ts";

const FRAME = encodeFrame(
  networkMagic("main"),
  COMMAND.peers,
  encodePeers({ entries: [], more: false }),
);
const FRAMES = 9_000;

/** Sends so many frames and resolves when a ping behind them is answered, milliseconds. */
async function flood(peer: RawPeer): Promise<number> {
  const begun = performance.now();
  const bytes = new Uint8Array(FRAMES * FRAME.length);
  for (let at = 0; at < FRAMES; at++) bytes.set(FRAME, at * FRAME.length);
  await peer.sendBytes(bytes);
  await peer.say(COMMAND.ping, new Uint8Array(8).fill(7));
  await peer.take(COMMAND.pong);
  return performance.now() - begun;
}

for (const count of [2, 9]) {
  Deno.test(`${count} strangers that each say 9,000 frames ${count === 2 ? "wait for nothing" : "wait for their turns, and are not closed"}; a friend does not`, async () => {
    assert(FRAMES < CONTROL_BURST_FRAMES);
    await using scene = await Scene.start();
    const { victim, member } = scene;
    victim.admission.allow(member.identity.id);
    using stack = new DisposableStack();
    const strangers: RawPeer[] = [];
    for (let at = 0; at < count; at++) {
      strangers.push(stack.use(await RawPeer.open(victim)));
    }
    const friend = stack.use(await RawPeer.open(victim));
    victim.admission.allow(friend.identity.id);
    const floods = strangers.map(flood);
    const friendMs = await flood(friend);
    const strangersMs = Math.max(...await Promise.all(floods));
    const surplus = count * FRAMES - STRANGERS_BURST_FRAMES;
    const leastMs = Math.max(0, 1_000 * surplus / STRANGERS_FRAMES_PER_S - 500);
    assert(strangersMs >= leastMs, `${strangersMs} ms`);
    if (count > 2) assert(friendMs < 0.8 * strangersMs, `${friendMs} ms`);
    assertEquals(strangers.filter(({ isOver }) => isOver).length, 0);
    assertEquals(
      victim.sessions().filter(({ id }) => id === member.identity.id).length,
      1,
    );
  });
}
