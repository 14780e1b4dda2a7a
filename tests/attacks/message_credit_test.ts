// Sessions that request credit for large bodies and do not use it.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeMessage } from "../../src/wire/messages/message_frame.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

const LARGE = 4_000_000;

/** The head of a message with a large body, of which nothing is sent. */
function announcement(at: number): Uint8Array {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(0, at);
  const topic = new TextEncoder().encode(`${at}`);
  const payload = encodeMessage(id, topic, new Uint8Array(0));
  new DataView(payload.buffer).setUint32(16, LARGE, true);
  return payload;
}

/** Peers that each announce `bodies` and send a byte of the first now and then, or nothing. */
async function hold(
  { victim }: Scene,
  count: number,
  bodies: number,
  stack: DisposableStack,
): Promise<RawPeer[]> {
  const peers: RawPeer[] = [];
  for (let at = 0; at < count; at++) {
    const peer = stack.use(await RawPeer.open(victim));
    for (let body = 0; body < bodies; body++) {
      await peer.say(COMMAND.message, announcement(body));
    }
    peers.push(peer);
  }
  await until(
    "credit for the first ones",
    () => peers.some((peer) => peer.count(COMMAND.ack) > 0),
  );
  return peers;
}

Deno.test("twenty sessions that send a byte now and then give their credit up in seconds when an honest body needs it", async () => {
  await using scene = await Scene.start();
  using stack = new DisposableStack();
  const peers = await hold(scene, 20, 1, stack);
  const drip = setInterval(() => {
    for (const peer of peers) {
      if (peer.isOver) continue;
      peer.say(COMMAND.chunk, new Uint8Array(5)).catch(() => {});
    }
  }, 2_000);
  stack.defer(() => clearInterval(drip));
  const { victim, member } = scene;
  (async () => {
    for await (const _ of victim.messages());
  })();
  const began = performance.now();
  await member.send(victim.identity.id, new Uint8Array(LARGE));
  const elapsed = performance.now() - began;
  assert(elapsed < 30_000, `it took ${elapsed} ms`);
});

Deno.test("forty strangers that drip large bodies do not hold a friend's back", async () => {
  await using scene = await Scene.start();
  using stack = new DisposableStack();
  const { victim, member } = scene;
  victim.admission.allow(member.identity.id);
  const peers = await hold(scene, 40, 2, stack);
  // Fast enough that none of them is ended for it.
  const chunk = new Uint8Array(4 + 25_000);
  const drip = setInterval(() => {
    for (const peer of peers) {
      if (peer.isOver || peer.count(COMMAND.ack) === 0) continue;
      peer.say(COMMAND.chunk, chunk).catch(() => {});
    }
  }, 4_000);
  stack.defer(() => clearInterval(drip));
  (async () => {
    for await (const _ of victim.messages());
  })();
  const holding = peers.filter((peer) => peer.count(COMMAND.ack) > 0);
  assert(holding.length >= 6, `only ${holding.length} have credit`);
  // At once, so that each but the first requests credit.
  const sizes = [1_000_000, 1_000_000, LARGE];
  await Promise.all(
    sizes.map((size, at) =>
      member.send(victim.identity.id, new Uint8Array(size), { topic: `${at}` })
    ),
  );
  // None of them had to go for it, nor has got to the end of a body.
  assertEquals(holding.filter((peer) => peer.isOver), []);
  assertEquals(scene.log.of("peer:down"), []);
});

Deno.test("a chunk of a body without a byte ends the session", async () => {
  await using scene = await Scene.start();
  const { victim } = scene;
  using stack = new DisposableStack();
  const [peer] = await hold(scene, 1, 1, stack);
  await peer!.say(COMMAND.chunk, new Uint8Array(5));
  await peer!.say(COMMAND.ping, new Uint8Array(8));
  // The control: with a byte it is taken.
  await peer!.take(COMMAND.pong);
  assertEquals(victim.sessions().length, 2);
  await peer!.say(COMMAND.chunk, new Uint8Array(4));
  const told = await peer!.refusal();
  assertEquals(told?.name, "protocol-error");
  assertMatch(told?.text ?? "", /must have 1 to/);
});
