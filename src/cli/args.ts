/**
 * Arguments into typed flags, by one table a command ({@linkcode defineCommand}),
 * from which help (`help.ts`) and messages are made too.
 *
 * Splitting arguments is in `known_flags.ts`, kinds of values in `flags.ts`, choosing
 * the command in `commands.ts`; what a command does is in its own file.
 */
import {
  flagName,
  type FlagSpec,
  type FlagSpecs,
  type FlagValues,
  parseValue,
  quoted,
  UsageError,
} from "./flags.ts";
import { KnownFlags } from "./known_flags.ts";

/** An argument that is no flag. */
export interface PositionalSpec {
  /** What help calls it, e.g. `FILE`. */
  readonly name: string;
  /** One sentence without a full stop. */
  readonly help: string;
  /** It may be left out. */
  readonly optional?: boolean;
  /** Any number of them; only the last one may be. */
  readonly variadic?: boolean;
}

/** Everything there is to know about how a command is called. */
export interface Command<F extends FlagSpecs = FlagSpecs> {
  /** One word, or two for one of a group: `run`, `identity new`. */
  readonly name: string;
  /** What it does, one sentence without a full stop. */
  readonly summary: string;
  /** More about it, a paragraph each. */
  readonly description?: readonly string[];
  /** After the program's name, when it is not the obvious. */
  readonly usage?: string;
  /** Arguments that are no flags, in order. */
  readonly positionals?: readonly PositionalSpec[];
  /** Flags; `--help` is everywhere. */
  readonly flags: F;
  /** Variables it heeds beside those of its flags, and what they do. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How it is called, and what happens then. */
  readonly examples?: readonly (readonly [call: string, help: string])[];
}

/** What {@linkcode parseCommand} found. */
export type ParsedCommand<F extends FlagSpecs> =
  | { readonly help: true }
  | {
    readonly help: false;
    /** A value for every flag: given, or from the environment, or the default. */
    readonly flags: FlagValues<F>;
    /** As many as the definition wants. */
    readonly positionals: readonly string[];
  };

/** Options of {@linkcode parseCommand}. */
export interface ParseCommandOptions {
  /**
   * Reads an environment variable.
   *
   * @default {Deno.env.get, where permission was granted}
   */
  readonly env?: (name: string) => string | undefined;
}

/**
 * A command, checked.
 *
 * @throws {TypeError} when the definition contradicts itself.
 */
export function defineCommand<const F extends FlagSpecs>(
  command: Command<F>,
): Command<F> {
  const shorts = new Set(["h"]);
  for (const [key, spec] of Object.entries(command.flags)) {
    const fault =
      /^(help|no[A-Z].*)$/.test(key) || !/^[a-z][a-zA-Z]*$/.test(key)
        ? "its name cannot be used"
        : spec.short !== undefined &&
            (!/^[a-zA-Z]$/.test(spec.short) || shorts.has(spec.short))
        ? `-${spec.short} is taken or not one letter`
        : faultOfDefault(spec);
    if (fault !== undefined) {
      throw new TypeError(
        `Cannot define ${command.name} --${flagName(key)}: ${fault}`,
      );
    }
    if (spec.short !== undefined) shorts.add(spec.short);
  }
  return command;
}

/**
 * Flags and other arguments of a command. A flag wins over its environment
 * variable, which wins over the default; an empty variable is as good as none.
 *
 * @throws {UsageError} when the arguments are not what the command takes.
 */
export function parseCommand<F extends FlagSpecs>(
  command: Command<F>,
  argv: readonly string[],
  options: ParseCommandOptions = {},
): ParsedCommand<F> {
  if (asksForHelp(argv)) return { help: true };
  try {
    const known = new KnownFlags(command.flags);
    const { given, positionals } = known.split(argv);
    const env = options.env ?? grantedEnv;
    const flags: Record<string, unknown> = {};
    for (const [key, spec] of Object.entries(command.flags)) {
      flags[key] = valueOf(spec, flagName(key), given.get(flagName(key)), env);
    }
    checkPositionals(command.positionals ?? [], positionals);
    // The one place where the types of the table and the values meet.
    return { help: false, flags: flags as FlagValues<F>, positionals };
  } catch (error) {
    if (error instanceof UsageError) error.command ??= command.name;
    throw error;
  }
}

/** Whether `--help` or `-h` stands among the flags. */
export function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const flags = end === -1 ? argv : argv.slice(0, end);
  return flags.includes("--help") || flags.includes("-h");
}

function valueOf(
  spec: FlagSpec,
  name: string,
  given: boolean | string | readonly string[] | undefined,
  env: (name: string) => string | undefined,
): unknown {
  if (typeof given === "boolean") return given;
  if (given !== undefined) return parseGiven(spec, `--${name}`, given);

  const variable = spec.env === undefined ? undefined : env(spec.env);
  if (spec.env !== undefined && variable !== undefined && variable !== "") {
    return parseGiven(
      spec,
      spec.env,
      spec.type === "list"
        ? variable.split(",").map((text) => text.trim())
        : variable,
    );
  }
  if (spec.type !== "boolean" && spec.required) {
    throw new UsageError(
      `--${name} is missing, must be --${name} ${spec.value}` +
        (spec.env === undefined ? "" : ` or ${spec.env}=${spec.value}`),
    );
  }
  return defaultOf(spec, name);
}

function parseGiven(
  spec: FlagSpec,
  source: string,
  given: string | readonly string[],
): unknown {
  return typeof given === "string"
    ? parseValue(spec, source, given)
    : given.map((text) => parseValue(spec, source, text));
}

function defaultOf(spec: FlagSpec, name: string): unknown {
  switch (spec.type) {
    case "boolean":
      return spec.default ?? (spec.negatable ? undefined : false);
    case "list":
      return [];
    case "string":
    case "path":
      return spec.default === undefined
        ? undefined
        : parseValue(spec, `--${name}`, spec.default);
    case "port":
    case "integer":
    case "seconds":
    case "enum":
      return spec.default;
  }
}

function faultOfDefault(spec: FlagSpec): string | undefined {
  if (spec.type === "boolean" || spec.default === undefined) return undefined;
  try {
    parseValue(spec, "its default", String(spec.default));
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

function checkPositionals(
  specs: readonly PositionalSpec[],
  positionals: readonly string[],
): void {
  const variadic = specs.at(-1)?.variadic === true;
  const surplus = variadic ? undefined : positionals[specs.length];
  if (surplus !== undefined) throw unexpectedArgument(surplus);
  const missing = specs.slice(positionals.length).find((it) => !it.optional);
  if (missing !== undefined) {
    throw new UsageError(`${missing.name} is missing: ${missing.help}`);
  }
}

/** For an argument that a command, or the flags it got, have no use for. */
export function unexpectedArgument(text: string): UsageError {
  // Else it would have been taken for a flag.
  const afterDashes = text.length > 1 && text.startsWith("-");
  return new UsageError(
    `Unexpected argument ${quoted(text)}` +
      (afterDashes ? ", flags must come before --" : ""),
  );
}

/** An environment variable; what Deno does not permit to read is as good as not set. */
export function grantedEnv(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}
