/**
 * Memory that is promised to senders before they send: what windows have beyond
 * the least, and bodies too large for a window. One of each for a whole node, so
 * that its worst case is a sum.
 */
import type { Clock } from "../core/clock.ts";
import {
  CREDIT_GRACE_MS,
  CREDIT_LATE_PROGRESS_BYTES,
  CREDIT_PROGRESS_BYTES,
  CREDIT_PROGRESS_MS,
  MAX_CREDIT_PER_SESSION_BYTES,
  RECEIVE_BUDGET_BYTES,
  SHORT_BODY_BYTES,
  SHORT_BODY_RESERVE_BYTES,
  STRANGERS_CREDIT_BYTES,
} from "../delivery_limits.ts";

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

/** A body that wants room. */
export interface CreditRequest {
  readonly bytes: number;
  readonly granted: () => void;
}

/** What sessions of one kind have of the room together. */
class Pool {
  bytes = 0;
  shortBytes = 0;
}

/** A request, and whose it is. */
interface Turn {
  readonly share: ReceiveShare;
  readonly request: CreditRequest;
}

/** What one session has of the room, and what it makes of it. */
export class ReceiveShare {
  /** Ends the session, because others wait and its bodies do not go on. */
  readonly revoke: (reason: string) => void;
  /** See `DeliverySettings.hasStanding`. */
  readonly hasStanding: () => boolean;
  /** Bytes of messages that have come on the session, however few. */
  received = 0;

  // --- Changed by `Room` only -------------------------------------------------
  /** What it counts to, by the standing that its peer had last. */
  pool: Pool | undefined;
  bytes = 0;
  shortBytes = 0;
  readonly waiting: CreditRequest[] = [];
  /** Bodies that have room and have not come in full. */
  unfinished = 0;
  /** When it was granted room last, as a number that grows. */
  turn = 0;
  /** Monotonic clock, milliseconds: no body of it was finished since. */
  since = 0;
  /** Start of the period in which its progress is counted, and `received` then. */
  periodAt = 0;
  receivedBefore = 0;
  isStalled = false;
  isRevoked = false;

  constructor(
    revoke: (reason: string) => void,
    hasStanding: () => boolean,
  ) {
    this.revoke = revoke;
    this.hasStanding = hasStanding;
  }
}

/**
 * Room for large bodies. Sessions take turns: what has least comes first, and a
 * second body of one session gets nothing of the last half. The last part is for
 * short bodies. While others wait, a session whose bodies do not go on at a fair
 * rate is ended. Peers without standing have no more than a share together, and of
 * what the others leave; among themselves each kind keeps these rules.
 */
export class ReceiveBudget {
  readonly #clock: Clock;
  readonly #waiting = new Set<ReceiveShare>();
  /** Those with unfinished bodies. */
  readonly #receiving = new Set<ReceiveShare>();
  readonly #standing = new Pool();
  readonly #strangers = new Pool();
  #turn = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Asks for room; `granted` may be called at once. */
  request(share: ReceiveShare, request: CreditRequest): void {
    this.#pool(share);
    share.waiting.push(request);
    this.#waiting.add(share);
    this.#grant();
  }

  /** A body that was granted room has come in full. */
  finished(share: ReceiveShare): void {
    share.since = this.#clock.monotonic();
    if (--share.unfinished === 0) this.#receiving.delete(share);
  }

  /** Gives the room of one body back. */
  release(share: ReceiveShare, bytes: number): void {
    this.#account(share, bytes, -1);
    this.#grant();
  }

  /** A session has ended: forgets what it asked for, and takes back what it has. */
  leave(share: ReceiveShare): void {
    this.#waiting.delete(share);
    this.#receiving.delete(share);
    const pool = this.#pool(share);
    pool.bytes -= share.bytes;
    pool.shortBytes -= share.shortBytes;
    share.bytes =
      share.shortBytes =
      share.unfinished =
      share.waiting.length =
        0;
    this.#grant();
  }

  /** Counts a body that is held for a session to come; false if there is no room. */
  hold(bytes: number, hasStanding: boolean): boolean {
    if (this.lack(bytes, hasStanding) > 0) return false;
    this.#kind(hasStanding).bytes += bytes;
    return true;
  }

  /** It is held no more. */
  drop(bytes: number, hasStanding: boolean): void {
    this.#kind(hasStanding).bytes -= bytes;
    this.#grant();
  }

  /** A session goes on with a body that was held. */
  adopt(share: ReceiveShare, bytes: number, hasStanding: boolean): void {
    this.#kind(hasStanding).bytes -= bytes;
    this.#account(share, bytes, 1);
    if (share.unfinished++ === 0) this.#begin(share);
  }

