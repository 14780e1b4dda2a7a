/**
 * The folder into which files are received: parts until they are complete, then their place.
 * Nothing outside it is read or written, whatever a peer sends and whatever links are in it.
 */
import { dirname, join, sep } from "node:path";
import { VerackError } from "../../core/errors.ts";
import { escapeText } from "../../core/escape.ts";
import { toFileError } from "../../identity/private_file.ts";
import { FileFault } from "./file_fault.ts";
import type { Entry } from "./file_messages.ts";
import { numberedPath, PARTS_FOLDER } from "./file_path.ts";
import { FILE_TIME_SLACK_MS, MAX_NAME_NUMBER } from "./files_limits.ts";

/** Others of this machine may read what is complete, not what is on its way. */
const PARTS_MODE = 0o700;

/** A file that is there, and a number with which the path is free. */
export interface ExistingFile {
  /** Path of a file with the same size and time, if there is one. */
  readonly candidate?: string;
  /** See {@linkcode numberedPath}. */
  readonly number: number;
}

/** A folder that files are received into. */
export class ReceiveFolder {
  /** Its real path, without links. */
  readonly #path: string;
  /** The folder of the parts. */
  readonly parts: string;

  private constructor(path: string) {
    this.#path = path;
    this.parts = join(path, PARTS_FOLDER);
  }

  /**
   * Opens a folder; makes it if there is none.
   *
   * @throws {VerackError} `bad-data`, `permission`.
   */
  static open(dir: string): ReceiveFolder {
    try {
      Deno.mkdirSync(dir, { recursive: true });
      const folder = new ReceiveFolder(Deno.realPathSync(dir));
      try {
        Deno.mkdirSync(folder.parts, { mode: PARTS_MODE });
      } catch (error) {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      }
      if (!Deno.lstatSync(folder.parts).isDirectory) {
        throw new Error(`${folder.parts} is not a folder`);
      }
      return folder;
    } catch (error) {
      const action = `Cannot receive files into "${escapeText(dir)}"`;
      if (
        error instanceof Deno.errors.AlreadyExists ||
        error instanceof Deno.errors.NotADirectory
      ) {
        const reason = "it is or leads through a file, must be a folder";
        throw new VerackError("bad-data", `${action}: ${reason}`, {
          cause: error,
        });
      }
      throw toFileError(error, { action, access: "use", path: dir });
    }
  }

