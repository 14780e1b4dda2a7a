/**
 * Memory of the streams of a node. When that of what has come and is not read is used up, the
 * peer that holds most loses the stream that holds most: a peer without standing first. When much
 * waits to be sent, writers wait until all of theirs is sent.
 */
import {
  MAX_UNREAD_BYTES,
  MAX_WRITE_QUEUE_BYTES,
  MAX_WRITE_QUEUES_BYTES,
  RELAYED_WINDOW_BUDGET_BYTES,
  STRANGERS_WINDOW_BYTES,
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
  /** Bytes of windows beyond the least that were taken while the peer had no standing. */
  strangerWindowBytes = 0;

  /** `hasStanding` is of the peer. */
  constructor(hasStanding: () => boolean) {
    this.hasStanding = hasStanding;
  }
}

/** The streams of one node. */
export class StreamMemory {
  readonly #max: number;
  readonly #shares = new Set<UnreadShare>();
  #bytes = 0;
  #queuedBytes = 0;
  #windowBytes = 0;
  #strangerWindowBytes = 0;
  #relayedWindowBytes = 0;

  constructor(max: number = MAX_UNREAD_BYTES) {
    this.#max = max;
  }

  /** Bytes that are not read. */
  get unreadBytes(): number {
    return this.#bytes;
  }

  /** Bytes that wait to be sent. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Bytes of one stream that may wait to be sent before its writers do. */
  get maxQueueBytes(): number {
    return this.#queuedBytes < MAX_WRITE_QUEUES_BYTES
      ? MAX_WRITE_QUEUE_BYTES
      : 0;
  }

  /** The memory of what waits to be sent has changed. */
  queued(change: number): void {
    this.#queuedBytes += change;
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
  growWindow(share: UnreadShare, bytes: number, isRelayed = false): boolean {
    if (this.#windowBytes + bytes > STREAM_WINDOW_BUDGET_BYTES) return false;
    const relayed = this.#relayedWindowBytes + (isRelayed ? bytes : 0);
    if (isRelayed && relayed > RELAYED_WINDOW_BUDGET_BYTES) return false;
    if (!share.hasStanding()) {
      const strangers = this.#strangerWindowBytes + bytes;
      if (strangers > STRANGERS_WINDOW_BYTES) return false;
      this.#strangerWindowBytes = strangers;
      share.strangerWindowBytes += bytes;
    }
    this.#windowBytes += bytes;
    this.#relayedWindowBytes = relayed;
    return true;
  }

  /** Returns what {@linkcode growWindow} took. */
  returnWindow(share: UnreadShare, bytes: number, isRelayed = false): void {
    this.#windowBytes -= bytes;
    if (isRelayed) this.#relayedWindowBytes -= bytes;
    const strangers = Math.min(bytes, share.strangerWindowBytes);
    share.strangerWindowBytes -= strangers;
    this.#strangerWindowBytes -= strangers;
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
