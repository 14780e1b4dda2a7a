/** The Web Streams of a `PeerStream`, over its quicker methods. */
import type { PeerStream } from "./peer_stream.ts";
import { TURN_BYTES } from "./streams_limits.ts";

/** Its bytes as a byte stream, which reads only what is asked for. */
export function readableOf(
  stream: Pick<PeerStream, "read" | "stopReading">,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let isCancelled = false;
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: TURN_BYTES,
    async pull(controller) {
      const request = controller.byobRequest!;
      const { buffer, byteOffset, byteLength } = request.view!;
      const count = await stream.read(
        new Uint8Array(buffer, byteOffset, byteLength),
      );
      if (isCancelled) return;
      if (count === null) controller.close();
      request.respond(count ?? 0);
    },
    cancel() {
      isCancelled = true;
      stream.stopReading();
    },
  });
}

/** Writes to it; fails when the stream does. */
export function writableOf(
  stream: Pick<PeerStream, "write" | "closeWrite" | "abort" | "signal">,
): WritableStream<Uint8Array> {
  const { signal } = stream;
  return new WritableStream({
    start(controller) {
      const onAbort = () => controller.error(signal.reason);
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
    },
    write: (chunk) => stream.write(chunk),
    close: () => stream.closeWrite(),
    abort: (reason) => stream.abort(reason),
  });
}
