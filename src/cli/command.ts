/**
 * A command: its usage, and its action. Arguments become typed flags; the kinds of values are
 * in `flags.ts`. `parseArgs` of `@std/cli` splits them; unknown flags, and missing and stray
 * values, which it accepts, are refused before.
 */
import { parseArgs } from "../std/parse_args.ts";
import type { ExitCode } from "./exit.ts";
import {
  type Completes,
  flagName,
  type FlagSpec,
  type FlagSpecs,
  type FlagValues,
  parseValue,
  quoted,
  suggest,
  UsageError,
  valueName,
} from "./flags.ts";
import { openTerminal, type Output, type Terminal } from "./terminal.ts";

/** The input of a command's action. */
export interface Invocation<F extends FlagSpecs> {
  readonly flags: FlagValues<F>;
  readonly positionals: readonly string[];
  readonly terminal: Terminal;
  /** Aborts when stdout cannot be written any more; the reason is the error. */
  readonly outputLost: AbortSignal;
}

/** A command that can be run. */
export interface Command extends CommandSpec {
  /** Parses the arguments after the command's name, and runs the action. */
  run(argv: readonly string[], output: Output): Promise<ExitCode>;
}

/** Makes a command of its specification and its action. */
export function command<const F extends FlagSpecs>(
  spec: CommandSpec<F> & {
    action(invocation: Invocation<F>): Promise<ExitCode>;
  },
): Command {
  return {
    ...spec,
    async run(argv, output) {
      const { flags, positionals } = parseArguments(spec, argv);
      const { color, json }: Readonly<Record<string, unknown>> = flags;
      const terminal = openTerminal(
        output,
        typeof color === "boolean" ? color : undefined,
      );
      // Lines of JSON are not broken into rows: they are for programs.
      if (json === true) output.stdout.columns = undefined;
      const outputLost = output.stdout.failure;
      return await spec.action({ flags, positionals, terminal, outputLost });
    },
  };
}

/** An argument that is no flag. */
export interface PositionalSpec {
  /** Its name in help, e.g. `FILE`. */
  readonly name: string;
  /** One sentence without a full stop. */
  readonly help: string;
  /** Words that shells complete. */
  readonly suggests?: readonly string[];
  /** What shells complete it to. */
  readonly completes?: Completes;
  /** It may be left out. */
  readonly optional?: boolean;
  /** Any number of them, at least one unless it is optional; one argument of a command may be. */
  readonly variadic?: boolean;
  /** It is free text: several words must be quoted together. */
  readonly text?: boolean;
}

/**
 * The usage of a command, from which arguments are parsed and help and completions are made.
 * Name and summary are in the table of `commands.ts`.
 */
export interface CommandSpec<F extends FlagSpecs = FlagSpecs> {
  /** Details, a paragraph each. */
  readonly description?: readonly string[];
  /** The usage after the program's name, if it differs from the default. */
  readonly usage?: string;
  /** Arguments that are no flags, in order. */
  readonly positionals?: readonly PositionalSpec[];
  /** Flags; `--help` is everywhere. */
  readonly flags: F;
  /** Variables that it uses beside those of its flags, and their effects. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Examples of calls, with their effects. */
  readonly examples?: readonly (readonly [call: string, help: string])[];
}

/** Flags by their names on the command line. */
type FlagsByName = ReadonlyMap<string, FlagSpec>;

type ReadEnv = (name: string) => string | undefined;

/**
 * Flags and other arguments of a command. A flag wins over its environment variable, which
 * wins over the default; an empty variable counts as unset. Throws `UsageError` for arguments
 * that the command does not accept.
 */
export function parseArguments<F extends FlagSpecs>(
  spec: Pick<CommandSpec<F>, "flags" | "positionals">,
  argv: readonly string[],
  env: ReadEnv = grantedEnv,
): {
  /** A value for every flag: given, or from the environment, or the default. */
  readonly flags: FlagValues<F>;
  /** As many as the command accepts. */
  readonly positionals: readonly string[];
} {
  const entries = Object.entries(spec.flags);
  const specs: FlagsByName = new Map(
    entries.map(([key, spec]) => [flagName(key), spec]),
  );
  const { texts, positionals } = splitArguments(specs, argv);
  const unset = excludedFlags(entries, texts);
  const flags = Object.fromEntries(entries.map(([key, spec]) => {
    const name = flagName(key);
    const read = unset.has(key) ? () => undefined : env;
    return [key, valueOf(spec, name, texts[name] ?? [], read)];
  }));
  checkPositionals(spec.positionals ?? [], positionals);
  // The one place where the types of the table and the values meet.
  return { flags: flags as FlagValues<F>, positionals };
}

