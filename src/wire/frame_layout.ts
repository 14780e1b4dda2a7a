/** Where the fields of a frame's header stand; shared by its reader and its writer. */

/** Offset of the command field, bytes. */
export const COMMAND_OFFSET = 4;

/** Offset of the payload's length, u32 LE. */
export const LENGTH_OFFSET = 16;

/** Offset of the checksum, 4 bytes. */
export const CHECKSUM_OFFSET = 20;

/**
 * Insists on a magic of 4 bytes.
 *
 * @throws {RangeError} when it is longer or shorter.
 */
export function checkMagic(magic: Uint8Array): void {
  if (magic.length !== 4) {
    throw new RangeError(
      `Cannot use magic: it has ${magic.length} bytes, must have 4`,
    );
  }
}
