/**
 * The kinds of flags: what a definition may contain, the type of its value, and how text
 * becomes that value. Arguments are split in `command.ts`.
 */
import { escapeText } from "../core/escape.ts";
import { closestString } from "../std/closest_string.ts";
import { levenshteinDistance } from "../std/levenshtein_distance.ts";

/** Longer words are no typing mistakes, and would cost time to compare. */
const MAX_WORD_CHARS = 40;

interface AnyFlag {
  /** One sentence without a full stop. */
  readonly help: string;
  /** One letter, for `-x`. */
  readonly short?: string;
  /** Environment variable that is used when the flag is not given. */
  readonly env?: string;
}

interface ValueFlag extends AnyFlag {
  /** The name of the value in help, e.g. `PORT`. */
  readonly value: string;
  /** Whether it must be given. */
  readonly required?: boolean;
}

/** On or off. */
export interface BooleanFlag extends AnyFlag {
  readonly type: "boolean";
  /** `--no-…` is accepted; without it and a default the value is `undefined`. */
  readonly negatable?: boolean;
  readonly default?: boolean;
}

/** A TCP port, 1 to 65535 unless `min` says 0 (any free port); an integer; seconds. */
export interface NumberFlag extends ValueFlag {
  readonly type: "port" | "integer" | "seconds";
  readonly min?: number;
  readonly max?: number;
  readonly default?: number;
}

/** Text. */
export interface TextFlag extends ValueFlag {
  readonly type: "string" | "path";
  /** Makes a value of the text; throws `SyntaxError` or `RangeError` for users to read. */
  readonly parse?: (text: string) => unknown;
  /** As on the command line. */
  readonly default?: string;
}

/** One of a few words. */
export interface EnumFlag extends ValueFlag {
  readonly type: "enum";
  readonly values: readonly string[];
  readonly default?: string;
}

/** Text that may be given several times. From the environment: separated by commas. */
export interface ListFlag extends ValueFlag {
  readonly type: "list";
  /** Makes a value of each text; throws `SyntaxError` or `RangeError` for users to read. */
  readonly parse?: (text: string) => unknown;
  readonly default?: undefined;
}

/** The definition of one flag. */
export type FlagSpec =
  | BooleanFlag
  | NumberFlag
  | TextFlag
  | EnumFlag
  | ListFlag;

/** Flags by name; `logLevel` is written `--log-level`. */
export type FlagSpecs = Readonly<Record<string, FlagSpec>>;

type Parsed<F> = F extends { readonly parse: (text: string) => infer T } ? T
  : string;

type Given<F extends FlagSpec> = F extends NumberFlag ? number
  : F extends EnumFlag ? F["values"][number]
  : Parsed<F>;

type Certain<F> = F extends
  | { readonly default: boolean | number | string }
  | { readonly required: true } ? true
  : false;

/** Type of a flag's value. */
export type FlagValue<F extends FlagSpec> = F extends BooleanFlag
  ? Certain<F> extends true ? boolean
  : F extends { readonly negatable: true } ? boolean | undefined
  : boolean
  : F extends ListFlag ? readonly Parsed<F>[]
  : Certain<F> extends true ? Given<F>
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

/** `logLevel` as it is typed: `log-level`. */
export function flagName(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
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
  if (text === "" && spec.type !== "boolean") {
    throw new UsageError(`${source} is empty, must be ${wanted(spec)}`);
  }
  switch (spec.type) {
    case "boolean":
      return parseBoolean(source, text);
    case "port":
    case "integer":
    case "seconds":
      return parseNumber(spec, source, text);
    case "enum": {
      if (spec.values.includes(text)) return text;
      const guess = suggest(text, spec.values);
      throw new UsageError(
        `${source} is ${quoted(text)}, must be ${wanted(spec)}` +
          (guess === undefined ? "" : `; did you mean ${guess}?`),
      );
    }
    case "string":
    case "path":
    case "list":
      return parseText(spec, source, text);
  }
}

/** What a flag's value must be, for messages. */
function wanted(spec: FlagSpec): string {
  switch (spec.type) {
    case "boolean":
      return "1 or 0";
    case "port":
    case "integer":
    case "seconds": {
      const { min, max } = bounds(spec);
      const kind = spec.type === "seconds"
        ? "a number of seconds"
        : "a whole number";
      if (max === Infinity) return `${kind}, at least ${min}`;
      return `${kind} from ${min} to ${max}`;
    }
    case "enum":
      return `one of ${spec.values.join(", ")}`;
    case "string":
    case "path":
    case "list":
      return spec.value;
  }
}

function bounds(spec: NumberFlag): { min: number; max: number } {
  return {
    min: spec.min ?? (spec.type === "port" ? 1 : 0),
    max: spec.max ?? (spec.type === "port" ? 65_535 : Infinity),
  };
}

function parseNumber(spec: NumberFlag, source: string, text: string): number {
  // Plain decimals only: Number() also accepts "0x50", "1e3", " 80" and "".
  const shape = spec.type === "seconds"
    ? /^-?(\d{1,15}(\.\d{1,9})?|\.\d{1,9})$/
    : /^-?\d{1,15}$/;
  const value = shape.test(text) ? Number(text) : NaN;
  const { min, max } = bounds(spec);
  if (value >= min && value <= max) return value;
  throw new UsageError(
    `${source} is ${quoted(text)}, must be ${wanted(spec)}`,
  );
}

function parseBoolean(source: string, text: string): boolean {
  const value = text.toLowerCase();
  if (["1", "true", "yes", "on"].includes(value)) return true;
  if (["0", "false", "no", "off"].includes(value)) return false;
  throw new UsageError(`${source} is ${quoted(text)}, must be 1 or 0`);
}

function parseText(
  spec: TextFlag | ListFlag,
  source: string,
  text: string,
): unknown {
  // No path, host or name has one, and the system calls would stop at it.
  if (text.includes("\0")) {
    throw new UsageError(
      `${source} is ${quoted(text)}, must not have a NUL character`,
    );
  }
  if (spec.type === "path" && text.includes("\uFFFD")) {
    // Deno replaces invalid UTF-8 by U+FFFD, which would name another file.
    throw new UsageError(
      `${source} is ${quoted(text)}, must be valid UTF-8 without U+FFFD`,
    );
  }
  try {
    return spec.parse === undefined ? text : spec.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) {
      throw new UsageError(
        `${source}: ${escapeText(error.message, { max: 300 })}`,
      );
    }
    throw error;
  }
}