/** The keys of flags that a given one excludes. */
function excludedFlags(
  entries: readonly (readonly [key: string, spec: FlagSpec])[],
  texts: Readonly<Record<string, readonly string[]>>,
): ReadonlySet<string> {
  const given = ([key]: readonly [string, FlagSpec]) =>
    (texts[flagName(key)] ?? []).length > 0;
  const excluded = new Set<string>();
  for (const [key, spec] of entries.filter(given)) {
    const { excludes = [], excludesIfNegated = [] } = spec;
    const isNegated = (texts[flagName(key)] ?? []).includes("false");
    const no = isNegated && excludesIfNegated.length > 0 ? "no-" : "";
    for (const other of [...excludes, ...isNegated ? excludesIfNegated : []]) {
      if ((texts[flagName(other)] ?? []).length > 0) {
        throw new UsageError(
          `--${no}${flagName(key)} and --${flagName(other)} exclude each other`,
        );
      }
      excluded.add(other);
    }
  }
  return excluded;
}

/** Whether `--help` or `-h` is among the flags. */
export function asksForHelp(argv: readonly string[]): boolean {
  const [flags] = splitAtDashes(argv);
  return flags.includes("--help") || flags.includes("-h");
}

/** The texts given to each flag, `true` and `false` for booleans, and the other arguments. */
function splitArguments(specs: FlagsByName, argv: readonly string[]): {
  texts: Readonly<Record<string, readonly string[]>>;
  positionals: string[];
} {
  const [queue, afterDashes] = splitAtDashes(argv);
  const flags: string[] = [];
  const others: string[] = [];
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    // A single dash is the usual name for stdin.
    if (/^-./s.test(arg)) flags.push(normalize(specs, arg, queue));
    else others.push(arg);
  }
  const names = [...specs.keys()];
  const { _: positionals, ...texts } = parseArgs(
    [...flags, "--", ...others, ...afterDashes],
    { string: [...names, "_"], collect: names },
  );
  return {
    texts: texts as Record<string, string[]>,
    positionals: positionals.map(String),
  };
}

function splitAtDashes(
  argv: readonly string[],
): [before: string[], after: string[]] {
  const end = argv.indexOf("--");
  return end === -1
    ? [[...argv], []]
    : [argv.slice(0, end), argv.slice(end + 1)];
}

/** A flag as `--name=text`, which `parseArgs` splits unambiguously. */
function normalize(specs: FlagsByName, arg: string, queue: string[]): string {
  const long = longForm(specs, arg);
  const name = withoutValue(long).slice("--".length);
  const value = long.includes("=")
    ? long.slice(long.indexOf("=") + 1)
    : undefined;
  const isNegated = !specs.has(name) && name.startsWith("no-");
  const positive = isNegated ? name.slice("no-".length) : name;
  const spec = specs.get(positive);
  if (spec === undefined) throw unknownFlag(specs, `--${name}`);
  if (isNegated && !spec.negatable) {
    throw new UsageError(
      `--${name} is unknown, --${positive} has no opposite`,
    );
  }
  if (spec.type !== "boolean") {
    return `--${name}=${value ?? nextValue(specs, name, spec, queue)}`;
  }
  if (value !== undefined) {
    throw new UsageError(
      `--${name} takes no value, but got ${quoted(value)}`,
    );
  }
  return `--${positive}=${!isNegated}`;
}

/** `--port`, `--port=80` for `-p`, `-p80` and `-p=80`. */
function longForm(specs: FlagsByName, arg: string): string {
  if (arg.startsWith("--")) return arg;
  const letter = [...arg][1] ?? "";
  const value = arg.slice(1 + letter.length);
  const [name] = [...specs].find(([, { short }]) => short === letter) ?? [];
  const isLong = value !== "" && specs.has(withoutValue(arg.slice(1)));
  if (name === undefined || isLong) {
    throw unknownFlag(specs, withoutValue(arg));
  }
  return value === "" ? `--${name}` : `--${name}=${value.replace(/^=/, "")}`;
}

