/**
 * When a message counts as acknowledged: once the application acked it (or asked for the
 * next one), its id is in the store, and that is durable. Only then `ack` goes to its
 * sender, which drops the message from its outbox and resolves `send`. Without an `ack`
 * the message is sent again, and recognised by its id in the store.
 */
import type { Clock } from "../core/clock.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import { COMMAND } from "../wire/commands.ts";
import { ACK_STATUS, type AckStatus, encodeAck } from "../wire/messages/ack.ts";
import { MAX_ACK_RANGES } from "../wire/wire_limits.ts";
import { ACK_DELAY_MS } from "./delivery_limits.ts";
import type { FrameSink } from "./frame_sink.ts";
import type { MessageStore } from "./message_store.ts";
import type { ReceiveWindow } from "./receive_window.ts";

/** A range of `ack` that grows. */
interface OpenRange {
  readonly first: number;
  count: number;
  readonly status: AckStatus;
}

/** Dependencies of an {@linkcode Acknowledger}. */
export interface AcknowledgerOptions {
  readonly clock: Clock;
  readonly store: MessageStore | undefined;
  readonly sink: FrameSink;
  readonly window: ReceiveWindow;
  /** Whether nothing is left to settle, so that no other ack can be waited for. */
  readonly isIdle: () => boolean;
}

/** Sends the acks of one session, and grants credit with them. */
export class Acknowledger {
  readonly #options: AcknowledgerOptions;
  #ranges: OpenRange[] = [];
  /** `MessageStore.losses` when the first of them came. */
  #since = 0;
  #releasedAtFlush = 0;
  #flushing = false;
  #cancelTimer: (() => void) | undefined;
  #closed = false;

  constructor(options: AcknowledgerOptions) {
    this.#options = options;
  }

  /** Acknowledges a message, once all that is in the store by now is durable. */
  acknowledge(number: number, status: AckStatus): void {
    const first = number >>> 0;
    if (this.#ranges.length === 0) {
      this.#since = this.#options.store?.losses ?? 0;
    }
    const last = this.#ranges.at(-1);
    if (last?.status === status && last.first + last.count === first) {
      last.count++;
    } else this.#ranges.push({ first, count: 1, status });
    if (this.#flushing) return;
    // One ack covers all messages of a turn of the event loop. It is not delayed
    // when nothing is left to settle, or when the sender needs credit.
    const { clock, window, isIdle } = this.#options;
    const released = window.released - this.#releasedAtFlush;
    const isUrgent = status === ACK_STATUS.credit || isIdle() ||
      4 * released >= window.size;
    if (isUrgent) {
      this.#flushing = true;
      queueMicrotask(() => this.#flush());
    } else {
      // It runs on after a flush, which costs less than a timer for each.
      this.#cancelTimer ??= clock.after(ACK_DELAY_MS, () => {
        this.#cancelTimer = undefined;
        this.#flush();
      });
    }
  }

  /** Sends all acks at once, after `MessageStore.commit`; not if what they are for was lost. */
  flushNow(): void {
    const ranges = this.#ranges;
    this.#ranges = [];
    const losses = this.#options.store?.losses ?? 0;
    if (ranges.length > 0 && losses === this.#since) this.#send(ranges);
  }

  /** The session has ended. */
  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
  }

  async #flush(): Promise<void> {
    this.#flushing = false;
    if (this.#ranges.length === 0 || this.#closed) return;
    const { store, window, sink } = this.#options;
    const ranges = this.#ranges;
    this.#ranges = [];
    this.#releasedAtFlush = window.released;
    try {
      await store?.committed(this.#since);
    } catch (error) {
      const reason = `acks cannot be recorded: ${messageOf(error)}`;
      const what = `Cannot acknowledge: ${reason}`;
      sink.leave(new VerackError("bad-data", what, { cause: error }));
      return;
    }
    this.#send(ranges);
  }

  #send(ranges: readonly OpenRange[]): void {
    if (this.#closed) return;
    const { sink, window } = this.#options;
    const limit = window.grant();
    for (let at = 0; at < ranges.length; at += MAX_ACK_RANGES) {
      const some = ranges.length <= MAX_ACK_RANGES
        ? ranges
        : ranges.slice(at, at + MAX_ACK_RANGES);
      sink.send(COMMAND.ack, encodeAck({ limit, ranges: some }));
    }
  }
}
