/**
 * Careful reading and writing of files that hold secrets: bounded reads, files that
 * only their owner can read, whole or not there after a power loss, and the reason
 * when it fails.
 */
import { type ErrorCode, messageOf, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { logger } from "../core/log.ts";
import { MAX_KEY_FILE_BYTES } from "./identity_limits.ts";

const log = logger("identity");

const ON_WINDOWS = Deno.build.os === "windows";

/** Modes of what only the owner may read. */
export const PRIVATE_DIRECTORY_MODE = 0o700;
export const PRIVATE_FILE_MODE = 0o600;

/** Any right of others than the owner, and of those not even in its group. */
const OTHERS = 0o077;
const WORLD = 0o006;

/** Whether others than the owner have any right to it; never on Windows. */
export function isOpenToOthers({ mode }: Deno.FileInfo): boolean {
  return !ON_WINDOWS && mode !== null && (mode & OTHERS) !== 0;
}

/** Takes all rights from others; does nothing on Windows, which has no such modes. */
export function makePrivate(path: string, mode: number): void {
  if (!ON_WINDOWS) Deno.chmodSync(path, mode);
}

/** The file information, or `undefined` if there is no file. */
export function statOrNothing(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Warns if every user of the machine can read or change a secret. A warning and not a
 * refusal, as ssh has it: Docker and Kubernetes mount secrets with mode 0444 or 0644
 * unless told otherwise, into containers with one user. A group may read, as in
 * Debian's `ssl-cert`.
 *
 * @param what What it is, with its path: `key "alice.key"`.
 */
export function warnIfOpenToTheWorld(
  what: string,
  path: string,
  { isFile, mode }: Pick<Deno.FileInfo, "isFile" | "mode">,
): void {
  // A pipe (`--key <(…)`) or a terminal has a mode that says nothing.
  if (!isFile || mode === null || ON_WINDOWS || (mode & WORLD) === 0) return;
  const octal = (mode & 0o777).toString(8).padStart(4, "0");
  const quoted = /^[\w./+-]+$/.test(path)
    ? path
    : `'${path.replaceAll("'", "'\\''")}'`;
  log.warn(
    `${what} has mode ${octal}, every user of this machine can use it; run: chmod 600 ${quoted}`,
  );
}

/** What a file is, for messages about reading it. */
export interface FileKind {
  /** Such as `key "alice.key"`. */
  readonly source: string;
  /** Of errors about it. */
  readonly code: ErrorCode;
  /** What it must be, if it is too large. */
  readonly wanted: string;
}

/** Reads with a bound rather than by size: it may be a pipe (`--key <(…)`). */
export async function readBounded(
  path: string,
  { source, code, wanted }: FileKind,
): Promise<{ bytes: Uint8Array; info: Deno.FileInfo }> {
  const buffer = new Uint8Array(MAX_KEY_FILE_BYTES + 1);
  let length = 0;
  let info: Deno.FileInfo;
  const refusal = (why: string) =>
    new VerackError(code, `Cannot load ${source}: ${why}`);
  try {
    using file = await Deno.open(path);
    info = await file.stat();
    if (info.isDirectory) throw refusal("it is a directory, must be a file");
    while (length < buffer.length) {
      const count = await file.read(buffer.subarray(length));
      if (count === null) break;
      length += count;
    }
  } catch (error) {
    const action = `Cannot load ${source}`;
    throw toFileError(error, { action, access: "read", path, code });
  }
  if (length > MAX_KEY_FILE_BYTES) {
    throw refusal(
      `it has more than ${MAX_KEY_FILE_BYTES} bytes, must be ${wanted}`,
    );
  }
  return { bytes: buffer.subarray(0, length), info };
}

/**
 * Writes a file that is not there yet, and makes it durable; a link in its place is
 * not followed. If that fails, no half of it is left.
 */
export function writeNew(path: string, text: string, mode: number): void {
  const file = Deno.openSync(path, { write: true, createNew: true, mode });
  try {
    using open = file;
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) {
      at += open.writeSync(bytes.subarray(at));
    }
    // A key that others already pin must not be lost with the power.
    open.syncSync();
  } catch (error) {
    discard(path);
    throw error;
  }
}

/**
 * Writes a file that only its owner can read, in the place of an older one. After
 * a power loss it is there whole, or as it was before.
 */
export function writeWhole(path: string, text: string): void {
  const fresh = `${path}.new`;
  // Left by a crash, or placed there: opening it would keep its mode, or follow a link.
  discard(fresh);
  writeNew(fresh, text, PRIVATE_FILE_MODE);
  rename(fresh, path);
}

/** Renames a file and makes that durable. */
export function rename(from: string, to: string): void {
  Deno.renameSync(from, to);
  if (ON_WINDOWS) return; // Windows cannot flush directories.
  using directory = Deno.openSync(to.replace(/\/[^/]*$/, "") || "/");
  directory.syncSync();
}

/**
 * Removes a file that was just created; if that fails, the first error is still the one
 * reported.
 */
export function discard(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It is gone, or cannot be removed.
  }
}

/** What was tried with a file, for {@linkcode toFileError}. */
export interface FileAccess {
  /** What was tried, e.g. `Cannot write "alice.key"`. */
  readonly action: string;
  /** What Deno must permit, and for which path; `use` is both. */
  readonly access: "read" | "write" | "use";
  readonly path: string;
  /** @default {"bad-data"} */
  readonly code?: ErrorCode;
}

/** What went wrong with a file, as one of our errors; misuse stays what it is. */
export function toFileError(error: unknown, tried: FileAccess): unknown {
  const ours = error instanceof VerackError || error instanceof TypeError ||
    error instanceof RangeError;
  if (ours) return error;
  const { action, access, path, code = "bad-data" } = tried;
  const because = (why: string, as: ErrorCode = code) =>
    new VerackError(as, `${action}: ${why}`, { cause: error });
  // node:sqlite throws an error of that name which is not an instance of Deno's.
  if (error instanceof Error && error.name === "NotCapable") {
    const flags = (access === "use" ? ["read", "write"] : [access])
      .map((right) => `--allow-${right}=${escapeText(path)}`).join(" ");
    return because(`Deno does not permit it, add ${flags}`, "permission");
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return because(`the operating system does not let this user ${access} it`);
  }
  if (error instanceof Deno.errors.AlreadyExists) {
    return because("it exists, must be a new file");
  }
  if (error instanceof Deno.errors.NotFound && access !== "use") {
    return because(
      access === "read" ? "there is no such file" : "its directory is gone",
    );
  }
  return because(messageOf(error));
}
