// Strangers that send so much that the messages of a friend should wait for it.
import { assert, assertEquals } from "@std/assert";
import { COMMAND } from "../../src/wire/commands.ts";
import { decodeAck } from "../../src/wire/messages/ack.ts";
import { encodeMessage } from "../../src/wire/messages/message_frame.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

/** A message with an id, a topic and a body of one byte. */
function message(at: number): Uint8Array {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(0, at);
  const topic = new TextEncoder().encode(`${at}`);
  return encodeMessage(id, topic, new Uint8Array(1));
}

Deno.test("1,200 messages of ten strangers do not delay a friend's", async () => {
  await using scene = await Scene.start();
  const { victim, member } = scene;
  victim.admission.allow(member.identity.id);
  using stack = new DisposableStack();
  const strangers: RawPeer[] = [];
  for (let at = 0; at < 10; at++) {
    const stranger = stack.use(await RawPeer.open(victim));
    for (let one = 0; one < 120; one++) {
      await stranger.say(COMMAND.message, message(one));
    }
    await stranger.say(COMMAND.ping, new Uint8Array(8));
    await stranger.take(COMMAND.pong);
    strangers.push(stranger);
  }
  const messages = victim.messages();
  const taken: string[] = [];
  const takeOne = async () => {
    const { value } = await messages.next();
    if (value !== undefined) taken.push(value.from);
  };
  // The control: as long as nothing of a friend waits, strangers are served.
  for (let at = 0; at < 20; at++) await takeOne();
  const { id } = member.identity;
  let sent: "no" | "yes" = "no";
  member.send(victim.identity.id, "hello").then(() => sent = "yes", () => {});
  // Its session is one of eleven: it is here when the victim answers its ping.
  const pings = () =>
    scene.log.of("ping").filter(({ id: peerId }) => peerId === id).length;
  const before = pings();
  member.ping("after the message");
  await until("the friend's ping", () => pings() > before);
  await takeOne();
  assert(taken.at(-1) === id, `${taken.length} were taken before`);
  await takeOne();
  await until("the acknowledgement", () => sent === "yes");
  const acknowledged = strangers.flatMap(({ frames }) =>
    frames.filter(({ command }) => command === COMMAND.ack)
      .flatMap(({ payload }) => decodeAck(payload).ranges)
  ).reduce((sum, { count }) => sum + count, 0);
  assert(acknowledged <= 22);
});

Deno.test("1,100 messages of strangers that are nacked do not push out a dead letter of a friend", async () => {
  await using scene = await Scene.start({ maxDeliveries: 1 });
  const { victim, member } = scene;
  victim.admission.allow(member.identity.id);
  let refused = 0;
  (async () => {
    for await (const one of victim.messages()) {
      one.nack("no good");
      refused++;
    }
  })();
  await member.send(victim.identity.id, "precious").catch(() => {});
  using stack = new DisposableStack();
  for (const _ of [1, 2]) {
    const stranger = stack.use(await RawPeer.open(victim));
    const before = refused;
    for (let at = 0; at < 550; at++) {
      await stranger.say(COMMAND.message, message(at));
      // No more at a time than its window takes.
      if (at % 100 !== 99) continue;
      await until("refusals", () => refused > before + at);
    }
    await stranger.say(COMMAND.ping, new Uint8Array(8));
    await stranger.take(COMMAND.pong);
  }
  await until("all to be refused", () => refused === 1_101);
  const kept = victim.deadLetters.list();
  assertEquals(kept.length, 1_000);
  assertEquals(kept[0]?.from, member.identity.id);
});
