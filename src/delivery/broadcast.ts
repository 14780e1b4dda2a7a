/** A message to many peers: how long it waits for them, and which have acknowledged it. */
import type { Clock } from "../core/clock.ts";
import type { VerackError } from "../core/errors.ts";
import type { PeerId } from "../core/peer_id.ts";
import { BROADCAST_REST_MS, BROADCAST_WAIT_MS } from "./delivery_limits.ts";
import type {
  MessageBody,
  OutgoingMessage,
  Waiter,
} from "./outgoing_message.ts";

/** The result of a broadcast. */
export interface BroadcastResult {
  /** The message's id, 32 hex digits. */
  readonly id: string;
  /** Peers whose applications acked it. */
  readonly delivered: readonly PeerId[];
  /** Peers for which it is kept, and sent until it expires. */
  readonly waiting: readonly PeerId[];
  /** Peers that will not get it, and the reason, such as `full`. */
  readonly failed: readonly {
    readonly id: PeerId;
    readonly error: VerackError;
  }[];
}

/**
 * Waits until all connected receivers have acknowledged, or the time is over. Once all with
 * standing have acknowledged (if there are none, any other), the rest get as long again.
 */
export class Broadcast implements Waiter {
  readonly outgoings: OutgoingMessage[] = [];
  readonly #content: MessageBody;
  readonly #clock: Clock;
  readonly #onEnd: (result: BroadcastResult) => void;
  readonly #begunAt: number;
  /** Monotonic clock, milliseconds. */
  #deadline: number;
  readonly #failed: BroadcastResult["failed"][number][] = [];
  readonly #awaited = new Set<OutgoingMessage>();
  /** Awaited receivers with standing, and whether there were any. */
  readonly #standing = new Set<OutgoingMessage>();
  #hasStanding = false;

  constructor(
    content: MessageBody,
    clock: Clock,
    onEnd: (result: BroadcastResult) => void,
    waitMs: number = BROADCAST_WAIT_MS,
  ) {
    if (!(waitMs >= 0)) {
      throw new RangeError(
        `Cannot send: waitMs is ${waitMs}, must be 0 or more`,
      );
    }
    this.#content = content;
    this.#clock = clock;
    this.#onEnd = onEnd;
    this.#begunAt = clock.monotonic();
    this.#deadline = this.#begunAt + waitMs;
  }

  /** Adds a receiver whose message did not fit. */
  refuse(id: PeerId, error: VerackError): void {
    this.#failed.push({ id, error });
  }

  /** Adds a receiver, which is waited for if it is connected. */
  add(
    outgoing: OutgoingMessage,
    isConnected: boolean,
    hasStanding: boolean,
  ): void {
    this.outgoings.push(outgoing);
    if (!isConnected) return;
    this.#awaited.add(outgoing);
    if (!hasStanding) return;
    this.#standing.add(outgoing);
    this.#hasStanding = true;
  }

  /** Whether a receiver is waited for. */
  get isWaiting(): boolean {
    return this.#awaited.size > 0;
  }

  /** Ends if its time is over. */
  tick(now: number): void {
    if (this.#deadline <= now) this.end();
  }

  end(): void {
    const delivered: PeerId[] = [];
    const waiting: PeerId[] = [];
    const failed = this.#failed;
    for (const { to, done, error } of this.outgoings) {
      if (error !== undefined) failed.push({ id: to, error });
      else if (done) delivered.push(to);
      else waiting.push(to);
    }
    this.#awaited.clear();
    const id = this.#content.id.toHex();
    this.#onEnd({ id, delivered, waiting, failed });
  }

  acknowledged(outgoing: OutgoingMessage): void {
    this.#settle(outgoing, true);
  }

  failed(outgoing: OutgoingMessage): void {
    this.#settle(outgoing, false);
  }

  disconnected(outgoing: OutgoingMessage): void {
    this.#settle(outgoing, false);
  }

  #settle(outgoing: OutgoingMessage, isAcknowledged: boolean): void {
    if (!this.#awaited.delete(outgoing)) return;
    this.#standing.delete(outgoing);
    if (this.#awaited.size === 0) return this.end();
    const isEnough = this.#hasStanding
      ? this.#standing.size === 0
      : isAcknowledged;
    if (isEnough) this.#hurry();
  }

  /** Waits for the rest as long again, at least `BROADCAST_REST_MS`. */
  #hurry(): void {
    const now = this.#clock.monotonic();
    const until = now + Math.max(BROADCAST_REST_MS, now - this.#begunAt);
    this.#deadline = Math.min(this.#deadline, until);
  }
}
