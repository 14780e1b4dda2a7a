/** Sends files and folders to a peer, through as many sessions as it takes. */
import type { Node } from "../../mesh/node.ts";
import type { FileProgress, SendFileOptions } from "./file_progress.ts";

/**
 * Sends files and folders to a peer that runs {@linkcode receiveFiles}, connected or not: an
 * absent peer is waited for, and a transfer that is interrupted goes on where it was, also when
 * either end was restarted. Folders are walked; symbolic links in them are not followed.
 *
 * The transfer begins with the first step of the iteration, waits while no step is taken, and
 * ends when the loop is left. The last event is `end`: with `failed` files or an `error`, not
 * everything was received.
 *
 * @param peer Its id, or its name as {@linkcode Node.resolvePeer} takes it.
 * @param paths Files and folders on this machine.
 * @throws {VerackError} `no-file` when a path is no readable file or folder; `unknown-peer`,
 * `ambiguous`; `unsupported` when the peer is of an older version; `timeout`; `malformed` when
 * what the peer sends makes no sense; `aborted`; `stopped`.
 * @throws {TypeError} when there is no path, or two have the same last part; at once.
 * @throws {RangeError} when `timeoutMs` is negative; at once.
 */
export function sendFile(
  _node: Node,
  _peer: string,
  _paths: string | readonly string[],
  _options: SendFileOptions = {},
): AsyncIterableIterator<FileProgress, undefined> {
  throw new TypeError("Cannot send files: not built yet");
}