  /** Makes the folder of the parts again, if it was deleted. */
  async makeParts(): Promise<void> {
    try {
      await Deno.mkdir(this.parts, { mode: PARTS_MODE });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }

  /** Where a path that `pathFault` has passed is on this machine. */
  placeOf(path: string): string {
    return join(this.#path, ...path.split("/"));
  }

  /**
   * Makes the folders in front of the last part of a path.
   *
   * @param make Without it those that are missing are not made.
   * @throws {FileFault} `bad-name` when one of them is a symbolic link or no folder.
   */
  async ensureParents(path: string, make: boolean): Promise<void> {
    const parts = path.split("/").slice(0, -1);
    let folder = this.#path;
    for (const [at, part] of parts.entries()) {
      folder = join(folder, part);
      if (await this.#isFolder(folder, parts.slice(0, at + 1))) continue;
      if (!make) return;
      await this.#makeFolder(folder);
      await this.#isFolder(folder, parts.slice(0, at + 1));
    }
    // A link that was put there meanwhile.
    if (make && parts.length > 0 && !this.#has(await Deno.realPath(folder))) {
      throw linked(parts.join("/"));
    }
  }

  /** Makes an empty folder; nothing if it is there. */
  async makeFolder(path: string): Promise<void> {
    await this.ensureParents(`${path}/x`, true);
  }

  /** Looks for a path that is free, and for a file that may be the one that is offered. */
  async look(entry: Entry): Promise<ExistingFile> {
    let candidate: string | undefined;
    let nearest = FILE_TIME_SLACK_MS;
    for (let number = 0; number <= MAX_NAME_NUMBER; number++) {
      const path = numberedPath(entry.path, number);
      const info = await lstat(this.placeOf(path));
      if (info === undefined) {
        return { number, ...(candidate !== undefined && { candidate }) };
      }
      // Versions of a file may have times that are hardly apart: the nearest is the likeliest.
      const apart = timeApart(info, entry);
      if (apart > nearest) continue;
      nearest = apart;
      candidate = path;
    }
    if (candidate !== undefined) return { number: MAX_NAME_NUMBER, candidate };
    throw noFreeName();
  }

  /**
   * Puts a complete part at its path, or at the next free number; never over another file. The
   * name is on disk then, where the system can have it so.
   *
   * @returns The path that it has.
   */
  async place(part: string, wanted: string, number: number): Promise<string> {
    await this.ensureParents(wanted, true);
    for (; number <= MAX_NAME_NUMBER; number++) {
      const path = numberedPath(wanted, number);
      const place = this.placeOf(path);
      if (!await moveIfFree(part, place)) continue;
      await syncFolder(dirname(place));
      return path;
    }
    throw noFreeName();
  }

  /** Whether there is a folder; throws if there is something else. */
  async #isFolder(path: string, parts: readonly string[]): Promise<boolean> {
    const info = await lstat(path);
    if (info === undefined) return false;
    if (info.isDirectory) return true;
    const shown = parts.join("/");
    if (info.isSymlink) throw linked(shown);
    throw new FileFault(
      "bad-name",
      `"${shown}" is no folder at the receiving end`,
    );
  }

  async #makeFolder(path: string): Promise<void> {
    try {
      await Deno.mkdir(path);
    } catch (error) {
      // By another transfer.
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    await syncFolder(dirname(path));
  }

  #has(real: string): boolean {
    return real.startsWith(
      this.#path.endsWith(sep) ? this.#path : this.#path + sep,
    );
  }
}

/** Puts the names in a folder on disk. Windows opens no folder, and some file systems sync none. */
async function syncFolder(path: string): Promise<void> {
  try {
    using folder = await Deno.open(path);
    await folder.sync();
  } catch {
    // The files themselves are on disk.
  }
}

function noFreeName(): FileFault {
  return new FileFault(
    "exists",
    `${MAX_NAME_NUMBER + 1} files have that name at the receiving end`,
  );
}

function linked(path: string): FileFault {
  return new FileFault(
    "bad-name",
    `"${path}" is a symbolic link at the receiving end, must be a folder`,
  );
}

/** Milliseconds between the times of a file and of the one that is offered; without end if it is another. */
function timeApart(info: Deno.FileInfo, { size, mtime }: Entry): number {
  const own = info.mtime?.getTime();
  if (own === undefined || !info.isFile || info.size !== size) return Infinity;
  return Math.abs(own - mtime);
}

/**
 * Moves a file to a path that nothing has, a broken link included; false if something has it.
 * Linking does so at once. Where the file system has no links, the path is taken by an empty
 * file first, which stays if this process ends right then. So it is on Windows, where a part
 * that is linked (this process ended right after linking) could not be recognised.
 */
async function moveIfFree(from: string, to: string): Promise<boolean> {
  if (Deno.build.os === "windows") return await moveByPlaceholder(from, to);
  try {
    await Deno.link(from, to);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    return await moveByPlaceholder(from, to);
  }
  await Deno.remove(from);
  return true;
}

async function moveByPlaceholder(from: string, to: string): Promise<boolean> {
  try {
    (await Deno.open(to, { write: true, createNew: true })).close();
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
  try {
    await Deno.rename(from, to);
  } catch (error) {
    await Deno.remove(to);
    throw error;
  }
  return true;
}

/** What is at a path, links not followed; nothing if there is nothing. */
export async function lstat(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
