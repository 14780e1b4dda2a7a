/** Receives the files that peers send: the function of the library. */
import { systemClock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { TaskSet } from "../../core/task_set.ts";
import type { Node } from "../../mesh/node.ts";
import type { PeerStream } from "../../streams/peer_stream.ts";
import { FILE_PROTOCOL } from "./file_messages.ts";
import { FileParts } from "./file_parts.ts";
import type { FileProgress, ReceiveFilesOptions } from "./file_progress.ts";
import { FileReceiving, type ReceivingNode } from "./file_receiving.ts";
import { MAX_TRANSFERS } from "./files_limits.ts";
import { ProgressQueue } from "./progress_queue.ts";
import { ReceiveFolder } from "./receive_folder.ts";

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
 * When `accept` throws, the iteration throws that error, and nothing more is received.
 *
 * @throws {VerackError} `bad-data` when `dir` cannot be used, `permission`; at once.
 * @throws {TypeError} when this node receives files already; at once.
 */
export function receiveFiles(
  node: Node,
  options: ReceiveFilesOptions,
): AsyncIterableIterator<FileProgress, undefined> {
  return startReceiving(node, options, systemClock);
}

/** As {@linkcode receiveFiles}, with a clock. */
export function startReceiving(
  node: ReceivingNode & Pick<Node, "events" | "handle" | "identity">,
  options: ReceiveFilesOptions,
  clock: typeof systemClock,
): ProgressQueue {
  const { accept, dir, executable = false, from, signal } = options;
  if (typeof dir !== "string" || dir === "") {
    throw new TypeError("Cannot receive files: dir must be a path");
  }
  const folder = ReceiveFolder.open(dir);
  const parts = new FileParts(folder.parts, node.identity.id, clock);
  const running = new TaskSet();
  const streams = new Set<PeerStream>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const receiving = new FileReceiving(
    node,
    {
      ...(accept !== undefined && { accept }),
      ...(from !== undefined && { from: [...from] }),
    },
    { folder, parts, executable },
    { push: (event) => queue.push(event) },
    clock,
  );
  const handle = async (stream: PeerStream) => {
    const task = receiving.receive(stream);
    streams.add(stream);
    running.add(task.catch(() => {}));
    try {
      await task;
    } catch (error) {
      // Not the fault of the peer.
      if (!(error instanceof VerackError)) failed.reject(error);
      throw error;
    } finally {
      streams.delete(stream);
    }
  };
  const handling = node.handle(FILE_PROTOCOL, handle, {
    maxStreams: MAX_TRANSFERS,
  });
  const queue = new ProgressQueue(async (_, left) => {
    const stop = new AbortController();
    const signals = [
      left,
      stop.signal,
      ...(signal === undefined ? [] : [signal]),
    ];
    try {
      const stopped = untilStopped(node, AbortSignal.any(signals));
      await Promise.race([stopped, failed.promise]);
    } finally {
      stop.abort();
      handling[Symbol.dispose]();
      for (const stream of streams) {
        stream.abort(new Error("Files are no longer received"));
      }
      await running.settled();
    }
  }, "now");
  return queue;
}

/** Resolves when the node has stopped, or the signal aborts. */
async function untilStopped(
  node: Pick<Node, "events">,
  signal: AbortSignal,
): Promise<void> {
  for await (const _ of node.events({ signal })) {
    // All that matters is that they end.
  }
}