function nextValue(
  specs: FlagsByName,
  name: string,
  spec: FlagSpec,
  queue: string[],
): string {
  const shown = valueName(spec);
  const [next] = queue;
  // "-" is a usual name for stdin, and "-5" a number, for which its flag has a better error.
  const isFlag = next !== undefined && /^-[^\d.]/s.test(next);
  if (next !== undefined && !isFlag) {
    queue.shift();
    return next;
  }
  const isKnown = specs.has(withoutValue(`${next}`.replace(/^--(no-)?/, ""))) ||
    [...specs.values()].some(({ short }) => short === next?.slice(1, 2));
  throw new UsageError(
    `--${name} has no value, must be --${name} ${shown}` +
      (isFlag && !isKnown
        ? `, or --${name}=${shown} if it begins with a dash`
        : ""),
  );
}

function unknownFlag(specs: FlagsByName, shown: string): UsageError {
  const names = [...specs].flatMap(([name, spec]) =>
    spec.negatable ? [name, `no-${name}`] : [name]
  );
  const guess = suggest(shown.replace(/^-+/, ""), [...names, "help"]);
  return new UsageError(
    `Unknown flag ${quoted(shown)}` +
      (guess === undefined ? "" : `, did you mean --${guess}?`),
  );
}

function withoutValue(arg: string): string {
  return arg.replace(/=.*$/s, "");
}

function valueOf(
  spec: FlagSpec,
  name: string,
  texts: readonly string[],
  env: ReadEnv,
): unknown {
  const read = (source: string, texts: readonly string[]) => {
    const values = texts.map((text) => parseValue(spec, source, text));
    return spec.type === "list" ? values : values[0];
  };
  if (texts.length > 1 && spec.type !== "list") throw repeated(name, texts);
  if (texts.length > 0) return read(`--${name}`, texts);

  const variable = spec.env === undefined ? undefined : env(spec.env);
  if (spec.env !== undefined && variable !== undefined && variable !== "") {
    const list = variable.split(",").map((text) => text.trim());
    return read(spec.env, spec.type === "list" ? list : [variable]);
  }
  if (spec.type === "list") return [];
  if (spec.type === "boolean") {
    return spec.default ?? (spec.negatable ? undefined : false);
  }
  if (spec.required) {
    throw new UsageError(
      `--${name} is missing, must be --${name} ${valueName(spec)}` +
        (spec.env === undefined ? "" : ` or ${spec.env}=${valueName(spec)}`),
    );
  }
  return spec.default === undefined
    ? undefined
    : parseValue(spec, `--${name}`, String(spec.default));
}

function repeated(name: string, texts: readonly string[]): UsageError {
  const [first, second] = texts.map((text) =>
    text === "false" ? `--no-${name}` : `--${name}`
  );
  return new UsageError(
    first === second
      ? `${first} is given twice, must be given once`
      : `${first} and ${second} are both given, must be one of them`,
  );
}

function checkPositionals(
  specs: readonly PositionalSpec[],
  positionals: readonly string[],
): void {
  const variadic = specs.some((it) => it.variadic === true);
  const surplus = variadic ? undefined : positionals[specs.length];
  if (surplus !== undefined) {
    const last = specs.at(-1);
    throw unexpectedArgument(surplus, last?.text ? last : undefined);
  }
  const missing = specs.slice(positionals.length).find((it) => !it.optional);
  if (missing !== undefined) {
    throw new UsageError(`${missing.name} is missing`);
  }
}

/**
 * The error of an argument that the command, or its other flags, do not accept; behind `free`
 * text it may be a word of that.
 */
export function unexpectedArgument(
  text: string,
  free?: PositionalSpec,
): UsageError {
  // Before `--` it would have been a flag.
  const afterDashes = text.length > 1 && text.startsWith("-");
  return new UsageError(
    `Unexpected argument ${quoted(text)}` +
      (afterDashes
        ? ", flags must come before --"
        : free === undefined
        ? ""
        : `, ${free.name} of several words must be in quotes`),
  );
}

/** An environment variable; one that Deno does not permit to read counts as unset. */
export function grantedEnv(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}
