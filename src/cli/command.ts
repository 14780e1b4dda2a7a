/**
 * What every command is: how it is called, and what it does then. Its arguments become typed
 * flags; the kinds of values are in `flags.ts`. `parseArgs` of `@std/cli` does the splitting;
 * what it would let pass is refused before: unknown flags, missing and stray values.
 */
import { parseArgs } from "../std/parse_args.ts";
import type { ExitCode } from "./exit.ts";
import {
  flagName,
  type FlagSpec,
  type FlagSpecs,
  type FlagValues,
  parseValue,
  quoted,
  suggest,
  UsageError,
} from "./flags.ts";
import { openTerminal, type Output, type Terminal } from "./terminal.ts";

/** What a command's action gets. */
export interface Invocation<F extends FlagSpecs> {
  readonly flags: FlagValues<F>;
  readonly positionals: readonly string[];
  readonly terminal: Terminal;
  /** Aborts when stdout cannot be written any more; the reason is the error. */
  readonly outputLost: AbortSignal;
}

/** A command that can be run. */
export interface Command extends CommandSpec {
  /** Parses the arguments after the command's name, and does the work. */
  run(argv: readonly string[], output: Output): Promise<ExitCode>;
}

/** Puts together how a command is called and its action. */
export function command<const F extends FlagSpecs>(
  spec: CommandSpec<F>,
  action: (invocation: Invocation<F>) => Promise<ExitCode>,
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
      // Lines of JSON are read by programs, or by people that want them whole.
      if (json === true) output.stdout.columns = undefined;
      const outputLost = output.stdout.failure;
      return await action({ flags, positionals, terminal, outputLost });
    },
  };
}

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

/**
 * How a command is called: its arguments are parsed by it, help and completions are made of it.
 * Name and summary are in the table of `commands.ts`.
 */
export interface CommandSpec<F extends FlagSpecs = FlagSpecs> {
  /** More than the summary says, a paragraph each. */
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

/** Flags by their names on the command line. */
type FlagsByName = ReadonlyMap<string, FlagSpec>;

type ReadEnv = (name: string) => string | undefined;

/**
 * Flags and other arguments of a command. A flag wins over its environment variable, which
 * wins over the default; an empty variable counts as unset. Throws `UsageError` when the
 * arguments are not what the command takes.
 */
export function parseArguments<F extends FlagSpecs>(
  spec: Pick<CommandSpec<F>, "flags" | "positionals">,
  argv: readonly string[],
  env: ReadEnv = grantedEnv,
): {
  /** A value for every flag: given, or from the environment, or the default. */
  readonly flags: FlagValues<F>;
  /** As many as the command wants. */
  readonly positionals: readonly string[];
} {
  const entries = Object.entries(spec.flags);
  const specs: FlagsByName = new Map(
    entries.map(([key, spec]) => [flagName(key), spec]),
  );
  const { texts, positionals } = splitArguments(specs, argv);
  const flags = Object.fromEntries(entries.map(([key, spec]) => {
    const name = flagName(key);
    return [key, valueOf(spec, name, texts[name] ?? [], env)];
  }));
  checkPositionals(spec.positionals ?? [], positionals);
  // The one place where the types of the table and the values meet.
  return { flags: flags as FlagValues<F>, positionals };
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

/** A flag as `--name=text`, so that `parseArgs` has nothing to guess. */
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
  if (isNegated && !isNegatable(spec)) {
    throw new UsageError(
      `--${name} is unknown, --${positive} has no opposite`,
    );
  }
  if (spec.type !== "boolean") {
    return `--${name}=${value ?? nextValue(specs, name, spec.value, queue)}`;
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
  shown: string,
  queue: string[],
): string {
  const [next] = queue;
  // "-" is a usual name for stdin, and "-5" a number that its flag refuses better.
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
    isNegatable(spec) ? [name, `no-${name}`] : [name]
  );
  const guess = suggest(shown.replace(/^-+/, ""), [...names, "help"]);
  return new UsageError(
    `Unknown flag ${quoted(shown)}` +
      (guess === undefined ? "" : `, did you mean --${guess}?`),
  );
}

function isNegatable(spec: FlagSpec): boolean {
  return spec.type === "boolean" && spec.negatable === true;
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
      `--${name} is missing, must be --${name} ${spec.value}` +
        (spec.env === undefined ? "" : ` or ${spec.env}=${spec.value}`),
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
  const variadic = specs.at(-1)?.variadic === true;
  const surplus = variadic ? undefined : positionals[specs.length];
  if (surplus !== undefined) throw unexpectedArgument(surplus);
  const missing = specs.slice(positionals.length).find((it) => !it.optional);
  if (missing !== undefined) {
    throw new UsageError(`${missing.name} is missing: ${missing.help}`);
  }
}

/** For an argument that the command, or the flags it got, do not take. */
export function unexpectedArgument(text: string): UsageError {
  // Before the dashes it would have been a flag.
  const afterDashes = text.length > 1 && text.startsWith("-");
  return new UsageError(
    `Unexpected argument ${quoted(text)}` +
      (afterDashes ? ", flags must come before --" : ""),
  );
}

/** An environment variable; one that Deno does not permit to read counts as unset. */
export function grantedEnv(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}
