/** A message to many peers: how long it waits for them, and which have acknowledged it. */
import type { Clock } from "../core/clock.ts";
import type { VerackError } from "../core/errors.ts";
import type { PeerId } from "../core/peer_id.ts";
import { BROADCAST_REST_MS } from "./delivery_limits.ts";
import type { MessageBody } from "./message_body.ts";
import { OutgoingMessage } from "./outgoing_message.ts";

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

/** A message of a broadcast to one of its receivers. */
class BroadcastMessage extends OutgoingMessage {
  readonly #broadcast: Broadcast;
  /** Whether the broadcast waits for it. */
  isAwaited: boolean;
  /** Whether its receiver had standing. */
  readonly hasStanding: boolean;

  constructor(
    broadcast: Broadcast,
    to: PeerId,
    isAwaited: boolean,
    hasStanding: boolean,
  ) {
    super(broadcast.content, to);
    this.#broadcast = broadcast;
    this.isAwaited = isAwaited;
    this.hasStanding = hasStanding;
  }

  override acknowledged(): void {
    this.#broadcast.settled(this, true);
  }

  override failed(): void {
    this.#broadcast.settled(this, false);
  }

  override disconnected(): void {
    this.#broadcast.settled(this, false);
  }
}

/**
 * Waits until all connected receivers have acknowledged, or the time is over. Once all with
 * standing have acknowledged (if there are none, any other), the rest get as long again.
 */
export class Broadcast {
  readonly content: MessageBody;
  readonly outgoings: BroadcastMessage[] = [];
  readonly #id: string;
  readonly #clock: Clock;
  readonly #onEnd: (result: BroadcastResult) => void;
  readonly #begunAt: number;
  /** Monotonic clock, milliseconds. */
  #deadline: number;
  readonly #failed: BroadcastResult["failed"][number][] = [];
  /** Awaited receivers; those of them with standing, and whether there were any. */
  #awaited = 0;
  #awaitedWithStanding = 0;
  #hasStanding = false;

  constructor(
    content: MessageBody,
    clock: Clock,
    onEnd: (result: BroadcastResult) => void,
    waitMs: number,
  ) {
    this.content = content;
    this.#id = content.id.toHex();
    this.#clock = clock;
    this.#onEnd = onEnd;
    this.#begunAt = content.accepted.monotonic;
    this.#deadline = this.#begunAt + waitMs;
  }

  /** Adds a receiver whose message did not fit. */
  refuse(id: PeerId, error: VerackError): void {
    this.#failed.push({ id, error });
  }

  /** Adds a receiver, which is waited for if it is connected. */
  add(to: PeerId, isConnected: boolean, hasStanding: boolean): void {
    this.outgoings.push(
      new BroadcastMessage(this, to, isConnected, hasStanding),
    );
    if (!isConnected) return;
    this.#awaited++;
    if (!hasStanding) return;
    this.#awaitedWithStanding++;
    this.#hasStanding = true;
  }

  /** Whether a receiver is waited for. */
  get isWaiting(): boolean {
    return this.#awaited > 0;
  }

  /** Ends if its time is over. */
  tick(now: number): void {
    if (this.#deadline <= now) this.end();
  }

  end(): void {
    const delivered: PeerId[] = [];
    const waiting: PeerId[] = [];
    const failed = this.#failed;
    for (const outgoing of this.outgoings) {
      const { to, done, error } = outgoing;
      outgoing.isAwaited = false;
      if (error !== undefined) failed.push({ id: to, error });
      else if (done) delivered.push(to);
      else waiting.push(to);
    }
    this.#onEnd({ id: this.#id, delivered, waiting, failed });
  }

  /** A receiver has acknowledged, or need not be waited for. */
  settled(outgoing: BroadcastMessage, isAcknowledged: boolean): void {
    if (!outgoing.isAwaited) return;
    outgoing.isAwaited = false;
    if (outgoing.hasStanding) this.#awaitedWithStanding--;
    if (--this.#awaited === 0) return this.end();
    const isEnough = this.#hasStanding
      ? this.#awaitedWithStanding === 0
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
