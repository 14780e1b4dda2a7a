/**
 * Limits the control frames that are read, and their bytes. Messages with a flow control
 * of their own are not counted, nor the pings that measure how fast these arrive.
 *
 * Each peer has a burst and then a rate: above it reading pauses, so that TCP slows the
 * peer down, and far above it the session ends. All peers without standing also share one,
 * since a key costs nothing: above it their sessions are read by turns of their sources.
 */
import type { Clock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { COMMAND } from "../wire/commands.ts";
import { TokenBucket, type TokenRate } from "../core/token_bucket.ts";
import {
  BYTES_PER_FREE_PING,
  CONTROL_BURST_BYTES,
  CONTROL_BURST_FRAMES,
  CONTROL_BYTES_PER_S,
  CONTROL_FRAMES_PER_S,
  FLOOD_FACTOR,
  MAX_FREE_PING_BYTES,
  MAX_STALL_MS,
  MAX_UNPINGED_BYTES,
  STRANGERS_BURST_BYTES,
  STRANGERS_BURST_FRAMES,
  STRANGERS_BYTES_PER_S,
  STRANGERS_FRAMES_PER_S,
} from "./session_limits.ts";

/** A rate of frames or bytes. */
function rate(burst: number, perSecond: number): TokenRate {
  return { burst, refillMs: 1_000 / perSecond };
}

const FRAMES = rate(CONTROL_BURST_FRAMES, CONTROL_FRAMES_PER_S);
const BYTES = rate(CONTROL_BURST_BYTES, CONTROL_BYTES_PER_S);
const STRANGERS_FRAMES = rate(STRANGERS_BURST_FRAMES, STRANGERS_FRAMES_PER_S);
const STRANGERS_BYTES = rate(STRANGERS_BURST_BYTES, STRANGERS_BYTES_PER_S);

/** Counts the control frames of one session. */
export class FrameMeter {
  readonly #free: ReadonlySet<string>;
  readonly #frames = new TokenBucket(FRAMES);
  readonly #bytes = new TokenBucket(BYTES);
  readonly #share: MeterShare | undefined;
  #now: number;
  /** Bytes of messages and streams for which no ping has come, and pings that were sent. */
  #unpinged = 0;
  #pongs = 0;

  /**
   * Does not count the commands in `free`; `now` is of the monotonic clock, milliseconds.
   * Counts for `share` as well while the peer has no standing.
   */
  constructor(free: ReadonlySet<string>, now: number, share?: MeterShare) {
    this.#free = free;
    this.#now = now;
    this.#share = share;
  }

  /** Counts a received frame; false if its command is free. */
  count(command: string, payloadBytes: number): boolean {
    if (this.#free.has(command)) {
      this.#unpinged = Math.min(
        this.#unpinged + payloadBytes,
        MAX_UNPINGED_BYTES,
      );
      return false;
    }
    if (payloadBytes <= MAX_FREE_PING_BYTES && this.#isMeasuring(command)) {
      return false;
    }
    this.#frames.spend(1, this.#now);
    this.#bytes.spend(payloadBytes, this.#now);
    return true;
  }

  /** A frame was sent; the pong of a ping does not count. */
  sent(command: string): void {
    if (command === COMMAND.ping) this.#pongs++;
  }

  /** Whether it is a ping that measures the rate of what has come, or the answer to one. */
  #isMeasuring(command: string): boolean {
    if (command === COMMAND.ping && this.#unpinged >= BYTES_PER_FREE_PING) {
      this.#unpinged -= BYTES_PER_FREE_PING;
      return true;
    }
    return command === COMMAND.pong && this.#pongs > 0 && this.#pongs-- > 0;
  }

  /** The share that the session counts for now. */
  get share(): MeterShare | undefined {
    return this.#share?.hasStanding() === false ? this.#share : undefined;
  }

  /** Milliseconds to pause reading, at most `MAX_STALL_MS`; throws `flood` far above the burst. */
  stallMs(now: number): number {
    this.#now = now;
    const framesMs = this.#frames.debtMs(now);
    const bytesMs = this.#bytes.debtMs(now);
    if (isFlood(framesMs, FRAMES) || isFlood(bytesMs, BYTES)) {
      throw new VerackError(
        "flood",
        `Cannot read on: the peer sends more than ${CONTROL_FRAMES_PER_S} frames or ${CONTROL_BYTES_PER_S} bytes a second besides messages, and did not slow down`,
      );
    }
    return Math.min(Math.max(framesMs, bytesMs), MAX_STALL_MS);
  }
}

/** Whether more than `FLOOD_FACTOR` bursts have come. */
function isFlood(debtMs: number, { burst, refillMs }: TokenRate): boolean {
  return debtMs > (FLOOD_FACTOR - 1) * burst * refillMs;
}

/** The part of one session in a {@linkcode StrangersMeter}. */
export interface MeterShare {
  readonly meter: StrangersMeter;
  readonly source: string;
  /** Checked each time: peers with standing are not counted. */
  readonly hasStanding: () => boolean;
}

/** Counts for all sessions of one node with peers without standing. */
export class StrangersMeter {
  readonly #clock: Clock;
  readonly #frames = new TokenBucket(STRANGERS_FRAMES);
  readonly #bytes = new TokenBucket(STRANGERS_BYTES);
  /** Calls that wait for a turn, by source; the source whose turn is next comes first. */
  readonly #waiting = new Map<string, Set<() => void>>();
  #cancelTimer: (() => void) | undefined;
  #now: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#now = clock.monotonic();
  }

  /** Counts a frame. */
  count(payloadBytes: number): void {
    this.#frames.spend(1, this.#now);
    this.#bytes.spend(payloadBytes, this.#now);
  }

  /** Whether frames may be handled without waiting for a turn. */
  get isFree(): boolean {
    return this.#waiting.size === 0 && this.#excessMs() === 0;
  }

  /**
   * Calls `handle`, which handles and counts some frames, when it is the turn of its
   * source, and resolves with its result, or with false once `cancel` is called.
   */
  wait(
    source: string,
    handle: () => boolean,
  ): { readonly done: Promise<boolean>; readonly cancel: () => void } {
    const { promise: done, resolve, reject } = Promise.withResolvers<boolean>();
    const run = () => {
      try {
        resolve(handle());
      } catch (error) {
        reject(error);
      }
    };
    const turns = this.#waiting.get(source) ?? new Set();
    turns.add(run);
    this.#waiting.set(source, turns);
    this.#schedule();
    const cancel = () => {
      resolve(false);
      turns.delete(run);
      if (turns.size > 0 || this.#waiting.get(source) !== turns) return;
      this.#waiting.delete(source);
      if (this.#waiting.size > 0) return;
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
    };
    return { done, cancel };
  }

  #schedule(): void {
    const delayMs = Math.max(1, this.#excessMs());
    this.#cancelTimer ??= this.#clock.after(delayMs, () => this.#turn());
  }

  #turn(): void {
    this.#cancelTimer = undefined;
    while (this.#excessMs() === 0) {
      const [first] = this.#waiting;
      if (first === undefined) return;
      const [source, turns] = first;
      const [run] = turns;
      turns.delete(run!);
      this.#waiting.delete(source);
      if (turns.size > 0) this.#waiting.set(source, turns);
      run!();
    }
    if (this.#waiting.size > 0) this.#schedule();
  }

  #excessMs(): number {
    const now = this.#now = this.#clock.monotonic();
    return Math.max(this.#frames.debtMs(now), this.#bytes.debtMs(now));
  }
}
