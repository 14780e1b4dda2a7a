/** What a receiver may say of messages, and what ends its session. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import {
  ACK_STATUS,
  type AckRange,
  type AckStatus,
  encodeAck,
} from "../../src/wire/messages/ack.ts";
import { MIN_WINDOW_BYTES } from "../../src/delivery/delivery_limits.ts";
import { type Party, party, Wire } from "../helpers/fake_frame_sink.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

interface Stage extends Disposable {
  readonly sender: Party;
  readonly wire: Wire;
  /** The receiver says what became of messages. */
  ack(...ranges: AckRange[]): void;
}

/** A sender, with `bodies` sent or on the way, and the wire to its receiver. */
async function stage(...bodies: number[]): Promise<Stage> {
  const clock = new VirtualClock();
  const sender = party("a".repeat(64), clock);
  const receiver = party("b".repeat(64), clock, { seed: 2 });
  const wire = new Wire(sender, receiver);
  const [sink] = wire.ends;
  for (const size of bodies) {
    sender.delivery.send(receiver.id, new Uint8Array(size)).catch(() => {});
  }
  for (let i = 0; i < 30; i++) await Promise.resolve();
  return {
    sender,
    wire,
    ack: (...ranges) => {
      const payload = encodeAck({ limit: 10 * MIN_WINDOW_BYTES, ranges });
      const frame = { command: COMMAND.ack, payload };
      sink.receive(frame);
    },
    [Symbol.dispose]() {
      const error = new VerackError("stopped", "The test is over");
      for (const { delivery } of [sender, receiver]) {
        delivery.close(error, { flush: false });
      }
    },
  };
}

function about(first: number, status: AckStatus, count = 1): AckRange {
  return { first, count, status };
}

function assertRefused(ack: () => void, because: string): void {
  const error = assertThrows(ack, VerackError, because);
  assertEquals(error.code, "protocol");
}

for (const status of [ACK_STATUS.acked, ACK_STATUS.rejected]) {
  Deno.test(`an ack of status ${status} before all of a message was sent is refused`, async () => {
    using it = await stage(2_000_000);
    it.ack(about(0, ACK_STATUS.credit));
    const chunks = it.wire.ends[0].queue.filter(({ command }) =>
      command === COMMAND.chunk
    );
    const sent = chunks.reduce((sum, { payload }) => sum + payload.length, 0);
    assert(sent > 0 && sent < 2_000_000, `${sent} bytes were sent`);
    assertRefused(
      () => it.ack(about(0, status)),
      "settled before all of it was sent",
    );
    assertEquals(it.sender.delivery.outbox.messages, 1);
  });
}

Deno.test("an ack of a message that was sent whole is taken, once", async () => {
  using it = await stage(100, 100);
  it.ack(about(0, ACK_STATUS.acked));
  assertEquals(it.sender.delivery.outbox.messages, 1);
  assertRefused(() => it.ack(about(0, ACK_STATUS.acked)), "or is settled");
});

Deno.test("an ack of messages that were never sent is refused", async () => {
  using it = await stage(100);
  assertRefused(() => it.ack(about(1, ACK_STATUS.acked)), "was not sent");
  assertRefused(() => it.ack(about(0, ACK_STATUS.acked, 2)), "was not sent");
  assertEquals(it.sender.delivery.outbox.messages, 1);
});

Deno.test("credit for a message that did not request it is refused", async () => {
  using it = await stage(100);
  assertRefused(() => it.ack(about(0, ACK_STATUS.credit)), "was not requested");
});
