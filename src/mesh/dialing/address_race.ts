/**
 * Tries the addresses of one peer, best first, so that one that hangs does not delay the next
 * (Happy Eyeballs, RFC 8305): another attempt begins when one fails or has taken a while, and
 * the first that reaches the peer ends the others. The attempt is a parameter.
 */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { TaskSet } from "../../core/task_set.ts";
import { ADDRESS_STAGGER_MS } from "./dialing_limits.ts";

/** Addresses that wait to be tried; more may come while others are. */
export class AddressQueue<T> {
  readonly #keyOf: (address: T) => unknown;
  readonly #seen = new Set<unknown>();
  readonly #waiting: T[] = [];
  #added = Promise.withResolvers<void>();

  /** Two addresses are the same if `keyOf` them is. */
  constructor(
    addresses: readonly T[],
    keyOf: (address: T) => unknown = (address) => address,
  ) {
    this.#keyOf = keyOf;
    this.add(addresses);
  }

  /** Resolves when one is added. */
  get added(): Promise<void> {
    return this.#added.promise;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Adds those that were not there before, at the end. */
  add(addresses: readonly T[]): void {
    const before = this.size;
    for (const address of addresses) {
      const key = this.#keyOf(address);
      if (this.#seen.has(key)) continue;
      this.#seen.add(key);
      this.#waiting.push(address);
    }
    if (this.size === before) return;
    this.#added.resolve();
    this.#added = Promise.withResolvers();
  }

  /** The next one, if there is one. */
  take(): T | undefined {
    return this.#waiting.shift();
  }
}

/** The input of an attempt. */
export interface Attempt {
  /** Aborts when the attempt is not needed any more. */
  readonly signal: AbortSignal;
  /** To be called once the peer is verified: no other address is tried then. */
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
  addresses: readonly T[] | AddressQueue<T>,
  options: AddressRaceOptions<T>,
): Promise<boolean> {
  const { clock, signal, parallel } = options;
  if (!(addresses instanceof AddressQueue) && addresses.length === 1) {
    if (signal.aborted) return false;
    const reached = () => {};
    const done = await options.attempt(addresses[0]!, { signal, reached });
    return done && !signal.aborted;
  }
  const queue = addresses instanceof AddressQueue
    ? addresses
    : new AddressQueue(addresses);
  const live = new Set<AbortController>();
  const tasks = new TaskSet();
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
    tasks.add(
      options.attempt(address, attempt).then((done) => {
        if (done && !attempt.signal.aborted) won = true;
        live.delete(controller);
        if (leader === controller) leader = undefined;
        wake.resolve();
      }),
    );
  };

  while (!won && !signal.aborted) {
    const next = leader === undefined && live.size < parallel
      ? queue.take()
      : undefined;
    if (next !== undefined) start(next);
    else if (live.size === 0) break;
    wake = Promise.withResolvers<void>();
    const more = queue.size > 0 && leader === undefined &&
      live.size < parallel;
    const cancel = more
      ? clock.after(ADDRESS_STAGGER_MS, () => wake.resolve())
      : () => {};
    await Promise.race([wake.promise, queue.added]);
    cancel();
  }
  callOff("it is not needed any more");
  await tasks.settled();
  return won;
}
