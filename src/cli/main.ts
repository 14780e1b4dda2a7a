/**
 * The command line: chooses the command, runs it, and turns what went wrong into
 * one line and an exit code. Each command is in a file of its own.
 */
import { VerackError } from "../core/errors.ts";
import { missingFlag } from "../transport/net_errors.ts";
import { dropExtraAuthorities } from "../transport/tls_safety.ts";
import { VERSION } from "../version.ts";
import type { Command } from "./args.ts";
import { selectCommand } from "./commands.ts";
import { broadcastProgram } from "./broadcast.ts";
import { chatProgram } from "./chat.ts";
import { crawlProgram } from "./crawl.ts";
import { demoProgram } from "./demo.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { UsageError } from "./flags.ts";
import { handshakeProgram } from "./handshake.ts";
import { renderOverview, usageLine } from "./help.ts";
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
import { SignalWatch } from "./signals.ts";
import { statusProgram } from "./status.ts";
import { stopProgram } from "./stop.ts";
import { tailProgram } from "./tail.ts";
import {
  flushOutput,
  openOutput,
  openTerminal,
  type Output,
} from "./terminal.ts";
import {
  allowProgram,
  denyProgram,
  peersForgetProgram,
  pendingProgram,
} from "./verdicts.ts";
import { whoProgram } from "./who.ts";

const PROGRAMS: readonly Program[] = [
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

const COMMANDS: readonly Command[] = PROGRAMS.map(({ command }) => command);

const SUMMARY =
  "a TLS-authenticated, fully connected peer network that opens with Bitcoin's version/verack";

const EXAMPLES = [
  ["verack demo", "A whole mesh on this machine, with trouble in it"],
  ["verack --port 8080", "A node; others join with --connect HOST:8080"],
  ["verack --version", "The version of this program"],
] as const;

/**
 * Runs the command line. Everything was written when it resolves, or its reader did not read.
 *
 * @param argv Arguments without the program's name.
 * @returns The exit code.
 */
export async function main(argv: readonly string[]): Promise<ExitCode> {
  const output = openOutput();
  const code = await outcome(argv, output);
  using signals = new SignalWatch();
  const isEnded = code === EXIT.interrupted || code === EXIT.terminated;
  const signal = isEnded ? AbortSignal.abort() : signals.signal;
  await flushOutput(output, signal);
  const { failure } = output.stdout;
  if (!failure.aborted) return signals.code ?? code;
  if (failure.reason instanceof Deno.errors.BrokenPipe) return EXIT.brokenPipe;
  output.stderr.line(
    `verack: Cannot write to standard output: ${failure.reason.message}`,
  );
  await flushOutput(output, signal);
  return EXIT.failure;
}

async function outcome(
  argv: readonly string[],
  output: Output,
): Promise<ExitCode> {
  try {
    return await dispatch(argv, output);
  } catch (error) {
    const line = faultLine(error);
    if (line === undefined) {
      await flushOutput(output, AbortSignal.abort());
      throw error;
    }
    output.stderr.line(line);
    return error instanceof UsageError ? EXIT.usage : EXIT.failure;
  }
}

async function dispatch(
  argv: readonly string[],
  output: Output,
): Promise<ExitCode> {
  const { stdout, columns, out } = openTerminal(output);
  if (argv[0] === "--version" || argv[0] === "-V") {
    stdout.line(`verack ${VERSION}`);
    return EXIT.success;
  }
  const selected = selectCommand(COMMANDS, runProgram.command, argv);
  if (selected.kind === "overview") {
    const { group } = selected;
    const examples = group === "" ? EXAMPLES : [];
    const overview = { summary: SUMMARY, group, examples };
    const options = { columns, color: out.enabled };
    stdout.line(renderOverview(COMMANDS, overview, options));
    return EXIT.success;
  }
  const chosen = PROGRAMS.find(({ command }) => command === selected.command);
  if (chosen === undefined) throw new TypeError("Command has no program");
  // Before the first dial: no CA but the pinned certificates may vouch for anyone.
  dropExtraAuthorities();
  return await chosen.run(selected.argv, output);
}

/** The line for what the world or the person did; a fault of ours has none, and a stack. */
function faultLine(error: unknown): string | undefined {
  if (error instanceof UsageError) return usageLine(error);
  if (error instanceof VerackError) return `verack: ${error.message}`;
  if (error instanceof Deno.errors.NotCapable) {
    return `verack: Cannot go on: ${missingFlag(error.message)}`;
  }
  return undefined;
}
