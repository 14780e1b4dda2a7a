/** The Web Streams of a `PeerStream`, over its quicker methods. */
import type { VerackError } from "../core/errors.ts";
import type { PeerStream } from "./peer_stream.ts";
import { TURN_BYTES } from "./streams_limits.ts";

/** Calls a listener once a direction has failed: at once if it has failed before. */
export type WhenFailed = (listener: (error: VerackError) => void) => void;

/** Its bytes as a byte stream, which reads only on demand. */
export function readableOf(
  stream: Pick<PeerStream, "read" | "stopReading">,
  whenFailed: WhenFailed,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let isCancelled = false;
  let isPulling = false;
  let error: VerackError | undefined;
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: TURN_BYTES,
    start(controller) {
      whenFailed((it) => {
        error = it;
        // A read that waits gets the last bytes, or the error.
        if (!isPulling && !isCancelled) controller.error(it);
      });
    },
    async pull(controller) {
      const request = controller.byobRequest!;
      const { buffer, byteOffset, byteLength } = request.view!;
      isPulling = true;
      const count = await stream.read(
        new Uint8Array(buffer, byteOffset, byteLength),
      );
      isPulling = false;
      if (isCancelled) return;
      if (count === null) controller.close();
      request.respond(count ?? 0);
      if (count !== null && error !== undefined) controller.error(error);
    },
    cancel() {
      isCancelled = true;
      stream.stopReading();
    },
  });
}

/** Writes to it; fails when the stream does, or the peer reads no more. */
export function writableOf(
  stream: Pick<PeerStream, "write" | "closeWrite" | "abort">,
  whenFailed: WhenFailed,
): WritableStream<Uint8Array> {
  return new WritableStream({
    start(controller) {
      const { signal } = controller;
      whenFailed((error) => {
        if (!signal.aborted) controller.error(error);
      });
      // Before `abort` is called a write that waits must have ended, which it may never do.
      signal.addEventListener("abort", () => stream.abort(signal.reason), {
        once: true,
      });
    },
    write(chunk, controller) {
      if (chunk instanceof Uint8Array) return stream.write(chunk);
      const error = new TypeError("Cannot write: chunk must be a Uint8Array");
      controller.error(error);
      // What is missing must not look complete to the peer.
      stream.abort(error);
      throw error;
    },
    close: () => stream.closeWrite(),
  });
}
