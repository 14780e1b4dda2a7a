/** What may take less than it is given at once; a `Deno.FsFile` and a `Deno.Conn` are. */
export interface PartialWriter {
  /** Resolves with how many bytes were taken. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Writes all of `bytes`. */
export async function writeAll(
  writer: PartialWriter,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await writer.write(at === 0 ? bytes : bytes.subarray(at));
  }
}
