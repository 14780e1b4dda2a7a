/** A message for many sessions, encoded once for all of them. */
import { encodeFrame } from "../wire/frame.ts";

/** One message, encoded on first use with and without its checksum. */
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
    const options = { checksum };
    return checksum
      ? (this.#checked ??= encodeFrame(
        this.#magic,
        this.command,
        this.payload,
        options,
      ))
      : (this.#plain ??= encodeFrame(
        this.#magic,
        this.command,
        this.payload,
        options,
      ));
  }
}
