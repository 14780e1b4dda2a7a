/**
 * The kinds of flags: what a definition may contain, the type of its value, and how text
 * becomes that value. Arguments are split in `command.ts`.
 */
import { escapeText } from "../core/escape.ts";
import { closestString } from "../std/closest_string.ts";
import { levenshteinDistance } from "../std/levenshtein_distance.ts";

/** Longer words are no typing mistakes, and would cost time to compare. */
const MAX_WORD_CHARS = 40;

/** Names of values in help, by the type of the flag. */
const VALUE_NAMES: Readonly<Record<FlagSpec["type"], string>> = {
  boolean: "1 or 0",
  port: "PORT",
  integer: "N",
  seconds: "S",
  string: "TEXT",
  path: "FILE",
  enum: "NAME",
  list: "TEXT",
};

/** How on and off may be written in a variable. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...["1", "true", "yes", "on"].map((text) => [text, true] as const),
  ...["0", "false", "no", "off"].map((text) => [text, false] as const),
]);

/** The definition of one flag. */
export interface FlagSpec {
  /**
   * On or off; a TCP port, 1 to 65535 unless `min` says 0 (any free port); an integer; seconds;
   * text; one of a few words; text that may be given several times, separated by commas in an
   * environment variable.
   */
  readonly type:
    | "boolean"
    | "port"
    | "integer"
    | "seconds"
    | "string"
    | "path"
    | "enum"
    | "list";
  /** One sentence without a full stop. */
  readonly help: string;
  /** One letter, for `-x`. */
  readonly short?: string;
  /** Environment variable that is used when the flag is not given. */
  readonly env?: string;
  /** The name of the value in help. @default {VALUE_NAMES} */
  readonly value?: string;
  /** Whether it must be given. */
  readonly required?: boolean;
  /** Keys of flags that it may not be given with; it is stronger than their variables. */
  readonly excludes?: readonly string[];
  /** The same for its opposite, `--no-…`. */
  readonly excludesIfNegated?: readonly string[];
  /** Of a boolean: `--no-…` is accepted; without it and a default the value is `undefined`. */
  readonly negatable?: boolean;
  /** Bounds of a number. */
  readonly min?: number;
  readonly max?: number;
  /** The words of an enum. */
  readonly values?: readonly string[];
  /** Words that shells complete, of those that are accepted. */
  readonly suggests?: readonly string[];
  /** What shells complete it to. @default paths for a path, `values` for an enum */
  readonly completes?: Completes;
  /** Makes a value of text; throws `SyntaxError` or `RangeError` for users to read. */
  readonly parse?: (text: string) => unknown;
  /** Text as on the command line. */
  readonly default?: boolean | number | string;
}

/** What a shell completes a flag or an argument to, see `completion_words.ts`. */
export type Completes =
  | "file"
  | "directory"
  | "peer"
  | "peer-address"
  | "topic"
  | "join-request"
  | "invite"
  | "dead-letter";

/** Flags by name; `logLevel` is written `--log-level`. */
export type FlagSpecs = Readonly<Record<string, FlagSpec>>;

type Given<F> = F extends { readonly type: "boolean" } ? boolean
  : F extends { readonly type: "port" | "integer" | "seconds" } ? number
  : F extends { readonly values: readonly (infer T)[] } ? T
  : F extends { readonly parse: (text: string) => infer T } ? T
  : string;

/** Flags that have a value even if they are not given. */
type Certain =
  | { readonly default: boolean | number | string }
  | { readonly required: true };

/** Type of a flag's value. */
export type FlagValue<F extends FlagSpec> = F extends Certain ? Given<F>
  : F extends { readonly type: "list" } ? readonly Given<F>[]
  : F extends { readonly type: "boolean"; readonly negatable?: never } ? boolean
  : Given<F> | undefined;

/** Types of the values of all flags. */
export type FlagValues<F extends FlagSpecs> = {
  readonly [K in keyof F]: FlagValue<F[K]>;
};

/** The command line or the environment is wrong. */
export class UsageError extends Error {
  /** The command, if known by then. */
  command: string | undefined;

  /** The message is one line without a full stop: what was given, and what must be. */
  constructor(message: string, command?: string) {
    super(message);
    this.name = "UsageError";
    this.command = command;
  }
}

/** Runs `use`, which throws `SyntaxError` or `RangeError` where an argument is wrong. */
export async function asUsage<T>(use: () => Promise<T> | T): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) {
      throw new UsageError(error.message);
    }
    throw error;
  }
}

