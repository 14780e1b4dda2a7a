/**
 * The files of a data directory, and the lock that keeps other processes out of it.
 * Their names are constants; nothing that came from the network ever becomes one.
 */
import {
  PRIVATE_FILE_MODE,
  statOrNothing,
  toFileError,
} from "../identity/private_file.ts";

/** What is in a data directory. */
export const DATA_FILES = {
  key: "node.key",
  certificate: "node.crt",
  database: "node.db",
  lock: "node.lock",
  protection: "node.protection",
} as const;

/** A lock that the operating system releases when the process ends, however it does. */
export class LockFile implements Disposable {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** Takes the lock; if another process has it, returns its process id, if that can be read. */
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
      // The process id is for people; only the lock decides. The file is never removed: another
      // process may have opened it already, and would then lock a file without a name.
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

/**
 * Whether another process uses the data directory now.
 *
 * @throws {VerackError} `bad-data`, `permission`.
 */
export function isInUse(directory: string): boolean {
  const path = `${directory}/${DATA_FILES.lock}`;
  try {
    // The check must not create the file, which would mark the directory as used.
    if (statOrNothing(path) === undefined) return false;
    const lock = LockFile.take(path);
    if (!(lock instanceof LockFile)) return true;
    lock[Symbol.dispose]();
    return false;
  } catch (error) {
    const action = `Cannot look into "${directory}"`;
    throw toFileError(error, { action, access: "use", path: directory });
  }
}

function readNumber(file: Deno.FsFile): number | undefined {
  const bytes = new Uint8Array(16);
  try {
    const count = file.readSync(bytes) ?? 0;
    const text = new TextDecoder().decode(bytes.subarray(0, count));
    return /^\d+\n/.test(text) ? Number.parseInt(text, 10) : undefined;
  } catch {
    // Windows lets no other process read what is locked.
    return undefined;
  }
}
