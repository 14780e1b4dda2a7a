/** The table of all commands, and which of them the first arguments name. */
import { asksForHelp, type Command } from "./args.ts";
import { quoted, suggest, UsageError } from "./flags.ts";
import { broadcastProgram } from "./broadcast.ts";
import { chatProgram } from "./chat.ts";
import { crawlProgram } from "./crawl.ts";
import { demoProgram } from "./demo.ts";
import { handshakeProgram } from "./handshake.ts";
import { identityNewProgram, identityShowProgram } from "./identity.ts";
import {
  inviteProgram,
  invitesProgram,
  invitesRevokeProgram,
} from "./invite.ts";
import { peersProgram } from "./peers.ts";
import type { Program } from "./program.ts";
import { respondProgram } from "./respond.ts";
import { runProgram } from "./run.ts";
import { sendProgram } from "./send.ts";
import {
  setAsideDiscardProgram,
  setAsideProgram,
  setAsideRetryProgram,
  setAsideShowProgram,
} from "./set_aside.ts";
import { statusProgram } from "./status.ts";
import { stopProgram } from "./stop.ts";
import { tailProgram } from "./tail.ts";
import {
  allowProgram,
  denyProgram,
  peersForgetProgram,
  pendingProgram,
} from "./verdicts.ts";
import { whoProgram } from "./who.ts";

/** All commands, in the order in which help lists them. */
export const PROGRAMS: readonly Program[] = [
  runProgram,
  chatProgram,
  statusProgram,
  peersProgram,
  peersForgetProgram,
  whoProgram,
  sendProgram,
  broadcastProgram,
  tailProgram,
  setAsideProgram,
  setAsideShowProgram,
  setAsideRetryProgram,
  setAsideDiscardProgram,
  stopProgram,
  inviteProgram,
  invitesProgram,
  invitesRevokeProgram,
  pendingProgram,
  allowProgram,
  denyProgram,
  demoProgram,
  handshakeProgram,
  respondProgram,
  crawlProgram,
  identityNewProgram,
  identityShowProgram,
];

/** What the first arguments ask for. */
export type Selection<C extends Command> =
  | {
    readonly kind: "command";
    readonly command: C;
    /** The arguments after the command's name. */
    readonly argv: readonly string[];
  }
  /** A list of the commands; of those that begin with `group` if it is not empty. */
  | { readonly kind: "overview"; readonly group: string };

/**
 * The command that `argv` asks for. Without a name it is `fallback`; `--help` alone and `help`
 * ask for the list of commands, `help NAME` for the help of one. Throws `UsageError` when there
 * is no such command.
 */
export function selectCommand<C extends Command>(
  commands: readonly C[],
  fallback: C,
  argv: readonly string[],
): Selection<C> {
  const [first = "", second = ""] = argv;
  if (first === "help") {
    const named = argv.slice(1);
    return named.length === 0
      ? { kind: "overview", group: "" }
      : selectCommand(commands, fallback, [...named, "--help"]);
  }
  if (first === "--help" || first === "-h") {
    return { kind: "overview", group: "" };
  }
  if (first === "" || first.startsWith("-")) {
    return { kind: "command", command: fallback, argv };
  }
  const find = (name: string) => commands.find((it) => it.name === name);
  // Before the one word: `peers forget` is not `peers` of something.
  const pair = find(`${first} ${second}`);
  if (pair !== undefined) {
    return { kind: "command", command: pair, argv: argv.slice(2) };
  }
  const single = find(first);
  if (single !== undefined) {
    return { kind: "command", command: single, argv: argv.slice(1) };
  }
  const group = commands.filter((it) => it.name.startsWith(`${first} `));
  if (group.length === 0) throw unknown(first, commands);

  if (asksForHelp(argv)) return { kind: "overview", group: first };
  if (second !== "" && !second.startsWith("-")) {
    throw unknown(`${first} ${second}`, group);
  }
  throw new UsageError(
    `${first} is not complete, must be ${
      group.map((it) => it.name).join(" or ")
    }`,
  );
}

function unknown(name: string, commands: readonly Command[]): UsageError {
  const groups = commands.map((it) => it.name.split(" ")[0] ?? it.name);
  const words = name.includes(" ")
    ? commands.map((it) => it.name)
    : [...groups, "help"];
  const guess = suggest(name, words);
  return new UsageError(
    `Unknown command ${quoted(name)}, ` +
      (guess === undefined
        ? `must be ${[...new Set(words)].join(", ")}`
        : `did you mean ${guess}?`),
  );
}
