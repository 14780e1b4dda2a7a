/**
 * Files of a data directory: written whole or not at all, readable by their owner
 * alone, and locked against other processes. Names are constants of ours; nothing
 * that came from the network ever becomes one.
 */
import { messageOf, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";

const ON_WINDOWS = Deno.build.os === "windows";

/** Modes of what only the owner may read. */
export const PRIVATE_DIRECTORY_MODE = 0o700;
export const PRIVATE_FILE_MODE = 0o600;

/** Bits that let others in. */
const OTHERS = 0o077;

/** Whether others than the owner have any right to it; never on Windows. */
export function isOpenToOthers({ mode }: Deno.FileInfo): boolean {
  return !ON_WINDOWS && mode !== null && (mode & OTHERS) !== 0;
}

/** What is there, or `undefined` if nothing is. */
export function statOrNothing(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
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
  removeIfThere(fresh);
  {
    using file = Deno.openSync(fresh, {
      write: true,
      createNew: true,
      mode: PRIVATE_FILE_MODE,
    });
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) {
      at += file.writeSync(bytes.subarray(at));
    }
    file.syncSync();
  }
  Deno.renameSync(fresh, path);
  syncDirectoryOf(path);
}

/** Renames a file and makes that durable. */
export function rename(from: string, to: string): void {
  Deno.renameSync(from, to);
  syncDirectoryOf(to);
}

/** Takes all rights from others; does nothing on Windows, which knows other means. */
export function makePrivate(path: string, mode: number): void {
  if (!ON_WINDOWS) Deno.chmodSync(path, mode);
}

/** Who owns what this process makes in a directory; `null` on Windows. */
export function ownerOfNewFiles(directory: string): number | null {
  if (ON_WINDOWS) return null;
  // Asking for our own number would take a permission of its own.
  const probe = Deno.makeTempFileSync({ dir: directory, prefix: ".probe-" });
  try {
    return Deno.statSync(probe).uid;
  } finally {
    Deno.removeSync(probe);
  }
}

/** A lock that the operating system lets go of when the process ends, however it does. */
export class LockFile implements Disposable {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** Takes the lock; if another process has it, its number or `undefined`. */
  static take(
    path: string,
  ): LockFile | { readonly heldBy: number | undefined } {
    const file = Deno.openSync(path, {
      read: true,
      write: true,
      create: true,
      mode: PRIVATE_FILE_MODE,
    });
    try {
      if (!file.tryLockSync(true)) {
        using _closed = file;
        return { heldBy: readNumber(file) };
      }
      // For people; the lock is what counts. Never removed: another process may
      // have opened it already, and would then lock a file that nobody else sees.
      file.truncateSync(0);
      file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
      return new LockFile(file);
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

/** What went wrong with a file, as one of our errors; misuse stays what it is. */
export function toFileError(
  error: unknown,
  action: string,
  directory: string,
): unknown {
  const ours = error instanceof VerackError || error instanceof TypeError ||
    error instanceof RangeError;
  if (ours) return error;
  const because = (why: string, code: "bad-data" | "permission" = "bad-data") =>
    new VerackError(code, `${action}: ${why}`, { cause: error });
  if (error instanceof Deno.errors.NotCapable) {
    const shown = escapeText(directory);
    return because(
      `Deno does not permit it, add --allow-read=${shown} --allow-write=${shown}`,
      "permission",
    );
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return because("the operating system does not let this user do it");
  }
  return because(messageOf(error));
}

function readNumber(file: Deno.FsFile): number | undefined {
  const bytes = new Uint8Array(16);
  try {
    const count = file.readSync(bytes) ?? 0;
    const text = new TextDecoder().decode(bytes.subarray(0, count));
    return /^\d+\n/.test(text) ? Number.parseInt(text, 10) : undefined;
  } catch {
    // Windows lets nobody else read what is locked.
    return undefined;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function syncDirectoryOf(path: string): void {
  if (ON_WINDOWS) return; // It has no such thing.
  using directory = Deno.openSync(path.replace(/\/[^/]*$/, "") || "/");
  directory.syncSync();
}
