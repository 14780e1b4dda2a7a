/**
 * The addresses that `handshake` probes, as a stream: those of the command line, then of DNS
 * seeds, then of a file; and a count of what could not be read.
 */
import type { BitcoinNetwork } from "../bitcoin/networks.ts";
import { seedAddresses } from "../bitcoin/seeds.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import { type AddressFile, readAddresses } from "./address_lines.ts";

/** Fewer addresses than this need no progress line. */
const MANY_ADDRESSES = 16;

/** Options of {@linkcode ProbeSource}. */
export interface ProbeSourceOptions {
  readonly network: BitcoinNetwork;
  /** Addresses from the command line. */
  readonly typed: readonly Address[];
  /** How many addresses to take from the network's seeds. */
  readonly seeds: number | undefined;
  readonly file: AddressFile | undefined;
  /** Gives out each address once only; remembers all of them. */
  readonly once: boolean;
  /** Called with a message for the user about what could not be read. */
  readonly talk: (text: string) => void;
  readonly signal: AbortSignal;
}

/** A stream of addresses that counts. */
export class ProbeSource implements AsyncIterable<Address> {
  readonly #options: ProbeSourceOptions;
  #taken = 0;
  #faults = 0;

  constructor(options: ProbeSourceOptions) {
    this.#options = options;
  }

  /** Addresses given out so far. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * Lines that are no addresses, a file that broke, seeds of which none answered:
   * what was to be probed and could not be.
   */
  get faults(): number {
    return this.#faults;
  }

  /** Whether there may be more than a few. */
  get isLong(): boolean {
    const { file, seeds, typed } = this.#options;
    return file !== undefined || seeds !== undefined ||
      typed.length >= MANY_ADDRESSES;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Address> {
    const { once } = this.#options;
    const known = new Set<string>();
    for await (const address of this.#all()) {
      if (once) {
        const name = formatAddress(address);
        if (known.has(name)) continue;
        known.add(name);
      }
      this.#taken++;
      yield address;
    }
  }

  async *#all(): AsyncGenerator<Address> {
    const { typed, seeds, file } = this.#options;
    yield* typed;
    if (seeds !== undefined) yield* this.#fromSeeds(seeds);
    if (file !== undefined) yield* this.#fromFile(file);
  }

  async *#fromSeeds(count: number): AsyncGenerator<Address> {
    const { network, signal, talk } = this.#options;
    try {
      yield* seedAddresses({ network }, {
        count,
        signal,
        // Several seeds name the same nodes; that one is silent is no failure.
        onFailure: (seed, message) => talk(`${seed}: ${message}`),
      });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof VerackError && error.code === "dns")) throw error;
      this.#fault(error.message);
    }
  }

  async *#fromFile(file: AddressFile): AsyncGenerator<Address> {
    const { network, signal } = this.#options;
    try {
      yield* readAddresses(file, {
        defaultPort: network.port,
        onBadLine: (fault) => this.#fault(fault),
        signal,
      });
    } catch (error) {
      // What was read before is still probed and shown.
      this.#fault(`Cannot read ${file.name}: ${escapeText(messageOf(error))}`);
    }
  }

  #fault(text: string): void {
    this.#faults++;
    this.#options.talk(text);
  }
}
