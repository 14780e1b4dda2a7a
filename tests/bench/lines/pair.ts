/** A dialing and a listening process of one contestant. */
import type { Endpoint, Kind } from "../contestant.ts";
import type { Remote } from "../remote.ts";
import { type Entrant, remoteOf, type Settings } from "./line.ts";

/** Two processes with one contestant's code. */
export class Pair implements AsyncDisposable {
  readonly #both: AsyncDisposable;
  readonly #dialer: Remote;
  readonly #endpoint: Endpoint;

  private constructor(
    both: AsyncDisposable,
    dialer: Remote,
    endpoint: Endpoint,
  ) {
    this.#both = both;
    this.#dialer = dialer;
    this.#endpoint = endpoint;
  }

  static async start(entrant: Entrant, settings: Settings): Promise<Pair> {
    // Ends both when the acceptor does not come up; the dialer always goes first.
    await using both = new AsyncDisposableStack();
    const acceptor = both.use(remoteOf("acceptor", entrant, settings));
    const dialer = both.use(remoteOf("dialer", entrant, settings));
    const endpoint = await acceptor.call<Endpoint>("endpoint");
    return new Pair(both.move(), dialer, endpoint);
  }

  /** Runs a command of `peers/dialer.ts` against the listening process. */
  call<Answer>(command: string, ...args: unknown[]): Promise<Answer> {
    return this.#dialer.call(command, this.#endpoint, ...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#both[Symbol.asyncDispose]();
  }
}

/** The processes of verack's sessions and of bare sockets. */
export class Pairs implements AsyncDisposable {
  readonly verack: Pair;
  readonly bare: Pair;

  private constructor(verack: Pair, bare: Pair) {
    this.verack = verack;
    this.bare = bare;
  }

  static async start(settings: Settings): Promise<Pairs> {
    const start = (kind: Kind) => Pair.start({ kind }, settings);
    return new Pairs(await start("verack"), await start("bare"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.verack[Symbol.asyncDispose]();
    await this.bare[Symbol.asyncDispose]();
  }
}
