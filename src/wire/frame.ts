/**
 * Bitcoin's v1 frames: magic (4), command (12), length (u32 LE), checksum (4),
 * payload (bitcoin `src/protocol.h`). Writing is here, reading in
 * `frame_decoder.ts`; what a payload means is in `messages/`.
 */
import { FRAME_HEADER_BYTES, MAX_PAYLOAD_BYTES } from "../limits.ts";
import { checksumWord, sha256d } from "./checksum.ts";
import { COMMAND_FIELD_BYTES, commandField } from "./command_field.ts";
import {
  checkMagic,
  CHECKSUM_OFFSET,
  COMMAND_OFFSET,
  LENGTH_OFFSET,
} from "./frame_layout.ts";

export {
  type Frame,
  FrameDecoder,
  type FrameDecoderOptions,
} from "./frame_decoder.ts";

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

/**
 * Writes one frame into `target` at `offset` and returns the offset behind it.
 * Nothing is written when it throws.
 *
 * @throws {RangeError} as {@linkcode encodeFrame}, and when there is too little room.
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
  const length = payload.length;
  const end = offset + FRAME_HEADER_BYTES + length;
  if (!(offset >= 0 && end <= target.length)) {
    throw new RangeError(
      `Cannot encode frame: target has ${target.length} bytes, must have ${end}`,
    );
  }
  for (let i = 0; i < 4; i++) target[offset + i] = magic[i]!;
  for (let i = 0; i < COMMAND_FIELD_BYTES; i++) {
    target[offset + COMMAND_OFFSET + i] = field[i]!;
  }
  writeWord(target, offset + LENGTH_OFFSET, length);
  writeWord(
    target,
    offset + CHECKSUM_OFFSET,
    checksum ? checksumWord(payload) : 0,
  );
  target.set(payload, offset + FRAME_HEADER_BYTES);
  return end;
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

function writeWord(target: Uint8Array, offset: number, word: number): void {
  target[offset] = word;
  target[offset + 1] = word >>> 8;
  target[offset + 2] = word >>> 16;
  target[offset + 3] = word >>> 24;
}

function checkPayload(payload: Uint8Array): void {
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw new RangeError(
      `Cannot encode frame: payload has ${payload.length} bytes, must have at most ${MAX_PAYLOAD_BYTES}`,
    );
  }
}
