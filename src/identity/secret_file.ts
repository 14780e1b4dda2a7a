/**
 * A warning about files with secrets that every user of the machine can read.
 *
 * A warning and not a refusal, as ssh has it: Docker and Kubernetes mount secrets
 * with mode 0444 or 0644 unless told otherwise, into containers with one user. A
 * group may read, as in Debian's `ssl-cert`.
 */
import { logger } from "../core/log.ts";

const log = logger("identity");

/** Read and write for those who are neither the owner nor in the group. */
const WORLD = 0o006;

/** What is known about an open file. */
export type FileMode = Pick<Deno.FileInfo, "isFile" | "mode">;

/** Whether every user of the machine can read or change it; never on Windows. */
export function isOpenToTheWorld({ isFile, mode }: FileMode): boolean {
  // A pipe (`--key <(…)`) or a terminal has a mode that says nothing.
  return isFile && mode !== null && Deno.build.os !== "windows" &&
    (mode & WORLD) !== 0;
}

/**
 * Warns if every user of the machine can read a secret.
 *
 * @param what What it is, with its path: `key "alice.key"`.
 */
export function warnIfOpenToTheWorld(
  what: string,
  path: string,
  info: FileMode,
): void {
  if (!isOpenToTheWorld(info)) return;
  const mode = ((info.mode ?? 0) & 0o777).toString(8).padStart(4, "0");
  log.warn(
    `${what} has mode ${mode}, every user of this machine can use it; run: chmod 600 ${
      shellQuote(path)
    }`,
  );
}

function shellQuote(path: string): string {
  return /^[\w./+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
