/**
 * The command line: chooses the command, runs it, and turns errors into one line and an exit
 * code. Each command is in a file of its own.
 */
import { deadline, systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { VERSION } from "../version.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { UsageError } from "./flags.ts";
import {
  flushOutput,
  openOutput,
  openTerminal,
  type Output,
} from "./terminal.ts";

/** Most readers have read all lines by then. */
const READ_AT_ONCE_MS = 50;

const SUMMARY =
  "a TLS-authenticated, fully connected peer network that opens with Bitcoin's version/verack";

const EXAMPLES = [
  ["verack demo", "A whole mesh on this machine, with trouble in it"],
  ["verack --port 8080", "A node; others join with --connect HOST:8080"],
  ["verack --version", "The version of this program"],
] as const;

/**
 * Runs the command line with arguments that do not include the program's name. When it resolves
 * to the exit code, all output was written, or its reader did not read.
 */
export async function main(argv: readonly string[]): Promise<ExitCode> {
  const output = openOutput();
  const code = await outcome(argv, output);
  const { stdout, stderr } = output;
  using soon = deadline(systemClock, READ_AT_ONCE_MS);
  await Promise.all([stdout.flushed(soon.signal), stderr.flushed(soon.signal)]);
  const isRead = stdout.pending + stderr.pending === 0;
  if (isRead && !stdout.failed) return code;
  // A signal ends the wait for a slow reader.
  const { SignalWatch } = await import("./signal_watch.ts");
  using signals = new SignalWatch();
  const isEnded = code === EXIT.interrupted || code === EXIT.terminated;
  const signal = isEnded ? AbortSignal.abort() : signals.signal;
  await flushOutput(output, signal);
  const { failure } = stdout;
  if (!failure.aborted) return signals.code ?? code;
  if (failure.reason instanceof Deno.errors.BrokenPipe) return EXIT.brokenPipe;
  stderr.line(
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
    const line = await faultLine(error);
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
  const [first] = argv.filter((it) => !/^--(no-)?color$/.test(it));
  if (first === "--version" || first === "-V") {
    stdout.line(argv.includes("--json") ? versionJson() : `verack ${VERSION}`);
    return EXIT.success;
  }
  // Loaded here, because `--version` needs none of these.
  const { COMMANDS, selectCommand } = await import("./commands.ts");
  const { asksForHelp } = await import("./command.ts");
  const selected = selectCommand(argv);
  const options = { columns, color: out.enabled };
  if (selected.kind === "overview") {
    const { renderOverview } = await import("./help.ts");
    const { group } = selected;
    const examples = group === "" ? EXAMPLES : [];
    const overview = { summary: SUMMARY, group, examples };
    stdout.line(renderOverview(COMMANDS, overview, options));
    return EXIT.success;
  }
  const { entry } = selected;
  const command = await entry.load();
  if (asksForHelp(selected.argv)) {
    const { renderHelp } = await import("./help.ts");
    stdout.line(renderHelp(entry, command, options));
    return EXIT.success;
  }
  const { isClientCommand } = await import("./client_flags.ts");
  if (!isClientCommand(command)) {
    const { dropExtraAuthorities } = await import(
      "../transport/extra_authorities.ts"
    );
    // Before the first dial: no CA is trusted, only pinned certificates are.
    dropExtraAuthorities();
  }
  try {
    return await command.run(selected.argv, output);
  } catch (error) {
    if (error instanceof UsageError) error.command ??= entry.name;
    throw error;
  }
}

/** The versions of the program and of what runs it, for bug reports and scripts. */
function versionJson(): string {
  const { deno, v8, typescript } = Deno.version;
  const { target, standalone: compiled } = Deno.build;
  return JSON.stringify({
    ...{ version: VERSION, deno, v8, typescript },
    ...{ target, compiled },
  });
}

/** The line for an expected error; a fault of the program itself gets a stack instead. */
async function faultLine(error: unknown): Promise<string | undefined> {
  if (error instanceof UsageError) {
    const { command, message } = error;
    const name = command === undefined ? "verack" : `verack ${command}`;
    return `${name}: ${message} (see ${name} --help)`;
  }
  if (error instanceof VerackError) {
    const { hintOf } = await import("./hints.ts");
    return `verack: ${error.message}${hintOf(error.code)}`;
  }
  if (error instanceof Deno.errors.NotCapable) {
    const { missingFlag } = await import("../transport/net_errors.ts");
    return `verack: Cannot go on: ${missingFlag(error.message)}`;
  }
  return undefined;
}

if (import.meta.main) {
  // Exits explicitly, because the lookup of a name cannot be aborted, and would delay the end
  // for half a minute. All output has been written by now.
  Deno.exit(await main(Deno.args));
}
