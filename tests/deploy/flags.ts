/** Command lines of deployments, parsed as the program does. */
import { assert } from "@std/assert";
import { parseArguments } from "../../src/cli/command.ts";
import { COMMANDS, selectCommand } from "../../src/cli/commands.ts";

/** A command line that the program takes. */
export interface ParsedLine {
  readonly name: string;
  readonly flags: Readonly<Record<string, unknown>>;
}

/** Loaded here, since a command that runs a node begins to prepare TLS when it is loaded. */
const LOADED = new Map(
  await Promise.all(
    COMMANDS.filter(({ name }) => name === "run" || name === "health")
      .map(async (entry) => [entry, await entry.load()] as const),
  ),
);

/** Parses the words behind `verack`; throws what the program would show. */
export function parseLine(words: readonly string[]): ParsedLine {
  const selected = selectCommand(words);
  assert(selected.kind === "command", `no command: ${words.join(" ")}`);
  const { entry } = selected;
  const command = LOADED.get(entry);
  assert(command !== undefined, `no command of deployments: ${entry.name}`);
  const { flags } = parseArguments(command, selected.argv);
  return { name: entry.name, flags };
}

/** The port of a flag with `HOST:PORT`, in whatever form the program keeps it. */
export function portOf(value: unknown): number {
  if (typeof value === "object" && value !== null && "port" in value) {
    return Number(value.port);
  }
  return Number(/:(\d+)$/.exec(String(value))?.[1]);
}
