/** Which message is delivered next, whatever their senders do. */
import { parsePeerId, type PeerId } from "../../src/core/peer_id.ts";
import { assert, assertEquals } from "@std/assert";
import type { Message } from "../../src/delivery/incoming_message.ts";
import { STANDING_TURNS } from "../../src/delivery/delivery_limits.ts";
import { type Party, party, peerId, Wire } from "../helpers/fake_frame_sink.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const VICTIM = parsePeerId("f".repeat(64));
const FRIEND = parsePeerId("a".repeat(64));

/** One receiver, and any number of senders. */
class Stage {
  readonly clock = new VirtualClock();
  readonly friends = new Set([FRIEND]);
  readonly victim = party(VICTIM, this.clock, {
    settings: { hasStanding: (peer) => this.friends.has(peer) },
  });
  readonly #senders = new Map<string, { party: Party; wire: Wire }>();

  /** Sends messages, each named after its sender and topic, and lets them arrive. */
  async send(id: PeerId, topics: readonly string[]): Promise<void> {
    let sender = this.#senders.get(id);
    if (sender === undefined) {
      const seed = this.#senders.size + 2;
      const one = party(id, this.clock, { seed });
      sender = { party: one, wire: new Wire(one, this.victim) };
      this.#senders.set(id, sender);
    }
    for (const topic of topics) {
      sender.party.delivery.send(VICTIM, "x", { topic }).catch(() => {});
    }
    await sender.wire.run();
  }

  /** Loses the session of a sender. */
  cut(id: string): void {
    this.#senders.get(id)?.wire.cut();
  }

  tick(): void {
    this.victim.delivery.tick(this.clock.monotonic(), 0);
  }
}

async function take(
  messages: AsyncIterator<Message, undefined>,
  count: number,
): Promise<string[]> {
  const senders: string[] = [];
  for (let at = 0; at < count; at++) {
    const { value } = await messages.next();
    assert(value !== undefined);
    senders.push(value.from);
  }
  return senders;
}

const topics = (count: number) =>
  Array.from({ length: count }, (_, at) => `topic ${at}`);

for (const filter of [{}, { exceptTopic: "other" }, { topic: "topic 0" }]) {
  Deno.test(`a friend's message is the next, however many of strangers wait under however many topics: ${JSON.stringify(filter)}`, async () => {
    const stage = new Stage();
    for (let at = 0; at < 10; at++) await stage.send(peerId(at), topics(100));
    const messages = stage.victim.delivery.messages(filter);
    await take(messages, 1);
    await stage.send(FRIEND, ["topic 0"]);
    assertEquals(await take(messages, 1), [FRIEND]);
    // And the strangers go on where they were.
    assertEquals(await take(messages, 2), [peerId(1), peerId(2)]);
  });
}

Deno.test("while friends never stop sending, strangers together have one turn in eight", async () => {
  const stage = new Stage();
  await stage.send(FRIEND, topics(60));
  for (let at = 0; at < 3; at++) await stage.send(peerId(at), topics(60));
  const messages = stage.victim.delivery.messages();
  const taken = await take(messages, 4 * (STANDING_TURNS + 1));
  const others = taken.filter((id) => id !== FRIEND);
  assertEquals(others, [0, 1, 2, 0].map(peerId));
});

Deno.test("a sender with many topics has as many turns as one with a single one", async () => {
  const stage = new Stage();
  await stage.send(peerId(1), topics(100));
  await stage.send(peerId(2), Array(20).fill("one"));
  const taken = await take(stage.victim.delivery.messages(), 40);
  assertEquals(taken.filter((id) => id === peerId(2)).length, 20);
});

Deno.test("a peer that gains standing while its messages wait does not stay behind strangers", async () => {
  const stage = new Stage();
  for (let at = 0; at < 10; at++) await stage.send(peerId(at), topics(20));
  stage.friends.add(peerId(9));
  stage.tick();
  const messages = stage.victim.delivery.messages();
  assertEquals(await take(messages, 3), Array(3).fill(peerId(9)));
  stage.friends.delete(peerId(9));
  stage.tick();
  assertEquals(await take(messages, 2), [0, 1].map(peerId));
});

Deno.test("messages that went with their session keep no turn", async () => {
  const stage = new Stage();
  for (let at = 0; at < 3; at++) await stage.send(peerId(at), topics(20));
  stage.cut(peerId(0));
  await stage.send(FRIEND, ["one"]);
  stage.cut(FRIEND);
  const messages = stage.victim.delivery.messages();
  assertEquals(await take(messages, 3), [1, 2, 1].map(peerId));
});

for (const topic of [undefined, "topic 0"]) {
  Deno.test(`a consumer of some senders' messages gets those and no others, which go to another consumer: ${topic}`, async () => {
    const stage = new Stage();
    const filter = topic === undefined ? {} : { topic };
    const { delivery } = stage.victim;
    for (let at = 0; at < 3; at++) await stage.send(peerId(at), topics(2));
    await stage.send(FRIEND, ["topic 0"]);
    const isFriend = (id: string) => id === FRIEND;
    const friends = delivery.messages({ ...filter, from: isFriend });
    const rest = delivery.messages({ ...filter, from: (id) => !isFriend(id) });
    assertEquals(await take(friends, 1), [FRIEND]);
    assertEquals(await take(rest, 2), [0, 1].map(peerId));
    // The same when they wait before the message comes.
    const [next, other] = [friends.next(), rest.next()];
    await other;
    await stage.send(FRIEND, ["topic 0"]);
    assertEquals((await next).value?.from, FRIEND);
  });
}

Deno.test("a message whose sender a waiting consumer comes to want is delivered at the next tick", async () => {
  const stage = new Stage();
  const wanted = new Set<string>();
  const messages = stage.victim.delivery.messages({
    from: (id) => wanted.has(id),
  });
  const next = messages.next();
  await stage.send(peerId(1), ["topic 0"]);
  wanted.add(peerId(1));
  stage.tick();
  assertEquals((await next).value?.from, peerId(1));
});
