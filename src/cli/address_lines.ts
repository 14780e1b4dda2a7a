/**
 * Addresses of nodes from a file or standard input, one a line, as a stream: any
 * number of them, never all in memory. Empty lines and what follows a `#` are no
 * addresses; a line that should be one and is not is reported and left out.
 */
import { messageOf } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { type Address, parseAddress } from "../transport/address.ts";
import { linesOf } from "./lines.ts";
import { UsageError } from "./flags.ts";

/** What flags take for standard input in the place of a file. */
export const STDIN = "-";

/** Options of {@linkcode readAddresses}. */
export interface AddressLinesOptions {
  /** Port of lines that name none. */
  readonly defaultPort: number;
  /** Told of a line that is no address: `FILE:LINE: why`. */
  readonly onBadLine: (fault: string) => void;
  /** Ends the stream, also while it waits for more. */
  readonly signal: AbortSignal;
}

/** A file, or standard input, that is open for reading. */
export interface AddressFile {
  /** As messages call it, escaped. */
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
  // A stream that waits for a person to type ends only if it is told to.
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

/** The address, or what is wrong with it. */
function parseLine(text: string, defaultPort: number): Address | string {
  try {
    return parseAddress(text, { defaultPort });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return escapeText(error.message, { max: 300 });
  }
}
