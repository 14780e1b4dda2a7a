/** Receives the files that peers send. */
import type { Node } from "../../mesh/node.ts";
import type { FileProgress, ReceiveFilesOptions } from "./file_progress.ts";

/**
 * Receives the files that peers send by {@linkcode sendFile}, from the call on until the signal
 * aborts, the loop is left or the node closes. The events of all transfers come in one
 * iteration; transfers wait while no step of it is taken.
 *
 * A file appears under its name when all of it is there, its SHA-256 is verified and it is on
 * disk. Nothing is overwritten: if another file has the name, it becomes `name (1).txt`; if it is
 * the same file, it is left as it is. What is not complete is kept in the folder
 * `.verack-parts`, from which it is resumed.
 *
 * @throws {VerackError} `bad-data` when `dir` cannot be used; at once.
 * @throws {TypeError} when this node receives files already; at once.
 */
export function receiveFiles(
  _node: Node,
  _options: ReceiveFilesOptions,
): AsyncIterableIterator<FileProgress, undefined> {
  throw new TypeError("Cannot receive files: not built yet");
}
