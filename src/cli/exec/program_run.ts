/**
 * One run of a program for one message or request; the body goes to its standard input.
 * `executor.ts` and `request_executor.ts` decide when programs run, and handle their exit codes.
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
  /** Why `signal` ends it. @default {"the node is leaving"} */
  readonly endReason?: string;
  /** The most bytes of its standard output that are collected; without it they are shown. */
  readonly maxOutputBytes?: number;
}

/** How a run ended. */
export interface ProgramResult {
  /** Why it failed; `undefined` if it succeeded. */
  readonly fault: string | undefined;
  /** Its exit code, if it exited by itself. */
  readonly exitCode?: number;
  /** What was collected of its standard output. */
  readonly output: Uint8Array<ArrayBuffer>;
  /** The last line that it wrote to standard error and that is not empty; not escaped. */
  readonly lastLine: string;
}

/** Runs a program to its end. Throws if it cannot be started. */
export async function runProgram(
  options: ProgramRunOptions,
): Promise<ProgramResult> {
  const { program, args, env, body, clock, say, signal, timeoutMs } = options;
  const { endReason = "the node is leaving", maxOutputBytes } = options;
  const child = start(program, args, env);
  const ended = new AbortController();
  const output = Promise.all([
    maxOutputBytes === undefined
      ? show(child.stdout, say, ended.signal).then(() => new Uint8Array(0))
      : collect(child.stdout, maxOutputBytes, ended.signal, () =>
        stop(
          `its standard output is longer than ${maxOutputBytes} bytes`,
          EXEC_KILL_AFTER_MS,
        )),
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
  const onAbort = () => stop(endReason, EXEC_KILL_AFTER_LEAVING_MS);
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
  const [collected, lastLine] = await output;
  cancelOutput();
  const fault = reason ??
    (killedBy !== null
      ? `killed by ${killedBy}`
      : code === 0
      ? undefined
      : `exit code ${code}`);
  return {
    fault,
    ...(reason === undefined && killedBy === null && { exitCode: code }),
    output: collected,
    lastLine,
  };
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

/** Reads all, so that the program does not wait, and keeps it up to a bound. */
async function collect(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
  signal: AbortSignal,
  onTooLong: () => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  try {
    const bytes = stream.pipeThrough(new TransformStream(), { signal });
    for await (const chunk of bytes) {
      length += chunk.length;
      if (length <= maxBytes) chunks.push(chunk);
      else if (chunks.splice(0).length > 0) onTooLong();
    }
  } catch {
    // The pipe stayed open after the end.
  }
  return await new Blob(chunks).bytes();
}

/**
 * Reads all, so that the program does not wait, and shows the first lines.
 *
 * @returns The last line that is not empty.
 */
async function show(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<string> {
  let count = 0;
  let last = "";
  try {
    const lines = stream.pipeThrough(new TransformStream(), { signal });
    for await (const line of linesOf(lines, MAX_EXEC_OUTPUT_LINE_CHARS)) {
      if (line.trim() !== "") last = line;
      if (++count > MAX_EXEC_OUTPUT_LINES) continue;
      say(escapeText(line, { max: MAX_EXEC_OUTPUT_LINE_CHARS }));
    }
  } catch {
    // The pipe stayed open after the end.
  }
  if (count > MAX_EXEC_OUTPUT_LINES) {
    say(`${count - MAX_EXEC_OUTPUT_LINES} lines more, not shown`);
  }
  return last;
}
