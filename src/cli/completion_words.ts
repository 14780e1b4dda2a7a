/**
 * What the last of the words of a command line can be completed to: commands and flags from
 * their tables, and peers, topics and ids of the node that the words mean. Shells ask by
 * `verack completions words`, see `completions.ts`.
 */
import { escapeText } from "../core/escape.ts";
import type { PositionalSpec } from "./command.ts";
import type { CommandEntry } from "./commands.ts";
import {
  type Completes,
  flagName,
  type FlagSpec,
  type FlagSpecs,
} from "./flags.ts";

/** Of the node, by what is known there. */
export type NodeWords = Exclude<Completes, "file" | "directory">;

/** One of several words, and what it stands for. */
export interface Candidate {
  readonly word: string;
  readonly help: string;
}

/** What can stand in the place of the last word. */
export interface Completion {
  readonly candidates: readonly Candidate[];
  /** Paths that the shell completes. */
  readonly paths?: "file" | "directory";
}

/** How the words of a node are found; `flags` are those given so far. */
export type FindWords = (
  kind: NodeWords,
  flags: ReadonlyMap<string, string>,
) => Promise<readonly Candidate[]>;

const NONE: Completion = { candidates: [] };
const HELP: Candidate = { word: "--help", help: "Show help" };
/** Longer ones are cut, since a line of a shell has little room. */
const MAX_HELP_CHARS = 100;

/**
 * Completes the last word, which may be empty, behind the others. The answer has words that
 * begin with it, those of a value behind `=` without what is before.
 */
export async function completeWords(
  words: readonly string[],
  commands: readonly CommandEntry[],
  find: FindWords,
): Promise<Completion> {
  const before = joinValues(words.slice(0, -1).map(unquoted));
  const last = unquoted(words.at(-1) ?? "");
  const { entry, rest, group } = commandOf(before, commands);
  if (entry === undefined && group === undefined) {
    return rest.length > 0 ? NONE : starting(last, firstWords(commands));
  }
  const command = await entry?.load();
  const given = givenArguments(command?.flags ?? {}, rest);
  if (given.isOver) return NONE;
  const inline = /^(--[^=]+)=(.*)$/s.exec(last);
  // Bash splits `--flag=value` at the sign, and leaves that alone at first.
  const value = last === "=" ? "" : last;
  const flag = inline?.[1] ?? given.open;
  if (flag !== undefined) {
    const spec = command === undefined
      ? undefined
      : specOf(command.flags, flag);
    if (spec === undefined || spec.type === "boolean") return NONE;
    const text = inline?.[2] ?? value;
    const enumerated = spec.values ?? spec.suggests;
    if (enumerated !== undefined) {
      return starting(text, enumerated.map((word) => ({ word, help: "" })));
    }
    return await ofKind(kindOf(spec), text, given.flags, find);
  }
  if (last.startsWith("-")) {
    return starting(last, flagWords(command?.flags ?? {}, given.flags));
  }
  const nested = rest.length === 0 && group !== undefined
    ? starting(last, secondWords(commands, group)).candidates
    : [];
  const positional = await positionalWords(
    command?.positionals ?? [],
    given.positionals,
  )(last, given.flags, find);
  return {
    ...positional,
    candidates: [...nested, ...positional.candidates],
  };
}

/** The command of the words, those after its name, and the group that its first word names. */
function commandOf(
  words: readonly string[],
  commands: readonly CommandEntry[],
): {
  readonly entry?: CommandEntry;
  readonly rest: readonly string[];
  readonly group?: string;
} {
  const [first = "", second = ""] = words;
  if (first === "help") return commandOf(words.slice(1), commands);
  // Flags alone are those of the default command.
  const named = (name: string) => commands.find((it) => it.name === name);
  const entry = first.startsWith("-") ? commands[0] : named(first);
  const pair = named(`${first} ${second}`);
  if (pair !== undefined) return { entry: pair, rest: words.slice(2) };
  const isGroup = commands.some((it) => it.name.startsWith(`${first} `));
  if (entry === undefined && !isGroup) return { rest: words };
  return {
    ...(entry !== undefined && { entry }),
    ...(isGroup && { group: first }),
    rest: first.startsWith("-") ? words : words.slice(1),
  };
}

/** Puts `--flag`, `=` and `value`, which bash makes of one word, together again. */
function joinValues(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const last = joined.at(-1);
    if (word !== "=" || last === undefined || !/^--[^=]+$/.test(last)) {
      joined.push(word);
    } else if (at + 1 < words.length) {
      joined[joined.length - 1] = `${last}=${words[++at]}`;
    }
  }
  return joined;
}

