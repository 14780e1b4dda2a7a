/**
 * Memory that the sessions of one node share: write queues, and buffers of large
 * incoming frames. When it is used up, the session with the longest queue or the
 * slowest frame is evicted.
 */
import {
  LARGE_FRAME_GRACE_MS,
  MAX_TOTAL_FRAME_BYTES,
  MAX_TOTAL_QUEUE_BYTES,
} from "../budget_limits.ts";

/** The queue of one session. */
export interface QueueMember {
  /** Bytes that wait. */
  readonly queuedBytes: number;
  /** Closes the session, because others need the memory. */
  readonly onEvict: () => void;
}

/** All queues of one node. */
export class QueueBudget {
  readonly #members = new Set<QueueMember>();
  readonly #max: number;
  #bytes = 0;

  constructor(max: number = MAX_TOTAL_QUEUE_BYTES) {
    this.#max = max;
  }

  /** Bytes that wait in all queues. */
  get bytes(): number {
    return this.#bytes;
  }

  join(member: QueueMember): void {
    this.#members.add(member);
  }

  /** Removes a queue; its bytes must be subtracted by {@linkcode change} before. */
  detach(member: QueueMember): void {
    this.#members.delete(member);
  }

  /** A queue grew or shrank by `bytes`. */
  change(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Makes room for `bytes` more by evicting the longest queues. */
  makeRoom(bytes: number): void {
    while (this.#bytes + bytes > this.#max) {
      let longest: QueueMember | undefined;
      for (const member of this.#members) {
        if (member.queuedBytes > (longest?.queuedBytes ?? 0)) longest = member;
      }
      if (longest === undefined) return;
      this.#members.delete(longest);
      longest.onEvict();
    }
  }
}

/** A session that reads a large frame. */
export interface FrameHolder {
  /** Closes the session, because others need the memory and its time is over. */
  readonly onEvict: () => void;
}

/** Buffers of large frames, beyond what every session may have. */
export class FrameBudget {
  readonly #holders = new Map<FrameHolder, { bytes: number; since: number }>();
  readonly #max: number;
  #bytes = 0;

  constructor(max: number = MAX_TOTAL_FRAME_BYTES) {
    this.#max = max;
  }

  /** Bytes in use. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Sets how much a session holds; false, and unchanged for the session, if there is no room. */
  hold(holder: FrameHolder, bytes: number, now: number): boolean {
    const held = this.#holders.get(holder);
    const more = bytes - (held?.bytes ?? 0);
    if (more > 0) this.#makeRoom(holder, more, now);
    if (more > 0 && this.#bytes + more > this.#max) return false;
    this.#bytes += more;
    if (bytes === 0) this.#holders.delete(holder);
    else if (held === undefined) {
      this.#holders.set(holder, { bytes, since: now });
    } else held.bytes = bytes;
    return true;
  }

  #makeRoom(asker: FrameHolder, more: number, now: number): void {
    // In insertion order: the oldest first.
    for (const [holder, { since }] of [...this.#holders]) {
      if (this.#bytes + more <= this.#max) return;
      if (holder === asker || now - since < LARGE_FRAME_GRACE_MS) continue;
      holder.onEvict();
    }
  }
}

/** What the sessions of one node share. */
export interface NodeBudget {
  readonly queues: QueueBudget;
  readonly frames: FrameBudget;
}
