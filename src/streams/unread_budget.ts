/**
 * Memory of what has come on the streams of a node and is not read. When it is used up, the
 * peer that holds most loses the stream that holds most: a peer without standing first.
 */
import {
  MAX_UNREAD_BYTES,
  STREAM_WINDOW_BUDGET_BYTES,
} from "./streams_limits.ts";

/** A stream that holds unread bytes. */
export interface UnreadStream {
  readonly heldBytes: number;
  /** Resets it, which releases its memory. */
  evict(): void;
}

/** The streams of one session. */
export class UnreadShare {
  readonly hasStanding: () => boolean;
  readonly streams = new Set<UnreadStream>();
  bytes = 0;

  /** `hasStanding` is of the peer. */
  constructor(hasStanding: () => boolean) {
    this.hasStanding = hasStanding;
  }
}

/** The unread bytes of one node, and its windows beyond the least. */
export class UnreadBudget {
  readonly #max: number;
  readonly #shares = new Set<UnreadShare>();
  #bytes = 0;
  #windowBytes = 0;

  constructor(max: number = MAX_UNREAD_BYTES) {
    this.#max = max;
  }

  /** Bytes in use. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The memory of a stream has changed; evicts streams if it is too much. */
  changed(share: UnreadShare, stream: UnreadStream, change: number): void {
    this.#bytes += change;
    share.bytes += change;
    if (change < 0) {
      if (stream.heldBytes === 0) share.streams.delete(stream);
      if (share.bytes === 0) this.#shares.delete(share);
      return;
    }
    share.streams.add(stream);
    this.#shares.add(share);
    while (this.#bytes > this.#max) {
      const largest = this.#largest(false) ?? this.#largest(true);
      if (largest === undefined) return;
      this.#evictFrom(largest);
    }
  }

  /** Takes credit beyond the least for a window; false if there is too little. */
  growWindow(bytes: number): boolean {
    if (this.#windowBytes + bytes > STREAM_WINDOW_BUDGET_BYTES) return false;
    this.#windowBytes += bytes;
    return true;
  }

  /** Returns what {@linkcode growWindow} took. */
  returnWindow(bytes: number): void {
    this.#windowBytes -= bytes;
  }

  #evictFrom(share: UnreadShare): void {
    let most: UnreadStream | undefined;
    for (const stream of share.streams) {
      if (stream.heldBytes > (most?.heldBytes ?? 0)) most = stream;
    }
    if (most === undefined) return void this.#shares.delete(share);
    most.evict();
    // It has released its memory; this is for one that has not.
    share.streams.delete(most);
  }

  #largest(hasStanding: boolean): UnreadShare | undefined {
    let largest: UnreadShare | undefined;
    for (const share of this.#shares) {
      if (share.bytes <= (largest?.bytes ?? 0)) continue;
      if (share.hasStanding() === hasStanding) largest = share;
    }
    return largest;
  }
}
