/**
 * Memory that the sessions of one node share: write queues, and buffers of large
 * incoming frames. When it is used up, the session with the longest queue or the
 * slowest frame is evicted: of peers without standing first, and never of one with
 * standing for one without.
 */
import {
  LARGE_FRAME_GRACE_MS,
  MAX_TOTAL_FRAME_BYTES,
  MAX_TOTAL_QUEUE_BYTES,
  STRANGERS_FRAME_SHARE,
} from "./session_limits.ts";
import type { StrangersMeter } from "./frame_meter.ts";

/** The queue of one session. */
export interface QueueMember {
  /** Bytes that wait. */
  readonly queuedBytes: number;
  readonly hasStanding: boolean;
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

  /** Makes room for `bytes` more of `asker` by evicting the longest queues. */
  makeRoom(bytes: number, asker: QueueMember): void {
    while (this.#bytes + bytes > this.#max) {
      const longest = this.#longest(false) ??
        (asker.hasStanding ? this.#longest(true) : asker);
      if (longest === undefined || !this.#members.has(longest)) return;
      this.#members.delete(longest);
      longest.onEvict();
    }
  }

  #longest(hasStanding: boolean): QueueMember | undefined {
    let longest: QueueMember | undefined;
    for (const member of this.#members) {
      if (member.queuedBytes <= (longest?.queuedBytes ?? 0)) continue;
      if (member.hasStanding === hasStanding) longest = member;
    }
    return longest;
  }
}

/** A session that reads a large frame. */
export interface FrameHolder {
  readonly hasStanding: boolean;
  /** Closes the session, because others need the memory and its frame has taken too long. */
  readonly onEvict: () => void;
}

/** Memory of one session, and since when. */
interface Holding {
  bytes: number;
  readonly since: number;
  readonly isStranger: boolean;
}

/** Buffers of large frames, beyond what every session may have. */
export class FrameBudget {
  readonly #holders = new Map<FrameHolder, Holding>();
  readonly #max: number;
  #bytes = 0;
  /** Bytes of peers that had no standing when their frame began. */
  #strangersBytes = 0;

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
    const isStranger = held?.isStranger ?? !holder.hasStanding;
    if (more > 0 && !this.#fits(more, isStranger)) {
      this.#makeRoom(holder, more, now, { isStranger, of: true });
      if (!isStranger) {
        this.#makeRoom(holder, more, now, { isStranger, of: false });
      }
      if (!this.#fits(more, isStranger)) return false;
    }
    this.#bytes += more;
    if (isStranger) this.#strangersBytes += more;
    if (bytes === 0) this.#holders.delete(holder);
    else if (held !== undefined) held.bytes = bytes;
    else this.#holders.set(holder, { bytes, since: now, isStranger });
    return true;
  }

  #fits(more: number, isStranger: boolean): boolean {
    const most = STRANGERS_FRAME_SHARE * this.#max;
    return this.#bytes + more <= this.#max &&
      !(isStranger && this.#strangersBytes + more > most);
  }

  /** Evicts holders whose frames have taken too long: with `of` strangers, else the others. */
  #makeRoom(
    asker: FrameHolder,
    more: number,
    now: number,
    { isStranger, of }: { isStranger: boolean; of: boolean },
  ): void {
    // In insertion order: the oldest first.
    for (const [holder, held] of [...this.#holders]) {
      if (this.#fits(more, isStranger)) return;
      const isEarly = now - held.since < LARGE_FRAME_GRACE_MS;
      if (holder === asker || isEarly || held.isStranger !== of) continue;
      holder.onEvict();
    }
  }
}

/** The budgets that the sessions of one node share. */
export interface NodeBudget {
  readonly queues: QueueBudget;
  readonly frames: FrameBudget;
  /** Used by the `FrameMeter` of each session. */
  readonly strangers: StrangersMeter;
}
