/**
 * The addresses that `handshake` probes, as a stream: those of the command line, then of DNS
 * seeds, then of a file; and a count of errors.
 */
import type { BitcoinNetwork } from "../bitcoin/networks.ts";
import { seedAddresses } from "../bitcoin/seeds.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import {
  type Address,
  formatAddress,
  parseAddress,
} from "../transport/address.ts";
import { UsageError } from "./flags.ts";
import { linesOf, STDIN } from "./lines.ts";

/** Options of {@linkcode ProbeSource}. */
export interface ProbeSourceOptions {
  readonly network: BitcoinNetwork;
  /** Addresses from the command line. */
  readonly typed: readonly Address[];
  /** How many addresses to take from the network's seeds. */
  readonly seeds: number | undefined;
  readonly file: AddressFile | undefined;
  /** Yields each address once only; keeps all of them in memory. */
  readonly once: boolean;
  /** Called with a message for the user about each error. */
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
   * Addresses that cannot be probed: lines that are none, a file that broke, seeds of which
   * none answered.
   */
  get faults(): number {
    return this.#faults;
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
        // Several seeds have the same nodes; one that does not answer is no failure.
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
      // Addresses read before are still probed and shown.
      this.#fault(`Cannot read ${file.name}: ${escapeText(messageOf(error))}`);
    }
  }

  #fault(text: string): void {
    this.#faults++;
    this.#options.talk(text);
  }
}

/** Options of {@linkcode readAddresses}. */
export interface AddressLinesOptions {
  /** Port of lines that name none. */
  readonly defaultPort: number;
  /** Called for a line that is no address: `FILE:LINE: why`. */
  readonly onBadLine: (fault: string) => void;
  /** Ends the stream, also while it waits for more. */
  readonly signal: AbortSignal;
}

/** A file, or standard input, that is open for reading. */
export interface AddressFile {
  /** Its name in messages, escaped. */
  readonly name: string;
  readonly stream: ReadableStream<Uint8Array>;
}

/** Opens the file that `--file` names, or standard input for `-`. */
export async function openAddressFile(path: string): Promise<AddressFile> {
  if (path === STDIN) {
    return { name: "standard input", stream: Deno.stdin.readable };
  }
  const name = escapeText(path, { max: 120 });
  try {
    const file = await Deno.open(path);
    if (!(await file.stat()).isDirectory) {
      return { name, stream: file.readable };
    }
    file.close();
    throw new Deno.errors.IsADirectory(`"${path}" is a directory`);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable || !(error instanceof Error)) {
      throw error;
    }
    throw unreadable("file", path, error);
  }
}

/** For a file that a flag names and that cannot be opened. */
export function unreadable(
  flag: string,
  path: string,
  error: unknown,
): UsageError {
  const shown = escapeText(path, { max: 120 });
  const why = error instanceof Deno.errors.NotFound
    ? `there is no such file "${shown}"`
    : escapeText(messageOf(error), { max: 300 });
  return new UsageError(`--${flag} cannot be read: ${why}`);
}

/** The addresses in an open file, which is closed at the end. */
export async function* readAddresses(
  file: AddressFile,
  options: AddressLinesOptions,
): AsyncGenerator<Address> {
  const { defaultPort, onBadLine, signal } = options;
  // A stream that waits for a user's input ends only when it is cancelled.
  const stream = file.stream.pipeThrough(new TransformStream(), { signal });
  let number = 0;
  try {
    for await (const line of linesOf(stream)) {
      number++;
      const text = line.replace(/#.*$/s, "").trim();
      if (text === "") continue;
      const address = parseLine(text, defaultPort);
      if (typeof address === "string") {
        onBadLine(`${file.name}:${number}: ${address}`);
      } else yield address;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** The address, or its fault. */
function parseLine(text: string, defaultPort: number): Address | string {
  try {
    return parseAddress(text, { defaultPort });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return escapeText(error.message, { max: 300 });
  }
}
