/**
 * Bitcoin's v1 frames: magic (4), command (12), length (u32 LE), checksum (4),
 * payload (bitcoin `src/protocol.h`). Writing is here, reading in
 * `frame_decoder.ts`; what a payload means is in `messages/`.
 */
import { hash } from "node:crypto";
import { FRAME_HEADER_BYTES, MAX_PAYLOAD_BYTES } from "./wire_limits.ts";
import { putU32, u32At } from "./bytes.ts";
import { commandWords } from "./commands.ts";
import { doubleSha256Word } from "./sha256.ts";

/** Where the fields of the header are, bytes. */
export const COMMAND_OFFSET = 4;
export const LENGTH_OFFSET = 16;
export const CHECKSUM_OFFSET = 20;

/** Checksum of the empty payload, `5d f6 e0 e2`: half the messages of a handshake have it. */
const EMPTY_CHECKSUM_WORD = 0xe2e0f65d | 0;

/** Payloads up to here are hashed faster by `sha256.ts`, bytes. */
const SHORT_BYTES = 512;

/** One frame, as `FrameDecoder.next` finds it. */
export interface Frame {
  /** The command without its padding; escaped when the field is broken. */
  readonly command: string;
  /** A view into the decoder's buffer: valid only until the next `FrameDecoder.space`. */
  readonly payload: Uint8Array;
  /**
   * Its fault, if the next frame can still be found. `oversize`: longer than `maxPayload`, so
   * that its payload was dropped as it came.
   */
  readonly fault?: "bad-checksum" | "bad-command" | "oversize";
  /** Bytes of payload that were dropped; with the fault `oversize` only. */
  readonly dropped?: number;
}

/**
 * One frame in an array of its own.
 *
 * @param options `checksum`: `false` writes zero (feature `nochecksum`).
 * @throws {RangeError} when the command is not 1 to 12 characters of printable
 * ASCII, or the payload longer than `MAX_PAYLOAD_BYTES`.
 */
export function encodeFrame(
  magic: Uint8Array,
  command: string,
  payload: Uint8Array,
  options: { checksum?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  const { checksum = true } = options;
  const word = magicWord(magic);
  checkPayload(payload.length);
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  const view = new DataView(frame.buffer);
  const sum = checksum ? checksumWord(payload) : 0;
  writeHeader(view, 0, word, command, payload.length, sum);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

/** One message for many sessions, encoded on first use with and without its checksum. */
export class SharedFrame {
  readonly command: string;
  readonly payload: Uint8Array;
  readonly #magic: Uint8Array;
  #plain: Uint8Array<ArrayBuffer> | undefined;
  #checked: Uint8Array<ArrayBuffer> | undefined;

  /** `payload` must not change afterwards. */
  constructor(magic: Uint8Array, command: string, payload: Uint8Array) {
    this.#magic = magic;
    this.command = command;
    this.payload = payload;
  }

  /** The whole frame, as a session with or without checksums sends it. */
  encoded(checksum: boolean): Uint8Array<ArrayBuffer> {
    const encode = () =>
      encodeFrame(this.#magic, this.command, this.payload, { checksum });
    return checksum ? this.#checked ??= encode() : this.#plain ??= encode();
  }
}

/**
 * Writes the header of a frame at an offset, where there must be room for it. `magic` is
 * {@linkcode magicWord}'s and `sum` {@linkcode checksumWord}'s, or 0. Throws `RangeError` as
 * {@linkcode encodeFrame}; nothing is written then.
 */
export function writeHeader(
  view: DataView,
  offset: number,
  magic: number,
  command: string,
  payloadBytes: number,
  sum: number,
): void {
  checkPayload(payloadBytes);
  const { word0, word1, word2 } = commandWords(command);
  view.setInt32(offset, magic, true);
  view.setInt32(offset + COMMAND_OFFSET, word0, true);
  view.setInt32(offset + COMMAND_OFFSET + 4, word1, true);
  view.setInt32(offset + COMMAND_OFFSET + 8, word2, true);
  view.setUint32(offset + LENGTH_OFFSET, payloadBytes, true);
  view.setInt32(offset + CHECKSUM_OFFSET, sum, true);
}

/** Writes the checksums of whole frames that were encoded without. */
export function writeChecksums(frames: Uint8Array): void {
  for (let at = 0; at < frames.length;) {
    const from = at + FRAME_HEADER_BYTES;
    const end = from + u32At(frames, at + LENGTH_OFFSET);
    putU32(
      frames,
      at + CHECKSUM_OFFSET,
      checksumWord(frames.subarray(from, end)),
    );
    at = end;
  }
}

/** The first four bytes of the double SHA-256, as a signed little-endian number. */
export function checksumWord(payload: Uint8Array): number {
  if (payload.length === 0) return EMPTY_CHECKSUM_WORD;
  if (payload.length <= SHORT_BYTES) return swap(doubleSha256Word(payload));
  const sum = sha256d(payload);
  return sum[0]! | sum[1]! << 8 | sum[2]! << 16 | sum[3]! << 24;
}

/** The word with its bytes in reverse order. */
function swap(word: number): number {
  return word >>> 24 | word >>> 8 & 0xff00 | (word & 0xff00) << 8 | word << 24;
}

/** The checksum of a payload: the first 4 bytes of its double SHA-256. */
export function frameChecksum(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(sha256d(payload).subarray(0, 4));
}

/**
 * The name of a mesh, unchanged.
 *
 * @throws {RangeError} when it is no name.
 */
export function parseNetworkName(name: string): string {
  if (/^[\x21-\x7e]{1,64}$/.test(name)) return name;
  throw new RangeError(
    `Cannot start node: network is ${
      JSON.stringify(name)
    }, must be 1 to 64 printable ASCII characters without spaces`,
  );
}

/**
 * The magic of a mesh: the first 4 bytes of the double SHA-256 of
 * `"verack network "` and its name in UTF-8, so that two meshes never merge by
 * accident. Bitcoin's magics are in `bitcoin/`.
 */
export function networkMagic(networkName: string): Uint8Array<ArrayBuffer> {
  return frameChecksum(
    new TextEncoder().encode(`verack network ${networkName}`),
  );
}

/** A magic as a signed little-endian number; throws `RangeError` unless it has 4 bytes. */
export function magicWord(magic: Uint8Array): number {
  if (magic.length !== 4) {
    throw new RangeError(
      `Cannot use magic: it has ${magic.length} bytes, must have 4`,
    );
  }
  return u32At(magic, 0) | 0;
}

function checkPayload(bytes: number): void {
  if (bytes > MAX_PAYLOAD_BYTES) {
    throw new RangeError(
      `Cannot encode frame: payload has ${bytes} bytes, must have at most ${MAX_PAYLOAD_BYTES}`,
    );
  }
}

function sha256d(data: Uint8Array): Uint8Array {
  // 0.5 ms for 1 MiB; WebCrypto costs four times as much and a promise.
  return hash("sha256", hash("sha256", data, "buffer"), "buffer");
}
