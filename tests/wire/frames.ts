/** Streams of frames for the tests of this folder. */
import { FRAME_HEADER_BYTES } from "../../src/wire/wire_limits.ts";
import { VerackError } from "../../src/core/errors.ts";
import { assertInstanceOf, assertStrictEquals } from "@std/assert";
import { encodeFrame } from "../../src/wire/frame.ts";
import {
  FrameDecoder,
  type FrameDecoderOptions,
} from "../../src/wire/frame_decoder.ts";

/** Magic of Bitcoin's main network. */
export const MAGIC: Uint8Array<ArrayBuffer> = Uint8Array.fromHex("f9beb4d9");

/** A frame that outlives its decoder's buffer. */
export interface KeptFrame {
  command: string;
  payload: string;
  fault?: string;
}

/** A decoder for {@linkcode MAGIC} that accepts 4,000,000 bytes. */
export function makeDecoder(
  options: Partial<FrameDecoderOptions> = {},
): FrameDecoder {
  return new FrameDecoder({ magic: MAGIC, maxPayload: 4_000_000, ...options });
}

/** All whole frames, copied. */
export function drain(decoder: FrameDecoder): KeptFrame[] {
  const frames: KeptFrame[] = [];
  for (let frame; (frame = decoder.next()) !== undefined;) {
    frames.push({ ...frame, payload: frame.payload.toHex() });
  }
  return frames;
}

/** Reads `bytes` as a socket would, at most `most` bytes at once and no more than asked for. */
export function feed(
  decoder: FrameDecoder,
  bytes: Uint8Array,
  most = Infinity,
): KeptFrame[] {
  const frames: KeptFrame[] = [];
  for (let at = 0; at < bytes.length;) {
    const space = decoder.space();
    const count = Math.min(space.length, most, bytes.length - at);
    space.set(bytes.subarray(at, at + count));
    decoder.commit(count);
    at += count;
    frames.push(...drain(decoder));
  }
  return frames;
}

/** A frame of {@linkcode MAGIC}. */
export function frame(
  command: string,
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array<ArrayBuffer> {
  return encodeFrame(MAGIC, command, payload);
}

/** A header with any length and a zero checksum. */
export function header(
  command: string,
  length: number,
): Uint8Array<ArrayBuffer> {
  const bytes = frame(command).slice(0, FRAME_HEADER_BYTES);
  new DataView(bytes.buffer).setUint32(16, length, true);
  bytes.fill(0, 20);
  return bytes;
}

/** One array of several. */
export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Bytes that differ from their neighbours: 0, 1, 2 … 250, 0, 1 … */
export function pattern(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => i % 251);
}

/** Insists that `run` throws a {@linkcode VerackError} of this code. */
export function assertVerackError(
  run: () => unknown,
  code: string,
): VerackError {
  try {
    run();
  } catch (error) {
    assertInstanceOf(error, VerackError);
    assertStrictEquals(error.code, code, error.message);
    return error;
  }
  throw new Error(`Nothing was thrown, wanted VerackError ${code}`);
}
