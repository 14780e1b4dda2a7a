/**
 * Work that sessions cause beyond reading a frame (verifying certificates of others, making
 * lists), by turns and within a share of the time, so that no number of peers blocks the event
 * loop. Work is done at once while there is time for it. Work that waits is bounded, and is
 * dropped with its session or when the node closes.
 */
import type { Clock } from "../../core/clock.ts";
import {
  MAX_STEP_MS,
  MAX_WORK_BYTES,
  OTHERS_WORK_SHARE,
  STANDING_WORK_SHARE,
  WORK_BURST_MS,
  WORK_SLICE_MS,
  WORK_SLICE_SHARE,
} from "./discovery_limits.ts";
import type { PeerSession } from "../peers/peer_session.ts";

/** Does one short step; true if there is more to do. It may throw. */
export type Step = () => boolean;

/** A session of a {@linkcode WorkQueue}. */
export type Worker = Pick<PeerSession, "source">;

/** Settings of a {@linkcode WorkQueue}. */
export interface WorkQueueOptions<W extends Worker> {
  readonly clock: Clock;
  /** Whether the peer of a session has standing, see `standing.ts`. */
  readonly hasStanding: (session: W) => boolean;
  /** Called when a step has thrown; the rest of its job is dropped. */
  readonly onError: (session: W, error: unknown) => void;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
}

/** Work of all sessions of a node. */
export class WorkQueue<W extends Worker = PeerSession> {
  readonly #options: WorkQueueOptions<W>;
  readonly #standing: Lane<W>;
  readonly #others: Lane<W>;
  #cancelTimer: (() => void) | undefined;
  #isWorking = false;

