/** Bodies whose session ended before all of them had come go on where they were. */
import type { PeerId } from "../../src/core/peer_id.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { HeldBodies } from "../../src/delivery/held_bodies.ts";
import {
  IncomingMessage,
  PeerInbox,
} from "../../src/delivery/incoming_message.ts";
import { MessageId } from "../../src/delivery/seen_ids.ts";
import {
  ReceiveBudget,
  ReceiveShare,
} from "../../src/delivery/receive_budget.ts";
import {
  HELD_BODY_MS,
  MAX_HELD_BYTES,
  RECEIVE_BUDGET_BYTES,
  SHORT_BODY_RESERVE_BYTES,
} from "../../src/delivery/delivery_limits.ts";
import { MAX_BODY_BYTES } from "../../src/wire/wire_limits.ts";
import { VerackError } from "../../src/core/errors.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeResume } from "../../src/wire/messages/ack.ts";
import {
  B,
  type Stage,
  stage,
  takeAll,
  turns,
  Wire,
} from "../helpers/fake_frame_sink.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const BODY_BYTES = 1_000_000;

function body(bytes = BODY_BYTES): Uint8Array {
  return new SeededRandom(9).bytes(bytes);
}

/** Lets frames pass until so many bytes came from the first end. */
async function passBytes(wire: Wire, bytes: number): Promise<void> {
  for (let idle = 0; wire.passedBytes[0] < bytes && idle < 100;) {
    idle = wire.pass(0) || wire.pass(1) ? 0 : idle + 1;
    await turns();
  }
}

/** Begins a body, and sends it on another session once so much of it came. */
async function resumed(
  passed: number,
  lose: (first: Wire, it: Stage) => void | Promise<void>,
): Promise<{ taken: Uint8Array[]; bytes: number }> {
  const it = stage();
  const { a, b } = it;
  const taken = takeAll(b);
  const sent = a.delivery.send(B, body(), { topic: "bulk" });
  await passBytes(it.wire, passed);
  await lose(it.wire, it);
  const second = new Wire(a, b);
  await second.run();
  await sent;
  const [bytes] = second.passedBytes;
  return { taken: taken.map((message) => message.body), bytes };
}

for (const lost of ["both ends", "the sender's end only"]) {
  Deno.test(`a body goes on where it was when ${lost} lost the session`, async () => {
    const { taken, bytes } = await resumed(600_000, (wire, { a }) => {
      if (lost === "both ends") wire.cut();
      else a.delivery.route(B, undefined);
    });
    assertEquals(taken, [body()]);
    assert(bytes < 450_000, `${bytes} bytes`);
  });
}

Deno.test("a body that was acked while its sender lost the session is not sent again", async () => {
  const { taken, bytes } = await resumed(
    BODY_BYTES + 100,
    async (wire, { clock }) => {
      await clock.advance(10);
      wire.cut();
    },
  );
  assertEquals(taken, [body()]);
  assert(bytes < 1_000, `${bytes} bytes`);
});

Deno.test("the beginning of a body is dropped after a while, and all of it is sent again", async () => {
  const { taken, bytes } = await resumed(
    600_000,
    async (wire, { clock, b }) => {
      wire.cut();
      await clock.advance(HELD_BODY_MS);
      b.delivery.tick(clock.monotonic(), 0);
    },
  );
  assertEquals(taken, [body()]);
  assert(bytes > BODY_BYTES, `${bytes} bytes`);
});

Deno.test("a body that is cut off again and again is sent once in all", async () => {
  const { a, b, wire } = stage();
  wire.cut();
  const taken = takeAll(b);
  const sent = a.delivery.send(B, body());
  let bytes = 0;
  for (let cuts = 0; cuts < 8; cuts++) {
    const wire = new Wire(a, b);
    await passBytes(wire, 110_000);
    bytes += wire.passedBytes[0];
    wire.cut();
  }
  const last = new Wire(a, b);
  await last.run();
  await sent;
  assertEquals(taken.map((it) => it.body), [body()]);
  bytes += last.passedBytes[0];
  assert(bytes < 1.02 * BODY_BYTES, `${bytes} bytes`);
});

Deno.test("beginnings of many peers take no more than their share, and give way to bodies that are coming", () => {
  const budget = new ReceiveBudget(new VirtualClock());
  const held = new HeldBodies(budget);
  const bytes = MAX_BODY_BYTES;
  const used = () =>
    budget.lack(0, true) + RECEIVE_BUDGET_BYTES - SHORT_BODY_RESERVE_BYTES;
  const id = (at: number) => new MessageId(new Uint8Array(16).fill(at));
  const message = (from: PeerId, at: number, topic: string) => {
    const owner = { acked() {}, nacked() {}, released() {} };
    const stream = new PeerInbox(from, owner, 0, true)
      .stream(new TextEncoder().encode(topic));
    return new IncomingMessage(stream, id(at));
  };
  const keep = (from: PeerId, at: number, filled: number) => {
    const body = new Uint8Array(bytes);
    return held.keep(message(from, at, ""), { body, filled }, 0);
  };
  const takes = (from: PeerId, at: number, topic = "", total = bytes) => {
    const share = new ReceiveShare(() => {}, () => true);
    return held.take(message(from, at, topic), total, share)?.filled;
  };
  // Of all peers: those of which most has come stay.
  for (let at = 0; at < 12; at++) keep(`${at}` as PeerId, at, 1_000 * (at + 1));
  assertEquals(held.bytes, MAX_HELD_BYTES);
  assertEquals(used(), MAX_HELD_BYTES);
  assert(!keep("20" as PeerId, 20, 7_000), "the least of all");
  // Of one peer.
  assert(keep("11" as PeerId, 21, 50_000));
  assertEquals(takes("11" as PeerId, 11), undefined);
  // A body that is coming needs credit.
  held.giveWay(-budget.lack(0, true) + 2 * bytes, true);
  assertEquals(held.bytes, 2 * bytes);
  assertEquals(takes("10" as PeerId, 10), 11_000);
  // Another message with the same id.
  assertEquals(takes("11" as PeerId, 21, "other"), undefined);
  assertEquals(held.bytes, 0);
  // What was taken counts to the session that took it.
  assertEquals(used(), bytes);
  assert(keep("1" as PeerId, 1, 1_000));
  held.tick(HELD_BODY_MS);
  assertEquals(held.bytes, 0);
  assertEquals(used(), bytes);
  assert(!keep("1" as PeerId, 1, 0), "nothing has come");
});

Deno.test("a resume that cannot be is a breach of the protocol", async () => {
  const cases: [string, { number: number; held: number }][] = [
    ["was not sent", { number: 1, held: 10 }],
    ["must be fewer", { number: 0, held: BODY_BYTES }],
    ["was not requested", { number: 0, held: 10 }],
  ];
  for (const [words, resume] of cases) {
    const { a, wire } = stage();
    a.delivery.send(B, body(words.endsWith("requested") ? 10_000 : BODY_BYTES));
    await turns();
    const size = words.endsWith("requested") ? { ...resume, held: 5 } : resume;
    const frame = { command: COMMAND.resume, payload: encodeResume(size) };
    assertThrows(
      () => wire.ends[0].receive(frame),
      VerackError,
      words,
    );
  }
});
