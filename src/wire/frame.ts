/**
 * Bitcoin's v1 frames: magic (4), command (12), length (u32 LE), checksum (4),
 * payload (bitcoin `src/protocol.h`). Writing is here, reading in
 * `frame_decoder.ts`; what a payload means is in `messages/`.
 */
import { hash } from "node:crypto";
import { FRAME_HEADER_BYTES, MAX_PAYLOAD_BYTES } from "./wire_limits.ts";
import { putU32 } from "./bytes.ts";
import { COMMAND_FIELD_BYTES, commandField } from "./commands.ts";

/** Where the fields of the header are, bytes. */
export const COMMAND_OFFSET = 4;
export const LENGTH_OFFSET = 16;
export const CHECKSUM_OFFSET = 20;

/** Checksum of the empty payload, `5d f6 e0 e2`: half the messages of a handshake have it. */
const EMPTY_CHECKSUM_WORD = 0xe2e0f65d | 0;

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
  checkPayload(payload);
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  writeFrame(frame, 0, magic, command, payload, options.checksum ?? true);
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
 * Writes one frame into `target` at `offset` and returns the offset behind it. Throws
 * `RangeError` as {@linkcode encodeFrame}, and when there is too little room; nothing
 * is written then.
 */
export function writeFrame(
  target: Uint8Array,
  offset: number,
  magic: Uint8Array,
  command: string,
  payload: Uint8Array,
  checksum: boolean,
): number {
  checkMagic(magic);
  checkPayload(payload);
  const field = commandField(command);
  const end = offset + FRAME_HEADER_BYTES + payload.length;
  if (!(offset >= 0 && end <= target.length)) {
    throw new RangeError(
      `Cannot encode frame: target has ${target.length} bytes, must have ${end}`,
    );
  }
  for (let i = 0; i < 4; i++) target[offset + i] = magic[i]!;
  for (let i = 0; i < COMMAND_FIELD_BYTES; i++) {
    target[offset + COMMAND_OFFSET + i] = field[i]!;
  }
  const sum = checksum ? checksumWord(payload) : 0;
  putU32(target, offset + LENGTH_OFFSET, payload.length);
  putU32(target, offset + CHECKSUM_OFFSET, sum);
  target.set(payload, offset + FRAME_HEADER_BYTES);
  return end;
}

/** The first four bytes of the double SHA-256, as a signed little-endian number. */
export function checksumWord(payload: Uint8Array): number {
  if (payload.length === 0) return EMPTY_CHECKSUM_WORD;
  const sum = sha256d(payload);
  return sum[0]! | sum[1]! << 8 | sum[2]! << 16 | sum[3]! << 24;
}

/** The checksum of a payload: the first 4 bytes of its double SHA-256. */
export function frameChecksum(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(sha256d(payload).subarray(0, 4));
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

/** Throws `RangeError` unless a magic has 4 bytes. */
export function checkMagic(magic: Uint8Array): void {
  if (magic.length !== 4) {
    throw new RangeError(
      `Cannot use magic: it has ${magic.length} bytes, must have 4`,
    );
  }
}

function checkPayload(payload: Uint8Array): void {
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw new RangeError(
      `Cannot encode frame: payload has ${payload.length} bytes, must have at most ${MAX_PAYLOAD_BYTES}`,
    );
  }
}

function sha256d(data: Uint8Array): Uint8Array {
  // 6 µs for 100 bytes, 0.5 ms for 1 MiB; WebCrypto costs four times as much and a promise.
  return hash("sha256", hash("sha256", data, "buffer"), "buffer");
}