/** A word as it was typed, without its quotes. */
function unquoted(word: string): string {
  const quote = /^(["'])(.*?)\1?$/s.exec(word);
  return quote?.[2] ?? word.replaceAll(/\\(.)/gs, "$1");
}

/** What the words before the last one have given. */
function givenArguments(specs: FlagSpecs, words: readonly string[]): {
  readonly flags: ReadonlyMap<string, string>;
  readonly positionals: number;
  /** The flag that the next word is the value of. */
  readonly open: string | undefined;
  /** After `--` there are no flags, and nothing is known of the words. */
  readonly isOver: boolean;
} {
  const flags = new Map<string, string>();
  let positionals = 0;
  let open: string | undefined;
  for (const word of words) {
    if (word === "--") return { flags, positionals, open, isOver: true };
    if (open !== undefined) {
      flags.set(open, word);
      open = undefined;
    } else if (/^-./.test(word)) {
      const [name = "", ...value] = word.split("=");
      const spec = specOf(specs, name);
      const key = spec === undefined ? name : longName(specs, name);
      flags.set(key, value.join("="));
      if (spec !== undefined && spec.type !== "boolean" && value.length === 0) {
        open = key;
      }
    } else positionals++;
  }
  return { flags, positionals, open, isOver: false };
}

function entryOf(
  specs: FlagSpecs,
  name: string,
): [key: string, spec: FlagSpec] | undefined {
  return Object.entries(specs).find(([key, { short, negatable }]) =>
    name === `--${flagName(key)}` || name === `-${short}` ||
    (negatable === true && name === `--no-${flagName(key)}`)
  );
}

function specOf(specs: FlagSpecs, name: string): FlagSpec | undefined {
  return entryOf(specs, name)?.[1];
}

function longName(specs: FlagSpecs, name: string): string {
  const [key] = entryOf(specs, name) ?? [];
  return key === undefined ? name : `--${flagName(key)}`;
}

function kindOf(spec: FlagSpec): Completes | undefined {
  if (spec.completes !== undefined) return spec.completes;
  if (spec.type !== "path") return undefined;
  return spec.value === "DIR" ? "directory" : "file";
}

async function ofKind(
  kind: Completes | undefined,
  text: string,
  flags: ReadonlyMap<string, string>,
  find: FindWords,
): Promise<Completion> {
  if (kind === undefined) return NONE;
  if (kind === "file" || kind === "directory") {
    return { candidates: [], paths: kind };
  }
  return starting(text, await find(kind, flags));
}

/** Completes the argument after `count` others. */
function positionalWords(
  specs: readonly PositionalSpec[],
  count: number,
): (
  text: string,
  flags: ReadonlyMap<string, string>,
  find: FindWords,
) => Promise<Completion> {
  const variadic = specs.findIndex((it) => it.variadic);
  // Behind a variadic one each may be the last.
  const open = variadic === -1 || count < variadic
    ? specs.slice(count, count + 1)
    : specs.slice(variadic);
  return async (text, flags, find) => {
    const found = await Promise.all(
      open.map(({ completes, suggests }) =>
        suggests === undefined
          ? ofKind(completes, text, flags, find)
          : starting(text, suggests.map((word) => ({ word, help: "" })))
      ),
    );
    const paths = found.find((it) => it.paths !== undefined)?.paths;
    return {
      candidates: found.flatMap(({ candidates }) => candidates),
      ...(paths !== undefined && { paths }),
    };
  };
}

function firstWords(commands: readonly CommandEntry[]): Candidate[] {
  const words = new Map<string, string>();
  for (const { name, summary } of commands) {
    const [first = ""] = name.split(" ");
    if (!words.has(first)) words.set(first, summary);
  }
  words.set("help", "Show the commands, or the help of one");
  return [...words].map(([word, help]) => ({ word, help }));
}

function secondWords(
  commands: readonly CommandEntry[],
  group: string,
): Candidate[] {
  return commands.filter(({ name }) => name.startsWith(`${group} `)).map((
    { name, summary },
  ) => ({ word: name.slice(group.length + 1), help: summary }));
}

/** Flags that may still be given. */
function flagWords(
  specs: FlagSpecs,
  given: ReadonlyMap<string, string>,
): Candidate[] {
  const words = Object.entries(specs).flatMap(([key, spec]) => {
    const { help, negatable, type } = spec;
    const name = flagName(key);
    if (type !== "list" && given.has(`--${name}`)) return [];
    return [
      { word: `--${name}`, help },
      ...(negatable ? [{ word: `--no-${name}`, help }] : []),
    ];
  });
  return [...words, HELP];
}

function starting(
  text: string,
  candidates: readonly Candidate[],
): Completion {
  return { candidates: candidates.filter(({ word }) => word.startsWith(text)) };
}

/** The lines that shells read: a word, a tab and what it stands for; or which paths they complete. */
export function completionLines(
  { candidates, paths }: Completion,
): string[] {
  return [
    ...candidates.map(({ word, help }) =>
      `${word}\t${escapeText(help, { max: MAX_HELP_CHARS })}`
    ),
    ...(paths === undefined ? [] : [`:${paths}`]),
  ];
}
