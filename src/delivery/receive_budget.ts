/**
 * Credit for bodies that do not fit a window, shared by all sessions of a node. Sessions
 * take turns: the one that has least comes first, and a second body of one session gets
 * nothing of the last half. The last part is for short bodies. While others wait, a
 * session whose bodies do not go on at a fair rate is ended. Peers without standing
 * have no more than a share together; among themselves each kind keeps these rules.
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
} from "./delivery_limits.ts";

/** A body that needs credit. */
export interface CreditRequest {
  readonly bytes: number;
  readonly granted: () => void;
}

/** Credit of all sessions of one kind. */
class Pool {
  bytes = 0;
  shortBytes = 0;
}

/** A request and its session. */
interface Turn {
  readonly share: ReceiveShare;
  readonly request: CreditRequest;
}

/** Credit of one session, and the progress of its bodies. */
export class ReceiveShare {
  /** Ends the session. */
  readonly revoke: (reason: string) => void;
  /** See `DeliverySettings.hasStanding`. */
  readonly hasStanding: () => boolean;
  /** Bytes of messages that have come on the session. */
  received = 0;

  // --- Changed by `ReceiveBudget` only ---------------------------------------
  /** The pool of its peer's kind. */
  pool: Pool | undefined;
  bytes = 0;
  shortBytes = 0;
  readonly waiting: CreditRequest[] = [];
  /** Bodies that have credit and are not complete. */
  unfinished = 0;
  /** Number of its last grant. */
  turn = 0;
  /** Monotonic clock, milliseconds, of the last body that was completed. */
  since = 0;
  /** Start of the period of progress, and `received` then. */
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

/** Credit for large bodies. */
export class ReceiveBudget {
  readonly #clock: Clock;
  readonly #waiting = new Set<ReceiveShare>();
  /** Sessions with unfinished bodies. */
  readonly #receiving = new Set<ReceiveShare>();
  readonly #standing = new Pool();
  readonly #strangers = new Pool();
  #turn = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Requests credit; `granted` may be called at once. */
  request(share: ReceiveShare, request: CreditRequest): void {
    this.#pool(share);
    share.waiting.push(request);
    this.#waiting.add(share);
    this.#grant();
  }

  /** A body that was granted credit is complete. */
  finished(share: ReceiveShare): void {
    share.since = this.#clock.monotonic();
    if (--share.unfinished === 0) this.#receiving.delete(share);
  }

  /** Releases the credit of one body. */
  release(share: ReceiveShare, bytes: number): void {
    this.#account(share, bytes, -1);
    this.#grant();
  }

  /** A session has ended: drops its requests, and releases its credit. */
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

  /** Takes credit for a body that is held between sessions; false if there is none. */
  hold(bytes: number, hasStanding: boolean): boolean {
    if (this.lack(bytes, hasStanding) > 0) return false;
    this.#kind(hasStanding).bytes += bytes;
    return true;
  }

  /** Releases the credit of a held body. */
  drop(bytes: number, hasStanding: boolean): void {
    this.#kind(hasStanding).bytes -= bytes;
    this.#grant();
  }

  /** Moves the credit of a held body to the session that goes on with it. */
  adopt(share: ReceiveShare, bytes: number, hasStanding: boolean): void {
    this.#kind(hasStanding).bytes -= bytes;
    this.#account(share, bytes, 1);
    if (share.unfinished++ === 0) this.#begin(share);
  }

  /** Credit that is missing for a body, at most 0 if it fits. */
  lack(bytes: number, hasStanding: boolean): number {
    const pool = this.#kind(hasStanding);
    return pool.bytes + bytes - (this.#limit(pool) - SHORT_BODY_RESERVE_BYTES);
  }

  /**
   * Measures progress, and ends as many stalled sessions as the next request needs.
   *
   * @param pausedMs How long this process itself was paused.
   */
  tick(now: number, pausedMs: number): void {
    for (const share of this.#receiving) {
      this.#pool(share);
      this.#measure(share, now, pausedMs);
    }
    for (const share of this.#waiting) this.#pool(share);
    this.#grant();
    for (const turn of this.#next().blocked) this.#revokeFor(turn, now);
  }

  /** Ends sessions of strangers first, and none with standing for a stranger. */
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

  #measure(share: ReceiveShare, now: number, pausedMs: number): void {
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

  /** The request whose turn it is; if none fits, the first blocked one of each kind. */
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
      // A session at its own bound does not make others wait.
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
    // Short bodies neither wait for large ones nor use up what these wait for.
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

  /** The pool of a session, which changes when its peer gains or loses standing. */
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
