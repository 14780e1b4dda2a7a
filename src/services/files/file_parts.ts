/**
 * Parts of files that are on their way, one file each in a folder of their own. The name of a
 * part is made of what it is a part of, so that it is found again after a restart; its length
 * is how much there is. Whether that is right is for the hash to say.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { PeerId } from "../../core/peer_id.ts";
import type { Entry } from "./file_messages.ts";
import {
  MAX_PARTS,
  MAX_PARTS_PER_PEER,
  PART_AGE_MS,
  PART_WAIT_MS,
} from "./files_limits.ts";
import { lstat } from "./receive_folder.ts";
import { aborted, type Clock, deadline } from "../../core/clock.ts";

/** Digits of the peer's id in front of the name of a part. */
const PEER_DIGITS = 16;

/** `<peer>-<what it is a part of>`, and a counter if another transfer has that one. */
const PART_NAME = /^([0-9a-f]{16})-[0-9a-f]{32}(-\d+)?$/;

/** A part that one transfer has to itself. */
export interface PartLease {
  /** Its path on this machine. */
  readonly path: string;
  /** Lets another transfer have it. */
  release(): void;
}

/** A part as pruning sees it. */
export interface StoredPart {
  readonly name: string;
  /** When something was last added to it, milliseconds since 1970. */
  readonly changed: number;
}

/** The parts of one receiving folder. */
export class FileParts {
  readonly #folder: string;
  readonly #own: PeerId;
  readonly #clock: Clock;
  /** Names of parts in use, and what resolves when they are not. */
  readonly #leased = new Map<string, PromiseWithResolvers<void>>();
  #counter = 0;

  /** @param own The id of this node, as several may use one folder. */
  constructor(folder: string, own: PeerId, clock: Clock) {
    this.#folder = folder;
    this.#own = own;
    this.#clock = clock;
  }

  /**
   * Takes the part of a file that a peer sends. If another transfer has it, waits for a moment,
   * then takes an empty one.
   */
  async take(
    peer: PeerId,
    entry: Entry,
    signal: AbortSignal,
  ): Promise<PartLease> {
    let name = this.#nameOf(peer, entry);
    const other = this.#leased.get(name);
    if (other !== undefined) await this.#wait(other.promise, signal);
    if (this.#leased.has(name)) name += `-${++this.#counter}`;
    const released = Promise.withResolvers<void>();
    this.#leased.set(name, released);
    return {
      path: join(this.#folder, name),
      release: () => {
        this.#leased.delete(name);
        released.resolve();
      },
    };
  }

  /** How much there is of a part; what cannot be one is removed. */
  async held({ path }: PartLease, size: number): Promise<number> {
    const info = await lstat(path);
    if (info === undefined) return 0;
    // One with two names is in its place already: this process ended before it was removed.
    if (info.isFile && info.size <= size && (info.nlink ?? 1) === 1) {
      return info.size;
    }
    await Deno.remove(path);
    return 0;
  }

  /** Opens a part to add to it after `offset` bytes, and empties it beyond. */
  async open({ path }: PartLease, offset: number): Promise<Deno.FsFile> {
    if (offset === 0) {
      return await Deno.open(path, {
        write: true,
        create: true,
        truncate: true,
      });
    }
    const file = await Deno.open(path, { write: true });
    try {
      await file.truncate(offset);
      await file.seek(offset, Deno.SeekMode.Start);
      return file;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Removes a part, if it is there. */
  async remove({ path }: PartLease): Promise<void> {
    try {
      await Deno.remove(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Removes parts that are old, and the oldest of those that are too many. */
  async prune(): Promise<void> {
    const parts: StoredPart[] = [];
    for await (const { name, isFile } of Deno.readDir(this.#folder)) {
      if (!isFile || !PART_NAME.test(name)) continue;
      const info = await lstat(join(this.#folder, name));
      if (info === undefined) continue;
      parts.push({ name, changed: info.mtime?.getTime() ?? 0 });
    }
    for (const name of stale(parts, this.#clock.now())) {
      if (this.#leased.has(name)) continue;
      await this.remove({ path: join(this.#folder, name), release() {} });
    }
  }

  #nameOf(peer: PeerId, { path, size, mtime }: Entry): string {
    const what = JSON.stringify([this.#own, peer, path, size, mtime]);
    const hash = createHash("sha256").update(what).digest("hex");
    return `${peer.slice(0, PEER_DIGITS)}-${hash.slice(0, 32)}`;
  }

  async #wait(released: Promise<void>, signal: AbortSignal): Promise<void> {
    using limit = deadline(this.#clock, PART_WAIT_MS, signal);
    await Promise.race([released, aborted(limit.signal)]);
    signal.throwIfAborted();
  }
}

/**
 * The parts that are to be removed: those of long ago, the oldest of a peer that has too many,
 * and the oldest of all if there are too many.
 */
export function stale(parts: readonly StoredPart[], now: number): string[] {
  const newestFirst = parts.toSorted((a, b) => b.changed - a.changed);
  const ofPeer = new Map<string, number>();
  let kept = 0;
  return newestFirst.filter(({ name, changed }) => {
    const peer = name.slice(0, PEER_DIGITS);
    const count = ofPeer.get(peer) ?? 0;
    const isKept = now - changed < PART_AGE_MS &&
      count < MAX_PARTS_PER_PEER && kept < MAX_PARTS;
    if (isKept) {
      kept++;
      ofPeer.set(peer, count + 1);
    }
    return !isKept;
  }).map(({ name }) => name);
}
