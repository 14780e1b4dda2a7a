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

/** Credit of one session or held body, and the progress of its bodies. */
export class ReceiveShare {
  /** Ends the session. */
  readonly revoke: (reason: string) => void;
  /** See `DeliverySettings.hasStanding`. */
  readonly hasStanding: () => boolean;
  /** Bytes of messages that have come on the session. */
  received = 0;

  // --- Changed by `ReceiveBudget` only ---------------------------------------
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

  constructor(revoke: (reason: string) => void, hasStanding: () => boolean) {
    this.revoke = revoke;
    this.hasStanding = hasStanding;
  }
}

/** A request and its session. */
interface Turn {
  readonly share: ReceiveShare;
  readonly request: CreditRequest;
}

/** Credit of all peers with standing or of all without, and the most they may have. */
interface Pool {
  readonly bytes: number;
  readonly shortBytes: number;
  readonly limit: number;
}

/** Credit for large bodies. */
export class ReceiveBudget {
  readonly #clock: Clock;
  /** Those that have credit or wait for it. */
  readonly #shares = new Set<ReceiveShare>();
  #requests = 0;
  #turn = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Credit that is in use. */
  get bytes(): number {
    let bytes = 0;
    for (const share of this.#shares) bytes += share.bytes;
    return bytes;
  }

  /** Requests credit; `granted` may be called at once. */
  request(share: ReceiveShare, request: CreditRequest): void {
    this.#shares.add(share);
    share.waiting.push(request);
    this.#requests++;
    this.#grant();
  }

  /** A body that was granted credit is complete. */
  finished(share: ReceiveShare): void {
    share.since = this.#clock.monotonic();
    share.unfinished--;
  }

  /** Releases the credit of one body. */
  release(share: ReceiveShare, bytes: number): void {
    account(share, -bytes);
    this.#grant();
  }

  /** A session has ended, or a held body is dropped. */
  leave(share: ReceiveShare): void {
    this.#shares.delete(share);
    this.#requests -= share.waiting.length;
    share.waiting.length = 0;
    share.bytes = share.shortBytes = share.unfinished = 0;
    this.#grant();
  }

  /** Takes credit for a body that is held between sessions, if there is any. */
  hold(bytes: number, hasStanding: boolean): ReceiveShare | undefined {
    if (this.lack(bytes, hasStanding) > 0) return undefined;
    const held = new ReceiveShare(() => {}, () => hasStanding);
    held.bytes = bytes;
    this.#shares.add(held);
    return held;
  }

  /** Moves the credit of a held body to the session that goes on with it. */
  adopt(share: ReceiveShare, held: ReceiveShare): void {
    this.#shares.delete(held);
    this.#add(share, held.bytes);
  }

  /** Credit that is missing for a body, at most 0 if it fits. */
  lack(bytes: number, hasStanding: boolean): number {
    const pool = this.#pool(hasStanding);
    return pool.bytes + bytes - (pool.limit - SHORT_BODY_RESERVE_BYTES);
  }

  /**
   * Measures progress, and ends as many stalled sessions as the next request needs.
   *
   * @param pausedMs How long this process itself was paused.
   */
  tick(now: number, pausedMs: number): void {
    for (const share of this.#receiving()) measure(share, now, pausedMs);
    this.#grant();
    for (const turn of this.#next().blocked) this.#revokeFor(turn, now);
  }

  /** Sessions with unfinished bodies. */
  #receiving(): ReceiveShare[] {
    return [...this.#shares].filter(({ unfinished }) => unfinished > 0);
  }

  /** Ends sessions of strangers first, and none with standing for a stranger. */
  #revokeFor({ share: waiting, request: needed }: Turn, now: number): void {
    const holders = this.#receiving()
      .filter((share) => waiting.hasStanding() || !share.hasStanding())
      .sort((a, b) =>
        Number(a.hasStanding()) - Number(b.hasStanding()) || b.bytes - a.bytes
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

  #grant(): void {
    for (
      let { turn } = this.#next();
      turn !== undefined;
      turn = this.#next().turn
    ) {
      const { share, request } = turn;
      share.waiting.splice(share.waiting.indexOf(request), 1);
      this.#requests--;
      share.turn = ++this.#turn;
      this.#add(share, request.bytes);
      request.granted();
    }
  }

  #add(share: ReceiveShare, bytes: number): void {
    this.#shares.add(share);
    account(share, bytes);
    if (share.unfinished++ > 0) return;
    share.since = share.periodAt = this.#clock.monotonic();
    share.receivedBefore = share.received;
    share.isStalled = false;
  }

  /** The request whose turn it is; if none fits, the first blocked one of each kind. */
  #next(): { readonly turn?: Turn; readonly blocked: Turn[] } {
    const blocked: Turn[] = [];
    if (this.#requests === 0) return { blocked };
    const byTurn = [...this.#shares]
      .filter(({ waiting }) => waiting.length > 0)
      .sort((a, b) => a.bytes - b.bytes || a.turn - b.turn);
    for (const hasStanding of [true, false]) {
      const shares = byTurn.filter((it) => it.hasStanding() === hasStanding);
      const next = nextOf(shares, this.#pool(hasStanding));
      if (next.turn !== undefined) return { turn: next.turn, blocked };
      if (next.blocked !== undefined) blocked.push(next.blocked);
    }
    return { blocked };
  }

  #pool(hasStanding: boolean): Pool {
    let bytes = 0;
    let shortBytes = 0;
    let others = 0;
    for (const share of this.#shares) {
      if (share.hasStanding() === hasStanding) {
        bytes += share.bytes;
        shortBytes += share.shortBytes;
      } else others += share.bytes;
    }
    const limit = RECEIVE_BUDGET_BYTES - others;
    return {
      bytes,
      shortBytes,
      limit: hasStanding ? limit : Math.min(STRANGERS_CREDIT_BYTES, limit),
    };
  }
}

/** The next turn among sessions of one kind; if none fits, the first that waits. */
function nextOf(
  shares: readonly ReceiveShare[],
  pool: Pool,
): { readonly turn?: Turn; readonly blocked?: Turn } {
  let blocked: Turn | undefined;
  let largeIsBlocked = false;
  for (const share of shares) {
    // A session at its own bound does not make others wait.
    const request = share.waiting.find(({ bytes }) =>
      share.bytes + bytes <= MAX_CREDIT_PER_SESSION_BYTES
    );
    if (request === undefined) continue;
    if (fits(pool, share, request, largeIsBlocked)) {
      return { turn: { share, request } };
    }
    if (share.bytes > 0) continue;
    blocked ??= { share, request };
    largeIsBlocked ||= !isShort(request.bytes);
  }
  return blocked === undefined ? {} : { blocked };
}

function fits(
  pool: Pool,
  share: ReceiveShare,
  { bytes }: CreditRequest,
  largeIsBlocked: boolean,
): boolean {
  const sum = pool.bytes + bytes;
  if (sum > pool.limit) return false;
  if (share.bytes > 0 && 2 * sum > pool.limit) return false;
  // Short bodies neither wait for large ones nor use up what these wait for.
  return isShort(bytes)
    ? !largeIsBlocked || pool.shortBytes + bytes <= SHORT_BODY_RESERVE_BYTES
    : sum - pool.shortBytes <= pool.limit - SHORT_BODY_RESERVE_BYTES;
}

/** @param bytes Of one body; negative if its credit is released. */
function account(share: ReceiveShare, bytes: number): void {
  share.bytes += bytes;
  if (isShort(Math.abs(bytes))) share.shortBytes += bytes;
}

function measure(share: ReceiveShare, now: number, pausedMs: number): void {
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

function isShort(bytes: number): boolean {
  return bytes <= SHORT_BODY_BYTES;
}

function leastProgress({ since }: ReceiveShare, now: number): number {
  return now - since >= CREDIT_GRACE_MS
    ? CREDIT_LATE_PROGRESS_BYTES
    : CREDIT_PROGRESS_BYTES;
}
