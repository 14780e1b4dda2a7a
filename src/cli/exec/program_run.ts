/**
 * One run of a program for one message; the body goes to its standard input. `executor.ts`
 * decides when programs run, and handles their exit codes.
 *
 * The program is started directly, never through a shell: no text of a peer is
 * ever read as a command.
 */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { escapeText } from "../../core/escape.ts";
import {
  EXEC_KILL_AFTER_LEAVING_MS,
  EXEC_KILL_AFTER_MS,
  EXEC_OUTPUT_AFTER_END_MS,
  MAX_EXEC_OUTPUT_LINE_CHARS,
  MAX_EXEC_OUTPUT_LINES,
} from "../cli_limits.ts";
import { grantedEnv } from "../command.ts";
import { linesOf } from "../lines.ts";

/** The program. */
export interface ProgramCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** It gets SIGTERM after this, in milliseconds. */
  readonly timeoutMs: number;
}

/** One run. */
export interface ProgramRunOptions extends ProgramCommand {
  readonly clock: Clock;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Beside {@linkcode PASSED_VARIABLES}; it gets no other. */
  readonly env: Readonly<Record<string, string>>;
  /** Shows a line of its output, escaped already. */
  readonly say: (line: string) => void;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/**
 * Runs a program to its end, and returns why it failed, or `undefined` if it succeeded. Throws
 * if it cannot be started.
 */
export async function runProgramOnce(
  options: ProgramRunOptions,
): Promise<string | undefined> {
  const { program, args, env, body, clock, say, signal, timeoutMs } = options;
  const child = start(program, args, env);
  const ended = new AbortController();
  const output = Promise.all([
    show(child.stdout, say, ended.signal),
    show(child.stderr, say, ended.signal),
  ]);
  void feed(child, body);
  let reason: string | undefined;
  let cancelKill = () => {};
  // The second call only brings SIGKILL forward.
  const stop = (why: string, killAfterMs: number) => {
    if (reason === undefined) kill(child, "SIGTERM");
    reason ??= why;
    cancelKill();
    cancelKill = clock.after(killAfterMs, () => kill(child, "SIGKILL"));
  };
  const cancelTimeout = clock.after(
    timeoutMs,
    () => stop(`no exit within ${timeoutMs / 1_000} s`, EXEC_KILL_AFTER_MS),
  );
  const onAbort = () => stop("the node is leaving", EXEC_KILL_AFTER_LEAVING_MS);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const { code, signal: killedBy } = await child.status;
  cancelTimeout();
  cancelKill();
  signal.removeEventListener("abort", onAbort);
  const cancelOutput = clock.after(
    EXEC_OUTPUT_AFTER_END_MS,
    () => ended.abort(),
  );
  await output;
  cancelOutput();
  return reason ??
    (killedBy !== null
      ? `killed by ${killedBy}`
      : code === 0
      ? undefined
      : `exit code ${code}`);
}

/** With permission to run anything Deno also signals processes that the program started. */
function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  const { state } = Deno.permissions.querySync({ name: "run" });
  try {
    if (LEADS_GROUP && state === "granted") Deno.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // It has just ended.
  }
}

/** A detached program leads a process group of its own; Windows has none. */
const LEADS_GROUP = Deno.build.os !== "windows";

/** One argument that is longer than any system accepts in all. */
const TOO_LONG_BYTES = 8 * 1_024 * 1_024;

/**
 * Checks whether a program can be started, without running it: Linux opens the file before it
 * refuses the arguments (since 6.8), and names are looked up in PATH before. On other systems
 * the first message shows it.
 */
export function checkProgram(program: string): void {
  const tooLong = "x".repeat(TOO_LONG_BYTES);
  try {
    const child = start(program, [tooLong], {});
    child.kill("SIGKILL");
  } catch (error) {
    if (error instanceof VerackError) throw error;
  }
}

/**
 * The variables that a program inherits: its paths, and the language. Others may hold secrets,
 * which a program that handles messages of strangers must not have.
 */
export const PASSED_VARIABLES: readonly string[] = [
  ...["PATH", "HOME", "LANG", "TZ", "TMPDIR", "TERM"],
  // Without these Windows starts few programs.
  ...(Deno.build.os === "windows"
    ? ["SYSTEMROOT", "COMSPEC", "PATHEXT", "USERPROFILE", "TEMP", "TMP"]
    : []),
];

function passedVariables(): Record<string, string> {
  return Object.fromEntries(
    PASSED_VARIABLES.flatMap((name) => {
      const value = grantedEnv(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function start(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Deno.ChildProcess {
  try {
    return new Deno.Command(program, {
      args: [...args],
      clearEnv: true,
      env: { ...passedVariables(), ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // Ctrl-C must reach the node only, which lets the program finish. On Windows it would
      // have no console.
      detached: LEADS_GROUP,
    }).spawn();
  } catch (error) {
    const shown = escapeText(program);
    if (error instanceof Deno.errors.NotFound) {
      throw new VerackError(
        "bad-program",
        `Cannot run "${shown}": there is no such program, must be a path or a name in PATH`,
        { cause: error },
      );
    }
    if (
      error instanceof Deno.errors.PermissionDenied ||
      error instanceof Deno.errors.NotCapable
    ) throw notPermitted(program, error);
    throw error;
  }
}

/** The error for a program that may not be run. */
export function notPermitted(program: string, cause?: Error): VerackError {
  const shown = escapeText(program);
  const reason = cause instanceof Deno.errors.PermissionDenied
    ? "it is not executable for this user"
    : `permission denied by Deno, add --allow-run=${shown}`;
  return new VerackError(
    "permission",
    `Cannot run "${shown}": ${reason}`,
    cause && { cause },
  );
}

/** Writes the body, of which a program may leave some unread. */
async function feed(
  child: Deno.ChildProcess,
  body: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const writer = child.stdin.getWriter();
  void child.status.then(() => writer.abort()).catch(() => {});
  try {
    if (body.length > 0) await writer.write(body);
    await writer.close();
  } catch {
    // It closed its standard input, or ended.
  }
}

/** Reads all, so that the program does not wait, and shows the first lines. */
async function show(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let count = 0;
  try {
    const lines = stream.pipeThrough(new TransformStream(), { signal });
    for await (const line of linesOf(lines, MAX_EXEC_OUTPUT_LINE_CHARS)) {
      if (++count > MAX_EXEC_OUTPUT_LINES) continue;
      say(escapeText(line, { max: MAX_EXEC_OUTPUT_LINE_CHARS }));
    }
  } catch {
    // The pipe stayed open after the end.
  }
  if (count > MAX_EXEC_OUTPUT_LINES) {
    say(`${count - MAX_EXEC_OUTPUT_LINES} lines more, not shown`);
  }
}
