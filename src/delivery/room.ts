/**
 * Memory that is promised to senders before they send: what windows have beyond
 * the least, and bodies too large for a window. One of each for a whole node, so
 * that its worst case is a sum.
 */
import { MAX_ROOM_PER_SESSION_BYTES } from "../delivery_limits.ts";

/** Bytes that can be taken while there are some. */
export class Budget {
  #free: number;

  constructor(bytes: number) {
    this.#free = bytes;
  }

  /** Bytes not taken. */
  get free(): number {
    return this.#free;
  }

  /** Whether there were so many, which are taken then. */
  take(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#free += bytes;
  }
}

/** Somebody who wants room for a body. */
export interface RoomRequest {
  readonly bytes: number;
  /** One session's share; the same object for all its requests. */
  readonly share: RoomShare;
  readonly granted: () => void;
}

/** What one session has of the room. */
export class RoomShare {
  bytes = 0;
}

/** Room for large bodies, given in the order in which it was asked for. */
export class Room {
  readonly #budget: Budget;
  #waiting: RoomRequest[] = [];

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  /** Whether somebody waits for others to give room back. */
  get isWanted(): boolean {
    return this.#waiting.some(({ share, bytes }) =>
      share.bytes + bytes <= MAX_ROOM_PER_SESSION_BYTES
    );
  }

  /** Asks for room; `granted` may be called at once. */
  request(request: RoomRequest): void {
    this.#waiting.push(request);
    this.#grant();
  }

  /** Gives room back. */
  release(share: RoomShare, bytes: number): void {
    share.bytes -= bytes;
    this.#budget.give(bytes);
    this.#grant();
  }

  /** Forgets what a session that has ended asked for. */
  cancel(share: RoomShare): void {
    this.#waiting = this.#waiting.filter((request) => request.share !== share);
  }

  #grant(): void {
    for (let at = 0; at < this.#waiting.length;) {
      const request = this.#waiting[at]!;
      const { share, bytes } = request;
      if (share.bytes + bytes > MAX_ROOM_PER_SESSION_BYTES) {
        at++; // It waits for itself; others need not wait for it.
        continue;
      }
      // Smaller ones behind it do not overtake it, or it might wait for ever.
      if (!this.#budget.take(bytes)) return;
      this.#waiting.splice(at, 1);
      share.bytes += bytes;
      request.granted();
    }
  }
}
