/** Lists the files of the paths that are to be sent: folders are walked, links are not followed. */
import { basename, join, resolve } from "node:path";
import { VerackError } from "../../core/errors.ts";
import { escapeText } from "../../core/escape.ts";
import { toFileError } from "../../identity/private_file.ts";
import { FileFault, readFault } from "./file_fault.ts";
import { MAX_PATH_BYTES, MAX_TRANSFER_FILES } from "./files_limits.ts";

/** A file or an empty folder that is to be sent. */
export interface LocalFile {
  /** Its path in the transfer, with `/` between folders. */
  readonly path: string;
  /** Where it is on this machine. */
  readonly source: string;
  readonly kind: "file" | "folder";
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly mtime: number;
  readonly executable: boolean;
  /** Why it cannot be sent. It is announced all the same, so that both ends tell of it. */
  readonly fault?: FileFault;
}

/** Something that is not sent. */
export interface SkippedFile {
  readonly path: string;
  readonly reason: string;
}

/** All that the paths lead to, in the order in which it is sent. */
export interface FileList {
  readonly files: LocalFile[];
  readonly skipped: SkippedFile[];
}

/**
 * The paths made absolute, by the name under which each is sent.
 *
 * @throws {TypeError} when there are none, two have one name, or one has none.
 */
export function namesOf(paths: readonly string[]): Map<string, string> {
  if (paths.length === 0) {
    throw new TypeError("Cannot send files: there is no path");
  }
  const names = new Map<string, string>();
  for (const path of paths) {
    const source = resolve(path);
    const name = basename(source);
    const quoted = JSON.stringify(path);
    if (path === "" || name === "") {
      throw new TypeError(`Cannot send files: the path ${quoted} has no name`);
    }
    if (names.has(name)) {
      throw new TypeError(
        `Cannot send files: two paths end with "${name}", must be different`,
      );
    }
    names.set(name, source);
  }
  return names;
}

/**
 * Lists what is below the paths. A path that is itself a symbolic link is followed, as it was
 * named; links below it are skipped. What cannot be read below it is listed with its fault.
 *
 * @throws {VerackError} `no-file` when a path cannot be read; `permission`; `oversize` when there are too many.
 */
export async function walkFiles(
  names: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<FileList> {
  const list: FileList = { files: [], skipped: [] };
  for (const [name, source] of names) {
    const info = await Deno.stat(source).catch((error) => {
      const action = `Cannot send "${escapeText(source)}"`;
      const tried = { action, access: "read", path: source } as const;
      throw toFileError(error, { ...tried, code: "no-file" });
    });
    if (!info.isFile && !info.isDirectory) {
      throw noFile(source, "it is neither a file nor a folder");
    }
    await add(list, name, source, info, signal);
  }
  return list;
}

async function add(
  list: FileList,
  path: string,
  source: string,
  info: Deno.FileInfo,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  if (info.isSymlink) return skip(list, path, "it is a symbolic link");
  if (!info.isFile && !info.isDirectory) {
    return skip(list, path, "it is no regular file");
  }
  if (new TextEncoder().encode(path).length > MAX_PATH_BYTES) {
    const reason = `Its path has more than ${MAX_PATH_BYTES} bytes`;
    return pushFault(list, cut(path), new FileFault("bad-name", reason));
  }
  if (info.isFile) return push(list, { path, source, ...factsOf(info) });
  let inside: string[];
  try {
    inside = await entriesOf(source);
  } catch (error) {
    return pushFault(list, path, readFault(error));
  }
  if (inside.length === 0) {
    return push(list, {
      path,
      source,
      kind: "folder",
      size: 0,
      mtime: mtimeOf(info),
      executable: false,
    });
  }
  for (const name of inside) {
    const below = join(source, name);
    let its: Deno.FileInfo;
    try {
      its = await Deno.lstat(below);
    } catch (error) {
      pushFault(list, cut(`${path}/${name}`), lookFault(error, name));
      continue;
    }
    await add(list, `${path}/${name}`, below, its, signal);
  }
}

/** What stands in the way of something that a folder lists. */
function lookFault(error: unknown, name: string): FileFault {
  // Deno puts U+FFFD in the place of what is no UTF-8.
  return error instanceof Deno.errors.NotFound && name.includes("\ufffd")
    ? new FileFault("unreadable", "Its name at the sending end is not Unicode")
    : readFault(error);
}

/** The beginning of a path that fits into a message. */
function cut(path: string): string {
  const bytes = new Uint8Array(MAX_PATH_BYTES);
  const { read, written } = new TextEncoder().encodeInto(path, bytes);
  return read === path.length
    ? path
    : new TextDecoder().decode(bytes.subarray(0, written));
}

async function entriesOf(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  return names.sort();
}

function push(list: FileList, file: LocalFile): void {
  if (list.files.length >= MAX_TRANSFER_FILES) {
    throw new VerackError(
      "oversize",
      `Cannot send files: there are more than ${MAX_TRANSFER_FILES}`,
      { expected: MAX_TRANSFER_FILES },
    );
  }
  list.files.push(file);
}

function pushFault(list: FileList, path: string, fault: FileFault): void {
  const facts = { size: 0, mtime: 0, executable: false };
  push(list, { path, source: "", kind: "file", ...facts, fault });
}

function skip(list: FileList, path: string, reason: string): void {
  // A flood of links must not fill memory either; the first are enough to see it.
  if (list.skipped.length < MAX_TRANSFER_FILES) {
    list.skipped.push({ path, reason });
  }
}

/** What a file is compared by when it is opened. */
export function factsOf(
  info: Deno.FileInfo,
): Pick<LocalFile, "kind" | "size" | "mtime" | "executable"> {
  return {
    kind: "file",
    size: info.size,
    mtime: mtimeOf(info),
    executable: ((info.mode ?? 0) & 0o100) !== 0,
  };
}

function mtimeOf({ mtime }: Deno.FileInfo): number {
  return Math.floor(mtime?.getTime() ?? 0);
}

function noFile(source: string, reason: string): VerackError {
  return new VerackError(
    "no-file",
    `Cannot send "${escapeText(source)}": ${reason}`,
  );
}
