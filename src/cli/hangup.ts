/**
 * Whether the program was started to outlive its terminal, as `nohup` does. Adding
 * any signal listener makes Deno handle SIGHUP, even where it was ignored, so what
 * `nohup` asked for has to be found out and done again.
 */
import { fstatSync } from "node:fs";

/** The bit of SIGHUP in `SigIgn` of proc_pid_status(5). */
const SIGHUP_BIT = 1n;

/** The device number of /dev/null on Linux: major 1, minor 3. */
const LINUX_NULL_DEVICE = 0x103;

/** Call it before the first signal listener is added; asks for no permission. */
export function hangupIsIgnored(): boolean {
  if (Deno.build.os === "windows" || hasTerminal()) return false;
  return ignoredByKernel() ?? (stdinIsClosedByNohup() || startedByNohup());
}

/** `nohup` takes every stream off the terminal; that of BSD leaves stdin. */
function hasTerminal(): boolean {
  const streams = [Deno.stdout, Deno.stderr];
  if (Deno.build.os === "linux") streams.push(Deno.stdin as never);
  return streams.some((stream) => stream.isTerminal());
}

/** What the kernel says, which Deno lets a program read with `--allow-all` only. */
function ignoredByKernel(): boolean | undefined {
  try {
    const status = Deno.readTextFileSync("/proc/self/status");
    const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1];
    return mask === undefined
      ? undefined
      : (BigInt(`0x${mask}`) & SIGHUP_BIT) !== 0n;
  } catch {
    return undefined;
  }
}

/** In place of a terminal, `nohup` of GNU opens /dev/null for writing only. */
function stdinIsClosedByNohup(): boolean {
  try {
    if (fstatSync(0).rdev !== LINUX_NULL_DEVICE) return false;
  } catch {
    return false;
  }
  try {
    Deno.stdin.readSync(new Uint8Array(1));
    return false;
  } catch {
    return true;
  }
}

/** Shells say in `_` which command they started; `nohup` passes that on. */
function startedByNohup(): boolean {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "_" });
  return state === "granted" && /(^|\/)nohup$/.test(Deno.env.get("_") ?? "");
}
