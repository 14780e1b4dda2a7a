/**
 * Tries the addresses of one peer, best first, without letting one that hangs hold
 * up the next (Happy Eyeballs, RFC 8305): another attempt begins whenever one
 * fails or has taken a while, and the first that reaches the peer ends the others.
 * What an attempt is, is handed in.
 */
import type { Clock } from "../clock.ts";
import { VerackError } from "../errors.ts";
import { ADDRESS_STAGGER_MS } from "../limits.ts";

/** What an attempt is given. */
export interface Attempt {
  /** Aborts when the attempt is not wanted any more. */
  readonly signal: AbortSignal;
  /** To be called once it is certain that the peer is there: nobody else is tried then. */
  readonly reached: () => void;
}

/** Settings of {@linkcode raceAddresses}. */
export interface AddressRaceOptions<T> {
  readonly clock: Clock;
  /** Ends the race. */
  readonly signal: AbortSignal;
  /** Most attempts at once. */
  readonly parallel: number;
  /** One attempt: true if no other is needed, false if it failed. Never rejects. */
  readonly attempt: (address: T, attempt: Attempt) => Promise<boolean>;
}

/** True if an attempt succeeded. Resolves when none is under way any more. */
export async function raceAddresses<T>(
  addresses: readonly T[],
  options: AddressRaceOptions<T>,
): Promise<boolean> {
  const { clock, signal, parallel } = options;
  const queue = [...addresses];
  const live = new Set<AbortController>();
  const tasks = new Set<Promise<void>>();
  let leader: AbortController | undefined;
  let won = false;
  let wake = Promise.withResolvers<void>();

  const callOff = (reason: string) => {
    for (const controller of live) {
      if (controller === leader) continue;
      controller.abort(new VerackError("aborted", `Cannot dial: ${reason}`));
    }
  };
  const start = (address: T) => {
    const controller = new AbortController();
    live.add(controller);
    const reached = () => {
      if (controller.signal.aborted) return;
      leader = controller;
      callOff("another address of the peer answered");
    };
    const attempt = {
      signal: AbortSignal.any([signal, controller.signal]),
      reached,
    };
    const task = options.attempt(address, attempt).then((done) => {
      if (done && !attempt.signal.aborted) won = true;
      live.delete(controller);
      tasks.delete(task);
      if (leader === controller) leader = undefined;
      wake.resolve();
    });
    tasks.add(task);
  };

  while (!won && !signal.aborted) {
    const next = leader === undefined && live.size < parallel
      ? queue.shift()
      : undefined;
    if (next !== undefined) start(next);
    else if (tasks.size === 0) break;
    wake = Promise.withResolvers<void>();
    const more = queue.length > 0 && leader === undefined &&
      live.size < parallel;
    const cancel = more
      ? clock.after(ADDRESS_STAGGER_MS, () => wake.resolve())
      : () => {};
    await wake.promise;
    cancel();
  }
  callOff("it is not needed any more");
  await Promise.all(tasks);
  return won;
}
