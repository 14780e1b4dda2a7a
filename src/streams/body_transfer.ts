/** Moves the heads and bodies of requests over streams, without Web Streams. */
import { VerackError } from "../core/errors.ts";
import type { PeerStream } from "./peer_stream.ts";

/**
 * Reads into `buffer` from `offset` until it holds at least `least` bytes.
 *
 * @returns How many bytes it holds.
 * @throws {VerackError} `malformed` when the stream ends before; what the stream fails with.
 */
export async function fillFrom(
  stream: PeerStream,
  buffer: Uint8Array,
  offset: number,
  least: number,
): Promise<number> {
  let filled = offset;
  while (filled < least) {
    const count = await stream.read(
      filled === 0 ? buffer : buffer.subarray(filled),
    );
    if (count === null) {
      throw new VerackError(
        "malformed",
        `Cannot read a request or its answer: the stream ended after ${filled} of ${least} bytes`,
      );
    }
    filled += count;
  }
  return filled;
}

/** Where bytes go that must not come. */
const surplus = new Uint8Array(1);

/** @throws {VerackError} `malformed` when more comes. */
export async function requireEnd(stream: PeerStream): Promise<void> {
  if (await stream.read(surplus) === null) return;
  throw new VerackError(
    "malformed",
    "Cannot read a request or its answer: it is longer than announced",
  );
}

/** Writes all of it, and the end. */
export async function writeBody(
  stream: PeerStream,
  ...parts: readonly Uint8Array[]
): Promise<void> {
  const last = parts.length - 1;
  for (const [index, part] of parts.entries()) {
    if (part.length === 0) continue;
    const written = stream.write(part);
    // The end may leave in one packet with the last part.
    if (index < last) await written;
    else {
      const closed = stream.closeWrite();
      await written;
      return await closed;
    }
  }
  await stream.closeWrite();
}