  constructor(options: WorkQueueOptions<W>) {
    const { clock, signal } = options;
    this.#options = options;
    const now = clock.monotonic();
    this.#standing = new Lane(STANDING_WORK_SHARE, now);
    this.#others = new Lane(OTHERS_WORK_SHARE, now);
    signal.addEventListener("abort", () => {
      this.#cancelTimer?.();
      for (const lane of this.#lanes) lane.clear();
    }, { once: true });
  }

  /** Bytes of all that waits. */
  get bytes(): number {
    return this.#standing.bytes + this.#others.bytes;
  }

  /**
   * Runs `step` until it is done, now if there is time. Jobs of one session run in order.
   * `bytes` is the memory of the job while it waits. False if there is no room for it.
   */
  add(session: W, bytes: number, step: Step): boolean {
    const { hasStanding, signal } = this.#options;
    if (signal.aborted) return false;
    // A session whose peer gains standing keeps its waiting work.
    const lane = this.#lanes.find((it) => it.has(session)) ??
      (hasStanding(session) ? this.#standing : this.#others);
    if (!lane.add(session, { bytes, step })) return false;
    this.#work();
    return true;
  }

  /** The session has ended. */
  drop(session: W): void {
    for (const lane of this.#lanes) lane.drop(session);
  }

  get #lanes(): readonly Lane<W>[] {
    return [this.#standing, this.#others];
  }

  #work(): void {
    // A step may end sessions, and add more work.
    if (this.#isWorking) return;
    this.#isWorking = true;
    try {
      for (const lane of this.#lanes) this.#workOn(lane);
    } finally {
      this.#isWorking = false;
      this.#schedule();
    }
  }

  #workOn(lane: Lane<W>): void {
    const { clock, onError } = this.#options;
    for (let now = clock.monotonic(); lane.mayWork(now);) {
      const session = lane.next();
      if (session === undefined) return;
      try {
        lane.step(session);
      } catch (error) {
        onError(session, error);
      }
      const began = now;
      now = clock.monotonic();
      lane.spend(Math.min(now - began, MAX_STEP_MS));
    }
  }

  #schedule(): void {
    const { clock } = this.#options;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const now = clock.monotonic();
    const delayMs = Math.min(...this.#lanes.map((lane) => lane.waitMs(now)));
    if (delayMs === Infinity) return;
    this.#cancelTimer = clock.after(delayMs, () => this.#work());
  }
}

/** A job of one session. */
interface Job {
  readonly bytes: number;
  readonly step: Step;
}

/** The waiting work of one session, and of one source, see `PeerSession.source`. */
interface SessionQueue {
  bytes: number;
  readonly jobs: Job[];
}

interface SourceQueue<W> {
  bytes: number;
  /** In turn: the next one first. */
  readonly sessions: Map<W, SessionQueue>;
}

/** Sessions that share time and room: by turns among sources, then among their sessions. */
class Lane<W extends Worker> {
  /** In turn: the next one first. */
  readonly #sources = new Map<string, SourceQueue<W>>();
  #bytes = 0;
  /** The time in all, and the time before the event loop continues. */
  readonly #total: TimeShare;
  readonly #slice: TimeShare;

  constructor(share: number, now: number) {
    this.#total = new TimeShare(WORK_BURST_MS, share, now);
    this.#slice = new TimeShare(WORK_SLICE_MS, WORK_SLICE_SHARE, now);
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(session: W): boolean {
    return this.#find(session) !== undefined;
  }

  /**
   * False if there is no room. A session and its source may together have as much
   * as is left free, so that there is room for the next, however many came before.
   */
  add(session: W, job: Job): boolean {
    const { source } = session;
    const before = this.#sources.get(source);
    const known = before?.sessions.get(session);
    const held = (before?.bytes ?? 0) + (known?.bytes ?? 0);
    if (held + job.bytes > MAX_WORK_BYTES - this.#bytes) return false;
    const queue = before ?? { bytes: 0, sessions: new Map() };
    const waiting = known ?? { bytes: 0, jobs: [] };
    if (before === undefined) this.#sources.set(source, queue);
    if (known === undefined) queue.sessions.set(session, waiting);
    waiting.jobs.push(job);
    this.#change(queue, waiting, job.bytes);
    return true;
  }

  drop(session: W): void {
    const found = this.#find(session);
    if (found === undefined) return;
    const [queue, waiting] = found;
    this.#change(queue, waiting, -waiting.bytes);
    queue.sessions.delete(session);
    if (queue.sessions.size === 0) this.#sources.delete(session.source);
  }

  clear(): void {
    this.#sources.clear();
    this.#bytes = 0;
  }

  /** The session whose turn it is; then it is the last one. */
  next(): W | undefined {
    for (const [source, queue] of this.#sources) {
      for (const [session, waiting] of queue.sessions) {
        moveToEnd(queue.sessions, session, waiting);
        moveToEnd(this.#sources, source, queue);
        return session;
      }
    }
    return undefined;
  }

  /** Does one step for a session; a job that throws is over. */
  step(session: W): void {
    const job = this.#find(session)?.[1].jobs[0];
    if (job === undefined) return;
    let hasMore = false;
    try {
      hasMore = job.step();
    } finally {
      if (!hasMore) this.#finish(session, job);
    }
  }

  mayWork(now: number): boolean {
    const hasSlice = this.#slice.has(now);
    return this.#total.has(now) && hasSlice;
  }

  spend(ms: number): void {
    this.#total.spend(ms);
    this.#slice.spend(ms);
  }

  /** Delay before the next step, milliseconds; infinite if nothing waits. */
  waitMs(now: number): number {
    if (this.#sources.size === 0) return Infinity;
    this.mayWork(now);
    const shares = [this.#total, this.#slice];
    return Math.max(1, ...shares.map((it) => it.waitMs(WORK_SLICE_MS)));
  }

  #finish(session: W, job: Job): void {
    const found = this.#find(session);
    // The step may have ended the session.
    if (found === undefined || found[1].jobs[0] !== job) return;
    const [queue, waiting] = found;
    waiting.jobs.shift();
    this.#change(queue, waiting, -job.bytes);
    if (waiting.jobs.length === 0) this.drop(session);
  }

  #find(session: W): [SourceQueue<W>, SessionQueue] | undefined {
    const queue = this.#sources.get(session.source);
    const waiting = queue?.sessions.get(session);
    return queue && waiting && [queue, waiting];
  }

  #change(queue: SourceQueue<W>, waiting: SessionQueue, bytes: number): void {
    this.#bytes += bytes;
    queue.bytes += bytes;
    waiting.bytes += bytes;
  }
}

/** A `Map` keeps the order in which keys were set. */
function moveToEnd<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key);
  map.set(key, value);
}

/** A bucket of milliseconds that refills with time. */
export class TimeShare {
  readonly #burstMs: number;
  readonly #share: number;
  #leftMs: number;
  #at: number;

  /** `share` is the milliseconds of work for each that passes. */
  constructor(burstMs: number, share: number, now: number) {
    this.#burstMs = this.#leftMs = burstMs;
    this.#share = share;
    this.#at = now;
  }

  /** Whether there is time left. */
  has(now: number): boolean {
    const gainedMs = (now - this.#at) * this.#share;
    this.#leftMs = Math.min(this.#burstMs, this.#leftMs + gainedMs);
    this.#at = now;
    return this.#leftMs > 0;
  }

  /** Subtracts the time used; the debt is at most a burst. */
  spend(ms: number): void {
    this.#leftMs = Math.max(this.#leftMs - ms, -this.#burstMs);
  }

  /** Milliseconds until so much is left. */
  waitMs(wantedMs: number): number {
    return Math.max(0, (wantedMs - this.#leftMs) / this.#share);
  }
}
