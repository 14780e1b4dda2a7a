/**
 * Whatever happens to sessions and processes, every message is acked once, in the
 * order of its topic, or its sender is told.
 */
import type { PeerId } from "../../src/core/peer_id.ts";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { MemoryMessageStore } from "../../src/mesh/peers/memory_message_store.ts";
import type { Message } from "../../src/delivery/incoming_message.ts";
import { VerackError } from "../../src/core/errors.ts";
import {
  A,
  B,
  end,
  type Party,
  party,
  turns,
  unacknowledged,
  Wire,
} from "../helpers/fake_frame_sink.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const TOPICS = ["", "bulk", "chat"];
const SIZES = [4, 100, 5_000, 40_000, 70_000, 400_000];

type Step =
  | { readonly do: "send"; readonly topic: number; readonly size: number }
  | { readonly do: "broadcast"; readonly topic: number; readonly size: number }
  | { readonly do: "pass"; readonly from: 0 | 1; readonly count: number }
  | { readonly do: "ack" | "nack" | "leave"; readonly count: number }
  | { readonly do: "cut" | "second session" | "wait" }
  | { readonly do: "restart sender" | "restart receiver" };

const count = fc.integer({ min: 1, max: 30 });
const from = fc.constantFrom<(0 | 1)[]>(0, 1);
const topic = fc.nat({ max: TOPICS.length - 1 });
const size = fc.nat({ max: SIZES.length - 1 });
const as = <Do extends string>(...what: Do[]) => fc.constantFrom(...what);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: as("send"), topic, size }) },
  { weight: 2, arbitrary: fc.record({ do: as("broadcast"), topic, size }) },
  { weight: 8, arbitrary: fc.record({ do: as("pass"), from, count }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: as("ack", "nack", "leave"), count }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: as("cut", "second session", "wait") }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: as("restart sender", "restart receiver") }),
  },
);

/** Takes as many messages as it may, and does with each what it is told. */
class TestConsumer {
  readonly taken: Message[] = [];
  #open = true;
  #todo: ("ack" | "nack" | "leave")[] = [];
  #wake = () => {};

  constructor(receiver: Party) {
    this.#run(receiver);
  }

  add(what: "ack" | "nack" | "leave", count: number): void {
    for (let i = 0; i < count; i++) this.#todo.push(what);
    this.#wake();
  }

  stop(): void {
    this.#open = false;
    this.#wake();
  }

  async #run(receiver: Party): Promise<void> {
    while (this.#open) {
      for await (const message of receiver.delivery.messages()) {
        while (this.#open && this.#todo.length === 0) {
          await new Promise<void>((resolve) => this.#wake = resolve);
        }
        if (!this.#open) return;
        const what = this.#todo.shift();
        if (what === "leave") break;
        if (what === "nack") message.nack();
        else {
          this.taken.push(message);
          message.ack();
        }
      }
      await Promise.resolve();
    }
  }
}

/** A sender, a receiver, what is between them and what is known of it all. */
class World {
  readonly clock = new VirtualClock();
  readonly stores = [new MemoryMessageStore(), new MemoryMessageStore()];
  sender: Party;
  receiver: Party;
  wires: Wire[] = [];
  consumer: TestConsumer;
  readonly taken: Message[] = [];
  sent = 0;
  acknowledged = 0;
  rejected = 0;
  #seed = 1;

  constructor() {
    this.sender = this.#start(A, 0);
    this.receiver = this.#start(B, 1);
    this.consumer = new TestConsumer(this.receiver);
  }

  send(topicAt: number, sizeAt: number, toAll: boolean): void {
    const body = new Uint8Array(SIZES[sizeAt]!);
    new DataView(body.buffer).setUint32(0, this.sent++);
    const options = { topic: TOPICS[topicAt]! };
    const { delivery } = this.sender;
    if (toAll) {
      delivery.broadcast([this.receiver.id], body, options);
      return;
    }
    delivery.send(this.receiver.id, body, options).then(
      () => this.acknowledged++,
      (error) => {
        assert(error instanceof VerackError);
        assert(["stopped", "rejected"].includes(error.code), error.message);
      },
    );
  }

  connect(): void {
    this.wires.push(new Wire(this.sender, this.receiver));
  }

  cut(): void {
    for (const wire of this.wires.splice(0)) wire.cut();
  }

  restart(which: 0 | 1): void {
    this.cut();
    if (which === 0) {
      this.rejected += this.sender.givenUp.length;
      end(this.sender);
      this.sender = this.#start(this.sender.id, 0);
    } else {
      this.taken.push(...this.consumer.taken);
      this.consumer.stop();
      end(this.receiver);
      this.receiver = this.#start(this.receiver.id, 1);
      this.consumer = new TestConsumer(this.receiver);
    }
    this.connect();
  }

  async wait(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 250) {
      await this.clock.advance(250);
      for (const { delivery } of [this.sender, this.receiver]) {
        delivery.tick(this.clock.monotonic(), 0);
      }
    }
  }

  /** Everything that there is comes through. */
  async settle(): Promise<void> {
    this.cut();
    this.connect();
    this.consumer.add("ack", 100_000);
    for (let round = 0; round < 200; round++) {
      await this.wires[0]!.run();
      if (this.sender.delivery.outbox.messages === 0) break;
      await this.wait(1_000);
    }
    this.taken.push(...this.consumer.taken);
    this.rejected += this.sender.givenUp.length;
    this.consumer.stop();
  }

  #start(id: PeerId, which: 0 | 1): Party {
    const { clock, stores } = this;
    return party(id, clock, { store: stores[which]!, seed: this.#seed++ });
  }
}

async function play(steps: readonly Step[]): Promise<void> {
  const world = new World();
  world.connect();
  for (const it of steps) {
    switch (it.do) {
      case "send":
      case "broadcast":
        world.send(it.topic, it.size, it.do === "broadcast");
        break;
      case "pass":
        for (let i = 0; i < it.count; i++) {
          for (const wire of world.wires) wire.pass(it.from);
        }
        break;
      case "ack":
      case "nack":
      case "leave":
        world.consumer.add(it.do, it.do === "ack" ? it.count : 1);
        break;
      case "cut":
        world.cut();
        world.connect();
        break;
      case "second session":
        if (world.wires.length < 3) world.connect();
        break;
      case "wait":
        await world.wait(1_000);
        break;
      case "restart sender":
        world.restart(0);
        break;
      case "restart receiver":
        world.restart(1);
        break;
    }
    await turns(20);
  }
  await world.settle();

  assertEquals(unacknowledged(world.sender), { messages: 0, bytes: 0 });
  const ids = world.taken.map(({ id }) => id);
  assertEquals(new Set(ids).size, ids.length, "a message was acked twice");
  assertEquals(
    world.taken.length + world.rejected,
    world.sent,
    "a message was lost",
  );
  for (const topic of TOPICS) {
    const numbers = world.taken.filter((message) => message.topic === topic)
      .map(({ body }) => new DataView(body.buffer).getUint32(0));
    const sorted = numbers.toSorted((a, b) => a - b);
    assertEquals(numbers, sorted, `the order of "${topic}" changed`);
  }
  for (const message of world.taken) {
    assert(SIZES.includes(message.body.length), "a body was cut");
    assert(message.body.subarray(4).every((byte) => byte === 0));
  }
  assertEquals([...world.stores[0]!.outgoing()], []);
}

Deno.test("across cut sessions, collisions and restarts every message is acked once and in order, or its sender is told", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), play),
    { numRuns: 300 },
  );
});
