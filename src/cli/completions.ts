/** `verack completions`: scripts by which shells complete commands and flags, from their tables. */
import { type Command, command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT } from "./exit.ts";
import {
  flagName,
  type FlagSpec,
  type FlagSpecs,
  quoted,
  UsageError,
} from "./flags.ts";

/** A flag for completion by shells. */
interface CompletedFlag {
  /** `--port` and, if it has one, `-p`. */
  readonly names: readonly string[];
  readonly help: string;
  /** Its value: none, a file, one of a few words, or something else. */
  readonly value: "none" | "file" | "other" | readonly string[];
}

interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly CompletedFlag[];
}

const HELP: CompletedFlag = {
  names: ["--help", "-h"],
  help: "Show help",
  value: "none",
};

const SHELLS: Readonly<
  Record<string, (commands: readonly CompletedCommand[]) => string>
> = { bash, zsh, fish };

/** The command. */
export const completionsCommand: Command = command({
  positionals: [{ name: "SHELL", help: "bash, zsh or fish" }],
  flags: {},
  examples: [
    ['eval "$(verack completions bash)"', "In ~/.bashrc; for zsh likewise"],
    ["verack completions fish | source", "In config.fish"],
  ],
  async action({ positionals: [shell = ""], terminal }) {
    const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
    if (script === undefined) {
      const shells = Object.keys(SHELLS).join(", ");
      throw new UsageError(
        `SHELL is ${quoted(shell)}, must be one of ${shells}`,
      );
    }
    const commands = await Promise.all(COMMANDS.map(async (entry) => {
      const { flags } = await entry.load();
      return { ...entry, flags: [...completedFlags(flags), HELP] };
    }));
    terminal.stdout.line(script(commands), false, false);
    return EXIT.success;
  },
});

function completedFlags(flags: FlagSpecs): CompletedFlag[] {
  return Object.entries(flags).flatMap(([key, spec]) => {
    const name = flagName(key);
    const short = spec.short === undefined ? [] : [`-${spec.short}`];
    const flag = { help: spec.help, value: valueOf(spec) };
    return [
      { ...flag, names: [`--${name}`, ...short] },
      ...(spec.negatable ? [{ ...flag, names: [`--no-${name}`] }] : []),
    ];
  });
}

function valueOf(spec: FlagSpec): CompletedFlag["value"] {
  if (spec.type === "boolean") return "none";
  return spec.values ?? (spec.type === "path" ? "file" : "other");
}

/** The first words of all commands. */
function firstWords(commands: readonly CompletedCommand[]): CompletedCommand[] {
  const first = commands.map((it) => ({ ...it, name: wordOf(it, 0) }));
  return first.filter(({ name }, at) =>
    first.findIndex((it) => it.name === name) === at
  );
}

/** Commands of two words by their first. */
function groups(
  commands: readonly CompletedCommand[],
): Map<string, CompletedCommand[]> {
  return Map.groupBy(
    commands.filter(({ name }) => name.includes(" ")),
    (it) => wordOf(it, 0),
  );
}

function wordOf({ name }: CompletedCommand, at: number): string {
  return name.split(" ")[at] ?? "";
}

function bash(commands: readonly CompletedCommand[]): string {
  const flags = commands.flatMap((it) => it.flags);
  const names = (
    them: readonly CompletedFlag[],
  ) => [...new Set(them.flatMap((it) => it.names))];
  const after = (value: CompletedFlag["value"], reply: string) =>
    `    ${
      names(flags.filter((it) => `${it.value}` === `${value}`)).join("|")
    }) ` +
    `COMPREPLY=(${reply}); return ;;`;
  const words = (pattern: string, them: readonly string[]) =>
    `    ${pattern}) words="${them.join(" ")}" ;;`;
  const enums = new Map(
    flags.flatMap(({ value }) =>
      typeof value === "string" ? [] : [[`${value}`, value] as const]
    ),
  );
  return [
    "_verack() {",
    '  local cur="${COMP_WORDS[COMP_CWORD]}" words',
    '  case "${COMP_WORDS[COMP_CWORD-1]}" in',
    ...[...enums.values()].map((value) =>
      after(value, `$(compgen -W "${value.join(" ")}" -- "$cur")`)
    ),
    after("file", '$(compgen -f -- "$cur")'),
    after("other", ""),
    "  esac",
    '  case "$COMP_CWORD ${COMP_WORDS[1]} ${COMP_WORDS[2]}" in',
    words('"1 "*', [
      ...firstWords(commands).map(({ name }) => name),
      "help",
      "--version",
      ...names(commands[0]?.flags ?? []),
    ]),
    ...[...groups(commands)].map(([first, them]) =>
      words(`"2 ${first} "*`, [
        ...them.map((it) => wordOf(it, 1)),
        ...names(commands.find(({ name }) => name === first)?.flags ?? []),
      ])
    ),
    // Those of two words first.
    ...commands.toSorted((a, b) =>
      Number(b.name.includes(" ")) - Number(a.name.includes(" "))
    ).map(({ name, flags }) =>
      words(`*" ${name}${name.includes(" ") ? '"' : ' "*'}`, names(flags))
    ),
    words("*", names(commands[0]?.flags ?? [])),
    "  esac",
    '  COMPREPLY=($(compgen -W "$words" -- "$cur"))',
    "}",
    "complete -o default -F _verack verack",
  ].join("\n");
}

/** Zsh runs the script of bash. */
function zsh(commands: readonly CompletedCommand[]): string {
  return `autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`;
}

function fish(commands: readonly CompletedCommand[]): string {
  const quote = (text: string) => `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
  const line = (condition: string, rest: string, help: string) =>
    `complete -c verack -n ${quote(condition)} ${rest} -d ${quote(help)}`;
  const flagOf = ({ names, value }: CompletedFlag) =>
    [
      ...names.map((it) =>
        it.startsWith("--") ? `-l ${it.slice(2)}` : `-s ${it[1]}`
      ),
      ...(value === "none" ? [] : [value === "file" ? "-rF" : "-x"]),
      ...(typeof value === "string" ? [] : [`-a ${quote(value.join(" "))}`]),
    ].join(" ");
  return [
    ...firstWords(commands).map(({ name, summary }) =>
      line("__fish_use_subcommand", `-f -a ${name}`, summary)
    ),
    ...[...groups(commands)].flatMap(([first, them]) =>
      them.map((it) =>
        line(
          `__fish_seen_subcommand_from ${first}`,
          `-f -a ${wordOf(it, 1)}`,
          it.summary,
        )
      )
    ),
    ...commands.flatMap(({ name, flags }) =>
      flags.map((flag) =>
        line(
          name.split(" ").map((it) => `__fish_seen_subcommand_from ${it}`)
            .join("; and "),
          flagOf(flag),
          flag.help,
        )
      )
    ),
  ].join("\n");
}
