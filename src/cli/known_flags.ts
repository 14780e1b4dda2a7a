/**
 * Splits arguments by the flags a command knows, strictly: `parseArgs` of
 * `@std/cli` does the splitting, and what it lets pass is refused here first:
 * unknown and repeated flags, missing and stray values. What the values mean is
 * in `flags.ts`; who asks is `args.ts`.
 */
import { parseArgs } from "../std/parse_args.ts";
import {
  flagName,
  type FlagSpec,
  type FlagSpecs,
  parseValue,
  quoted,
  UsageError,
} from "./flags.ts";
import { suggest } from "./suggest.ts";

/** Arguments by what they are. */
export interface SplitArgs {
  /** Of each flag that was given: `true`, `false` after `--no-…`, its text, or texts. */
  readonly given: ReadonlyMap<string, boolean | string | readonly string[]>;
  /** Arguments that are no flags. */
  readonly positionals: readonly string[];
}

/** The flags of one command, and how arguments are brought into one form. */
export class KnownFlags {
  readonly #byName = new Map<string, FlagSpec>();
  readonly #nameByShort = new Map<string, string>();

  constructor(flags: FlagSpecs) {
    for (const [key, spec] of Object.entries(flags)) {
      const name = flagName(key);
      this.#byName.set(name, spec);
      if (spec.short !== undefined) this.#nameByShort.set(spec.short, name);
    }
  }

  /** @throws {UsageError} when a flag is unknown, repeated, or lacks its value. */
  split(argv: readonly string[]): SplitArgs {
    const end = argv.indexOf("--");
    const afterDashes = end === -1 ? [] : argv.slice(end + 1);
    const { flags, positionals } = this.#normalize(
      end === -1 ? argv : argv.slice(0, end),
    );
    const shown = this.#checkRepetition(flags);
    const names = [...this.#byName.keys()];
    const ofType = (type: FlagSpec["type"]) =>
      names.filter((name) => this.#byName.get(name)?.type === type);
    const booleans = ofType("boolean");
    const { _: rest, ...values } = parseArgs(
      [...flags, "--", ...positionals, ...afterDashes],
      {
        boolean: booleans,
        string: [...names.filter((name) => !booleans.includes(name)), "_"],
        collect: ofType("list"),
        negatable: booleans.filter((name) => this.#isNegatable(name)),
      },
    );
    const given = new Map<string, boolean | string | readonly string[]>();
    for (const name of shown.keys()) {
      const value: unknown = values[name];
      given.set(
        name,
        typeof value === "boolean"
          ? value
          : Array.isArray(value)
          ? value.map(String)
          : String(value),
      );
    }
    return { given, positionals: rest.map(String) };
  }

  /**
   * Every flag as `--name`, `--no-name` or `--name=value`, so that `parseArgs` has
   * nothing to guess.
   */
  #normalize(
    argv: readonly string[],
  ): { flags: string[]; positionals: string[] } {
    const flags: string[] = [];
    const positionals: string[] = [];
    const queue = [...argv];
    for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
      if (arg.startsWith("--")) flags.push(this.#long(arg, queue));
      else if (/^-./s.test(arg)) flags.push(this.#short(arg, queue));
      else positionals.push(arg);
    }
    return { flags, positionals };
  }

  /** Names of the flags given, with the form they were given in. */
  #checkRepetition(flags: readonly string[]): Map<string, string> {
    const seen = new Map<string, string>();
    for (const flag of flags) {
      const form = withoutValue(flag);
      const name = this.#byName.has(form.slice("--".length))
        ? form.slice("--".length)
        : form.slice("--no-".length);
      const before = seen.get(name);
      if (before !== undefined && this.#byName.get(name)?.type !== "list") {
        throw new UsageError(
          before === form
            ? `${form} is given twice, must be given once`
            : `${before} and ${form} are both given, must be one of them`,
        );
      }
      seen.set(name, form);
    }
    return seen;
  }

  #long(arg: string, queue: string[]): string {
    const equals = arg.indexOf("=");
    const name = equals === -1 ? arg.slice(2) : arg.slice(2, equals);
    const value = equals === -1 ? undefined : arg.slice(equals + 1);
    const spec = this.#byName.get(name);
    if (spec !== undefined) return this.#given(name, spec, value, queue);

    const positive = name.startsWith("no-") ? name.slice("no-".length) : "";
    if (!this.#byName.has(positive)) throw this.#unknown(`--${name}`);
    if (!this.#isNegatable(positive)) {
      throw new UsageError(
        `--${name} is unknown, --${positive} has no opposite`,
      );
    }
    if (value !== undefined) throw strayValue(`--${name}`, value);
    return `--${name}`;
  }

  #short(arg: string, queue: string[]): string {
    const letter = [...arg][1] ?? "";
    const name = this.#nameByShort.get(letter);
    const spec = name === undefined ? undefined : this.#byName.get(name);
    const tail = arg.slice(1 + letter.length);
    const isLong = tail !== "" && this.#byName.has(withoutValue(arg.slice(1)));
    if (name === undefined || spec === undefined || isLong) {
      throw this.#unknown(withoutValue(arg));
    }
    if (spec.type === "boolean" && tail !== "") {
      throw strayValue(`-${letter}`, tail);
    }
    return this.#given(
      name,
      spec,
      tail === "" ? undefined : tail.replace(/^=/, ""),
      queue,
    );
  }

  #given(
    name: string,
    spec: FlagSpec,
    value: string | undefined,
    queue: string[],
  ): string {
    if (spec.type === "boolean") {
      if (value !== undefined) throw strayValue(`--${name}`, value);
      return `--${name}`;
    }
    const next = value ?? queue[0];
    // "-" is a usual name for stdin, and "-5" a number that its flag refuses better.
    const isFlag = value === undefined && /^-[^\d.]/s.test(next ?? "");
    if (next === undefined || isFlag) {
      throw new UsageError(
        `--${name} has no value, must be --${name} ${spec.value}` +
          (isFlag && !this.#looksKnown(next ?? "")
            ? `, or --${name}=${spec.value} if it begins with a dash`
            : ""),
      );
    }
    if (value === undefined) queue.shift();
    // Refused here, since parseArgs would take an empty value for none.
    if (next === "") parseValue(spec, `--${name}`, "");
    return `--${name}=${next}`;
  }

  #isNegatable(name: string): boolean {
    const spec = this.#byName.get(name);
    return spec?.type === "boolean" && spec.negatable === true;
  }

  #looksKnown(arg: string): boolean {
    const name = withoutValue(arg.replace(/^--(no-)?/, ""));
    return this.#byName.has(name) || this.#nameByShort.has(arg.slice(1, 2));
  }

  #unknown(shown: string): UsageError {
    const names = [...this.#byName.keys()].flatMap((name) =>
      this.#isNegatable(name) ? [name, `no-${name}`] : [name]
    );
    const guess = suggest(shown.replace(/^-+/, ""), [...names, "help"]);
    return new UsageError(
      `Unknown flag ${quoted(shown)}` +
        (guess === undefined ? "" : `, did you mean --${guess}?`),
    );
  }
}

function strayValue(flag: string, value: string): UsageError {
  return new UsageError(`${flag} takes no value, but got ${quoted(value)}`);
}

function withoutValue(arg: string): string {
  return arg.replace(/=.*$/s, "");
}
