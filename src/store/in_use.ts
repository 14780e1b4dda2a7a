/** Whether a node is running on a data directory, as its lock says. */
import { DATA_FILES } from "./file_names.ts";
import { LockFile, statOrNothing, toFileError } from "./files.ts";

/**
 * Whether another process uses the directory now.
 *
 * @throws {VerackError} `bad-data`, `permission`.
 */
export function isInUse(directory: string): boolean {
  const path = `${directory}/${DATA_FILES.lock}`;
  try {
    // Asking must not make a directory look used.
    if (statOrNothing(path) === undefined) return false;
    const lock = LockFile.take(path);
    if (!(lock instanceof LockFile)) return true;
    lock[Symbol.dispose]();
    return false;
  } catch (error) {
    throw toFileError(error, `Cannot look into "${directory}"`, directory);
  }
}
