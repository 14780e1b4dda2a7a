/** A dialing and a listening process of one contestant. */
import type { Endpoint } from "../contestant.ts";
import type { Remote } from "../remote.ts";
import { type Entrant, remoteOf, type Settings } from "./line.ts";

/** Two fresh processes with one contestant's code. */
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
