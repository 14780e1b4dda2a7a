/** Lists the files of the paths that are to be sent: folders are walked, links are not followed. */
import { basename, join, resolve } from "node:path";
import { messageOf, VerackError } from "../../core/errors.ts";
import { escapeText } from "../../core/escape.ts";
import { toFileError } from "../../identity/private_file.ts";
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
 * named; links below it are skipped.
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
  if (new TextEncoder().encode(path).length > MAX_PATH_BYTES) {
    return skip(list, path, `its path has more than ${MAX_PATH_BYTES} bytes`);
  }
  if (info.isSymlink) return skip(list, path, "it is a symbolic link");
  if (info.isFile) return push(list, { path, source, ...factsOf(info) });
  if (!info.isDirectory) return skip(list, path, "it is no regular file");
  const inside = await entriesOf(source).catch((error) =>
    skip(list, path, messageOf(error))
  );
  if (inside === undefined) return;
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
    try {
      await add(
        list,
        `${path}/${name}`,
        below,
        await Deno.lstat(below),
        signal,
      );
    } catch (error) {
      if (error instanceof VerackError || signal.aborted) throw error;
      skip(list, `${path}/${name}`, messageOf(error));
    }
  }
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

function skip(list: FileList, path: string, reason: string): undefined {
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
