/** Files on this machine as they are read to be sent. */
import { VerackError } from "../../core/errors.ts";
import {
  encodeFileMessage,
  FILE_HEADER_BYTES,
  putDataHeader,
} from "./file_codec.ts";
import { FileFault, readFault } from "./file_fault.ts";
import { FileHash } from "./file_hash.ts";
import { factsOf, type LocalFile } from "./walk_files.ts";

/**
 * Opens a file.
 *
 * @throws {FileFault} `unreadable`; `changed` when it is not the one that was listed; what it
 * was listed with.
 */
export async function openSource(local: LocalFile): Promise<Deno.FsFile> {
  if (local.fault !== undefined) throw local.fault;
  const file = await readingFault(Deno.open(local.source));
  try {
    await checkSource(file, local);
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Throws `changed` unless an open file is still as it was listed. */
export async function checkSource(
  file: Deno.FsFile,
  { mtime, size }: LocalFile,
): Promise<void> {
  const info = await readingFault(file.stat());
  const now = factsOf(info);
  if (!info.isFile || now.size !== size || now.mtime !== mtime) throw changed();
}

/** Reads a small file into the messages that send all of it: `begin`, `data` and `hash`. */
export async function smallFileMessages(
  index: number,
  local: LocalFile,
): Promise<Uint8Array<ArrayBuffer>> {
  const { size } = local;
  const begin = encodeFileMessage({ type: "begin", index, offset: 0 });
  const data = new Uint8Array(size === 0 ? 0 : FILE_HEADER_BYTES + size);
  const hash = new FileHash();
  using file = await openSource(local);
  if (size > 0) putDataHeader(data, size);
  for (let at = FILE_HEADER_BYTES; at < data.length;) {
    const count = await readingFault(file.read(data.subarray(at)));
    if (count === null) throw changed();
    at += count;
  }
  await checkSource(file, local);
  hash.update(data.subarray(FILE_HEADER_BYTES));
  const end = encodeFileMessage({ type: "hash", index, hash: hash.digest() });
  const messages = new Uint8Array(begin.length + data.length + end.length);
  messages.set(begin);
  messages.set(data, begin.length);
  messages.set(end, begin.length + data.length);
  return messages;
}

/** The result of reading a local file, or a fault that is reported to the peer. */
export async function readingFault<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw error instanceof VerackError ? error : readFault(error);
  }
}

/** The file is not the one that was announced. */
export function changed(): FileFault {
  return new FileFault("changed", "The file changed while it was sent");
}
