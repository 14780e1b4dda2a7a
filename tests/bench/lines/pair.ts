/** A dialing and a listening process of one contestant. */
import type { Endpoint, Kind } from "../contestant.ts";
import { Remote } from "../remote.ts";
import type { Settings } from "./line.ts";

/** Two processes with one contestant's code. */
export class Pair implements AsyncDisposable {
  readonly #acceptor: Remote;
  readonly #dialer: Remote;
  readonly #endpoint: Endpoint;

  private constructor(acceptor: Remote, dialer: Remote, endpoint: Endpoint) {
    this.#acceptor = acceptor;
    this.#dialer = dialer;
    this.#endpoint = endpoint;
  }

  static async start(kind: Kind, settings: Settings): Promise<Pair> {
    const args = [kind, JSON.stringify(settings.opening)];
    const acceptor = new Remote("acceptor", args);
    const dialer = new Remote("dialer", args);
    const endpoint = await acceptor.call<Endpoint>("endpoint");
    return new Pair(acceptor, dialer, endpoint);
  }

  /** Runs a command of `peers/dialer.ts` against the listening process. */
  call<Answer>(command: string, ...args: unknown[]): Promise<Answer> {
    return this.#dialer.call(command, this.#endpoint, ...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dialer[Symbol.asyncDispose]();
    await this.#acceptor[Symbol.asyncDispose]();
  }
}

/** Both contestants' processes. */
export class Pairs implements AsyncDisposable {
  readonly verack: Pair;
  readonly bare: Pair;

  private constructor(verack: Pair, bare: Pair) {
    this.verack = verack;
    this.bare = bare;
  }

  static async start(settings: Settings): Promise<Pairs> {
    return new Pairs(
      await Pair.start("verack", settings),
      await Pair.start("bare", settings),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.verack[Symbol.asyncDispose]();
    await this.bare[Symbol.asyncDispose]();
  }
}