/** `logLevel` as it is typed: `log-level`. */
export function flagName(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The name of a flag's value in help. */
export function valueName({ type, value }: FlagSpec): string {
  return value ?? VALUE_NAMES[type];
}

/** Text as shown in messages: on one line, bounded, in quotes. */
export function quoted(text: string): string {
  return `"${escapeText(text, { max: 80 })}"`;
}

/**
 * The likeliest of `words` for messages: the only one with that beginning, or one that differs
 * by few typing mistakes.
 */
export function suggest(
  word: string,
  words: Iterable<string>,
): string | undefined {
  if (word.length > MAX_WORD_CHARS) return undefined;
  const candidates = [...new Set(words)];
  const wanted = word.toLowerCase();
  const [longer, ...others] = candidates.filter((it) =>
    wanted.length > 1 && it.startsWith(wanted)
  );
  if (longer !== undefined && others.length === 0) return longer;
  const nearest = closestString(wanted, candidates);
  // Two swapped letters are two mistakes.
  const limit = wanted.length < 3 ? 1 : Math.max(2, wanted.length / 3);
  return levenshteinDistance(wanted, nearest.toLowerCase()) <= limit
    ? nearest
    : undefined;
}

/**
 * The value that `text` stands for. Throws `UsageError` if it is none; the message calls it
 * `source`, which is `--port` or the name of a variable.
 */
export function parseValue(
  spec: FlagSpec,
  source: string,
  text: string,
): unknown {
  if (text === "") {
    throw new UsageError(`${source} is empty, must be ${wanted(spec)}`);
  }
  const value = valueOf(spec, text);
  if (value === undefined) {
    const guess = spec.values && suggest(text, spec.values);
    throw new UsageError(
      `${source} is ${quoted(text)}, must be ${wanted(spec)}` +
        (guess === undefined ? "" : `; did you mean ${guess}?`),
    );
  }
  if (typeof value !== "string") return value;
  // No path, host or name has a NUL, and the system calls would stop at it. Deno replaces
  // invalid UTF-8 by U+FFFD, which would name another file.
  const must = value.includes("\0")
    ? "not have a NUL character"
    : spec.type === "path" && value.includes("\uFFFD")
    ? "be valid UTF-8 without U+FFFD"
    : undefined;
  if (must !== undefined) {
    throw new UsageError(`${source} is ${quoted(text)}, must ${must}`);
  }
  try {
    return spec.parse === undefined ? value : spec.parse(value);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) {
      // What it quotes is escaped already, so backslashes stay as they are.
      const shown = escapeText(error.message, { max: 300 });
      throw new UsageError(`${source}: ${shown.replaceAll("\\\\", "\\")}`);
    }
    throw error;
  }
}

/** The value before `parse`; `undefined` if the text is none. */
function valueOf(
  spec: FlagSpec,
  text: string,
): boolean | number | string | undefined {
  switch (spec.type) {
    case "boolean":
      return BOOLEANS.get(text.toLowerCase());
    case "port":
    case "integer":
    case "seconds": {
      // Plain decimals only: Number() also accepts "0x50", "1e3", " 80" and "".
      const shape = spec.type === "seconds"
        ? /^-?(\d{1,15}(\.\d{1,9})?|\.\d{1,9})$/
        : /^-?\d{1,15}$/;
      const { min, max } = bounds(spec);
      const number = shape.test(text) ? Number(text) : NaN;
      return number >= min && number <= max ? number : undefined;
    }
    default:
      return spec.values?.includes(text) === false ? undefined : text;
  }
}

/** What a flag's value must be, for messages. */
function wanted(spec: FlagSpec): string {
  const { type, values } = spec;
  if (values !== undefined) return `one of ${values.join(", ")}`;
  if (type !== "port" && type !== "integer" && type !== "seconds") {
    return valueName(spec);
  }
  const { min, max } = bounds(spec);
  const kind = type === "seconds" ? "a number of seconds" : "a whole number";
  return max === Infinity
    ? `${kind}, at least ${min}`
    : `${kind} from ${min} to ${max}`;
}

function bounds({ type, min, max }: FlagSpec): { min: number; max: number } {
  return {
    min: min ?? (type === "port" ? 1 : 0),
    max: max ?? (type === "port" ? 65_535 : Infinity),
  };
}
