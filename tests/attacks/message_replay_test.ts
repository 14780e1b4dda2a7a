// A member that sends its messages again and again, under ids it used before, or
// says of ours what cannot be.
import { assert, assertEquals } from "@std/assert";
import { MAX_REPEATED_FRAMES } from "../../src/delivery/delivery_limits.ts";
import type { Message } from "../../src/delivery/incoming_message.ts";
import type { Node } from "../../src/mesh/node.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeFrame, networkMagic } from "../../src/wire/frame.ts";
import { decodeAck, encodeAck } from "../../src/wire/messages/ack.ts";
import { encodeMessage } from "../../src/wire/messages/message_frame.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

const EMPTY = new Uint8Array(0);
const ascii = (text: string) => new TextEncoder().encode(text);
const idOf = (fill: number) => new Uint8Array(16).fill(fill);

/** Everything that a node's application takes. */
function takeAll(node: Node): Message[] {
  const taken: Message[] = [];
  (async () => {
    for await (const message of node.messages()) taken.push(message);
  })();
  return taken;
}

/** How many messages a peer was told are taken. */
function acknowledged(peer: RawPeer): number {
  return peer.frames.filter(({ command }) => command === COMMAND.ack)
    .flatMap(({ payload }) => decodeAck(payload).ranges)
    .reduce((sum, { count, status }) => sum + (status === 0 ? count : 0), 0);
}

Deno.test("a message that is sent again under its id, on the same session or another, is shown once and acknowledged each time", async () => {
  await using scene = await Scene.start();
  const taken = takeAll(scene.victim);
  const first = await RawPeer.open(scene.victim);
  const payload = encodeMessage(idOf(1), EMPTY, ascii("pay 1"));
  for (let i = 0; i < 3; i++) await first.say(COMMAND.message, payload);
  await until("three acknowledgements", () => acknowledged(first) === 3);
  first.close();
  const { identity } = first;
  await until("her to be gone", () => scene.log.of("peer:down").length === 1);

  using second = await RawPeer.open(scene.victim, { identity });
  await second.say(COMMAND.message, payload);
  await until("an acknowledgement", () => acknowledged(second) === 1);
  // Another message of hers, and the same id from somebody else, are shown.
  await second.say(COMMAND.message, encodeMessage(idOf(2), EMPTY, ascii("b")));
  using other = await RawPeer.open(scene.victim);
  await other.say(COMMAND.message, payload);
  await until("the others", () => taken.length === 3);
  assertEquals(taken.map(({ from }) => from), [
    identity.id,
    identity.id,
    other.identity.id,
  ]);
});

Deno.test("a member that repeats itself without end is closed as a flood, and the others are heard", async () => {
  await using scene = await Scene.start();
  const taken = takeAll(scene.victim);
  using parrot = await RawPeer.open(scene.victim);
  const payload = encodeMessage(idOf(1), EMPTY, ascii("again"));
  const frame = encodeFrame(networkMagic("main"), COMMAND.message, payload);
  const chunk = new Uint8Array(50 * frame.length);
  for (let i = 0; i < 50; i++) chunk.set(frame, i * frame.length);
  let sent = 0;
  while (!parrot.isOver && sent < 10 * MAX_REPEATED_FRAMES) {
    await parrot.sendBytes(chunk);
    sent += 50;
    // As much as the window allows at a time, as an honest sender would.
    await until(
      "her to be answered",
      () => parrot.isOver || acknowledged(parrot) >= sent,
    );
  }
  const told = await parrot.refusal();
  assertEquals(told?.name, "flood");
  assert(sent <= 2 * MAX_REPEATED_FRAMES, `${sent} messages`);
  await scene.member.send(scene.victim.identity.id, "honest");
  assertEquals(taken.map((message) => message.text()), ["again", "honest"]);
});

const LIES: readonly [string, Uint8Array, string][] = [
  [
    "of a message that was not sent",
    encodeAck({ limit: 65_536, ranges: [{ first: 7, count: 1, status: 0 }] }),
    "protocol-error",
  ],
  [
    "of more messages than there are",
    encodeAck({
      limit: 65_536,
      ranges: [{ first: 0, count: 0xffff_ffff, status: 0 }],
    }),
    "protocol-error",
  ],
  [
    "of credit that was not requested",
    encodeAck({ limit: 65_536, ranges: [{ first: 0, count: 1, status: 2 }] }),
    "protocol-error",
  ],
  [
    "that takes back what was granted",
    encodeAck({ limit: 0, ranges: [{ first: 0, count: 1, status: 0 }] }),
    "protocol-error",
  ],
  [
    "that says nothing",
    Uint8Array.from([0, 0, 1, 0, 0, 0, 0, 0, 0]),
    "protocol-error",
  ],
];

for (const [what, payload, reason] of LIES) {
  Deno.test(`an acknowledgement ${what} ends the session, and the message is kept`, async () => {
    await using scene = await Scene.start();
    using liar = await RawPeer.open(scene.victim);
    await until("her to be up", () => scene.log.of("peer:up").length === 2);
    const sent = scene.victim.send(liar.identity.id, "to be kept");
    sent.catch(() => {}); // The test ends before it is delivered.
    await liar.take(COMMAND.message);
    await liar.say(COMMAND.ack, payload);
    assertEquals((await liar.refusal())?.name, reason);
    assertEquals(scene.victim.outbox.messages, 1);
  });
}