  /** Bytes that are missing for a body, at most 0 if there is room for it. */
  lack(bytes: number, hasStanding: boolean): number {
    const pool = this.#kind(hasStanding);
    return pool.bytes + bytes - (this.#limit(pool) - SHORT_BODY_RESERVE_BYTES);
  }

  /**
   * Judges progress, and ends as many sessions that make none as the next request
   * needs. `pausedMs` is how long this process itself stood still.
   */
  tick(now: number, pausedMs: number): void {
    for (const share of this.#receiving) {
      this.#pool(share);
      this.#judge(share, now, pausedMs);
    }
    for (const share of this.#waiting) this.#pool(share);
    this.#grant();
    for (const turn of this.#next().blocked) this.#revokeFor(turn, now);
  }

  /** Those of strangers first, and none with standing for a stranger. */
  #revokeFor({ share: waiting, request: needed }: Turn, now: number): void {
    const strangers = [...this.#receiving].filter((share) =>
      share.pool === this.#strangers
    );
    const others = waiting.pool === this.#strangers
      ? []
      : [...this.#receiving].filter((share) => share.pool === this.#standing);
    const holders = [strangers, others].flatMap((shares) =>
      shares.sort((a, b) => b.bytes - a.bytes)
    );
    let coming = holders.filter(({ isRevoked }) => isRevoked)
      .reduce((sum, { bytes }) => sum + bytes, 0);
    for (const share of holders) {
      if (coming >= needed.bytes) return;
      if (!share.isStalled || share.isRevoked) continue;
      share.isRevoked = true;
      coming += share.bytes;
      share.revoke(
        `bodies that have credit do not go on, fewer than ${
          leastProgress(share, now)
        } bytes came in ${CREDIT_PROGRESS_MS} ms, and others wait for credit`,
      );
    }
  }

  #judge(share: ReceiveShare, now: number, pausedMs: number): void {
    share.periodAt += pausedMs;
    share.since += pausedMs;
    const progress = share.received - share.receivedBefore;
    const isEnough = progress >= leastProgress(share, now);
    if (isEnough) share.isStalled = false;
    if (now - share.periodAt < CREDIT_PROGRESS_MS) return;
    share.isStalled = !isEnough;
    share.periodAt = now;
    share.receivedBefore = share.received;
  }

  #grant(): void {
    for (
      let turn = this.#next().turn;
      turn !== undefined;
      turn = this.#next().turn
    ) {
      const { share, request } = turn;
      share.waiting.splice(share.waiting.indexOf(request), 1);
      if (share.waiting.length === 0) this.#waiting.delete(share);
      this.#account(share, request.bytes, 1);
      share.turn = ++this.#turn;
      if (share.unfinished++ === 0) this.#begin(share);
      request.granted();
    }
  }

  #begin(share: ReceiveShare): void {
    this.#receiving.add(share);
    share.since = share.periodAt = this.#clock.monotonic();
    share.receivedBefore = share.received;
    share.isStalled = false;
  }

  /**
   * The request whose turn it is; if there is none, of each kind the first that others
   * keep from having room.
   */
  #next(): { readonly turn?: Turn; readonly blocked: Turn[] } {
    const byTurn = this.#waiting.size === 1
      ? [...this.#waiting]
      : [...this.#waiting].sort((a, b) => a.bytes - b.bytes || a.turn - b.turn);
    const blocked: Turn[] = [];
    for (const pool of [this.#standing, this.#strangers]) {
      const shares = byTurn.filter((share) => share.pool === pool);
      const next = this.#nextOf(shares);
      if (next.turn !== undefined) return { turn: next.turn, blocked };
      if (next.blocked !== undefined) blocked.push(next.blocked);
    }
    return { blocked };
  }

  /** {@linkcode #next} of sessions of one kind. */
  #nextOf(
    shares: readonly ReceiveShare[],
  ): { readonly turn?: Turn; readonly blocked?: Turn } {
    let blocked: Turn | undefined;
    let largeIsBlocked = false;
    for (const share of shares) {
      // One that waits for its own session is no reason for others to wait.
      const request = share.waiting.find(({ bytes }) =>
        share.bytes + bytes <= MAX_CREDIT_PER_SESSION_BYTES
      );
      if (request === undefined) continue;
      if (this.#fits(share, request, largeIsBlocked)) {
        return { turn: { share, request } };
      }
      if (share.bytes > 0) continue;
      blocked ??= { share, request };
      largeIsBlocked ||= !isShort(request.bytes);
    }
    return blocked === undefined ? {} : { blocked };
  }

  #fits(
    share: ReceiveShare,
    { bytes }: CreditRequest,
    largeIsBlocked: boolean,
  ): boolean {
    const pool = this.#pool(share);
    const limit = this.#limit(pool);
    if (pool.bytes + bytes > limit) return false;
    if (share.bytes > 0 && 2 * (pool.bytes + bytes) > limit) return false;
    // Short bodies neither wait for large ones nor keep what these wait for.
    return isShort(bytes)
      ? !largeIsBlocked || pool.shortBytes + bytes <= SHORT_BODY_RESERVE_BYTES
      : pool.bytes - pool.shortBytes + bytes <=
        limit - SHORT_BODY_RESERVE_BYTES;
  }

  #limit(pool: Pool): number {
    return pool === this.#standing
      ? RECEIVE_BUDGET_BYTES - this.#strangers.bytes
      : Math.min(
        STRANGERS_CREDIT_BYTES,
        RECEIVE_BUDGET_BYTES - this.#standing.bytes,
      );
  }

  #kind(hasStanding: boolean): Pool {
    return hasStanding ? this.#standing : this.#strangers;
  }

  /** What a session counts to, also when its peer has gained or lost standing. */
  #pool(share: ReceiveShare): Pool {
    const { pool, bytes, shortBytes } = share;
    const wanted = this.#kind(share.hasStanding());
    if (pool === wanted) return wanted;
    if (pool !== undefined) {
      pool.bytes -= bytes;
      pool.shortBytes -= shortBytes;
    }
    wanted.bytes += bytes;
    wanted.shortBytes += shortBytes;
    return share.pool = wanted;
  }

  #account(share: ReceiveShare, bytes: number, sign: 1 | -1): void {
    const pool = this.#pool(share);
    pool.bytes += sign * bytes;
    share.bytes += sign * bytes;
    if (!isShort(bytes)) return;
    pool.shortBytes += sign * bytes;
    share.shortBytes += sign * bytes;
  }
}

function isShort(bytes: number): boolean {
  return bytes <= SHORT_BODY_BYTES;
}

function leastProgress({ since }: ReceiveShare, now: number): number {
  return now - since >= CREDIT_GRACE_MS
    ? CREDIT_LATE_PROGRESS_BYTES
    : CREDIT_PROGRESS_BYTES;
}
