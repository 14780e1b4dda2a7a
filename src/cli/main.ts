/**
 * The command line: chooses the command, runs it, and turns what went wrong into
 * one line and an exit code. Each command is in a file of its own.
 */
import { VerackError } from "../errors.ts";
import { dropExtraAuthorities } from "../transport/tls_safety.ts";
import { VERSION } from "../version.ts";
import { selectCommand } from "./commands.ts";
import { demoProgram } from "./demo.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { UsageError } from "./flags.ts";
import { renderOverview, usageLine } from "./help.ts";
import { identityNewProgram, identityShowProgram } from "./identity.ts";
import type { Program } from "./program.ts";
import { runProgram } from "./run.ts";
import { openTerminal } from "./terminal.ts";

const PROGRAMS: readonly Program[] = [
  runProgram,
  demoProgram,
  identityNewProgram,
  identityShowProgram,
];

const SUMMARY =
  "a TLS-authenticated, fully connected peer network that opens with Bitcoin's version/verack";

/**
 * Runs the command line.
 *
 * @param argv Arguments without the program's name.
 * @returns The exit code.
 */
export async function main(argv: readonly string[]): Promise<ExitCode> {
  const terminal = openTerminal();
  try {
    if (argv[0] === "--version" || argv[0] === "-V") {
      terminal.stdout.line(`verack ${VERSION}`);
      return EXIT.success;
    }
    const commands = PROGRAMS.map(({ command }) => command);
    const selected = selectCommand(commands, runProgram.command, argv);
    if (selected.kind === "overview") {
      terminal.stdout.line(
        renderOverview(commands, {
          summary: SUMMARY,
          group: selected.group,
          examples: [
            ["verack demo", "A whole mesh on this machine, with trouble in it"],
            [
              "verack --port 8080",
              "A node; others join with --connect HOST:8080",
            ],
          ],
        }, { columns: terminal.columns, color: terminal.out.enabled }),
      );
      return EXIT.success;
    }
    // Before the first dial: no CA but the pinned certificates may vouch for anyone.
    dropExtraAuthorities();
    const chosen = PROGRAMS.find(({ command }) => command === selected.command);
    if (chosen === undefined) throw new TypeError("Command has no program");
    return await chosen.run(selected.argv);
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.stderr.line(usageLine(error));
      return EXIT.usage;
    }
    const known = error instanceof VerackError ||
      error instanceof Deno.errors.NotCapable;
    if (!known) throw error;
    terminal.stderr.line(`verack: ${error.message}`);
    return EXIT.failure;
  }
}
