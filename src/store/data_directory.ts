/**
 * The data directory of one node: its key, its certificate and its database, for
 * its owner alone and for one process at a time.
 *
 * A damaged database is renamed and a new one begun, since a node works without it; a key is
 * never replaced, since it is the node's identity.
 */
import { type Clock, systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { logger } from "../core/log.ts";
import type { Identity, Passphrase } from "../identity/identity.ts";
import {
  isOpenToOthers,
  makePrivate,
  PRIVATE_DIRECTORY_MODE,
  PRIVATE_FILE_MODE,
  rename,
  statOrNothing,
  toFileError,
} from "../identity/private_file.ts";
import type { NodeStore } from "../mesh/peers/node_store.ts";
import { parseNetworkName } from "../wire/frame.ts";
import { DATA_FILES, LockFile } from "./lock_file.ts";
import { identityOf } from "./own_key.ts";
import { DamagedError } from "./sqlite_errors.ts";
import { keepProtection } from "./protection_file.ts";
import { SqliteStore } from "./sqlite_store.ts";

const log = logger("store");

/** Ends of the files that SQLite keeps beside a database while it is open. */
const SIDE_FILE_ENDS = ["-wal", "-shm"];

/** Options of {@linkcode DataDirectory.open}. */
export interface DataOptions {
  /**
   * Key of the node, if it is kept elsewhere; it is not copied into the directory,
   * which takes no other from then on. @default the one in the directory, made if
   * there is none
   */
  readonly identity?: Identity;
  /** Name of the mesh; a directory belongs to one. @default {"main"} */
  readonly network?: string;
  /** Opens the key in the directory, if it was encrypted. */
  readonly passphrase?: Passphrase;
  /** Time, for tests. @default the real clock */
  readonly clock?: Clock;
}

/**
 * What a node keeps on disk. Pass `identity` and `store` to `Node.start`, and close the
 * directory after the node.
 *
 * @example
 * ```ts
 * import { DataDirectory, Node } from "../../mod.ts";
 *
 * const path = await Deno.makeTempDir();
 * {
 *   using data = await DataDirectory.open(path);
 *   const { identity, store } = data;
 *   await using node = await Node.start({ identity, store });
 *   console.log(`${node.identity.id} will be the same next time`);
 * }
 * await Deno.remove(path, { recursive: true });
 * ```
 */
export class DataDirectory implements Disposable {
  /** Where it is, as it was given. */
  readonly path: string;
  /** The key of the node. */
  readonly identity: Identity;
  /** What is on record. */
  readonly store: NodeStore;
  readonly #opened: OpenedStore;

  private constructor(path: string, identity: Identity, opened: OpenedStore) {
    this.path = path;
    this.identity = identity;
    this.store = opened.store;
    this.#opened = opened;
  }

  /**
   * Opens a directory, and makes it if there is none.
   *
   * @throws {VerackError} `data-in-use` when another process uses it; `bad-data`
   * when it is another user's, belongs to another network, cannot be written or
   * was written by a newer verack; `bad-key`, `encrypted-key` when its key cannot
   * be used; `mismatched-key` when it belongs to another key than `identity`;
   * `permission` when Deno may not read or write it.
   * @throws {RangeError} when `network` is no name of a mesh.
   */
  static async open(
    path: string,
    options: DataOptions = {},
  ): Promise<DataDirectory> {
    const network = parseNetworkName(options.network ?? "main");
    const opened = openStore(path, { ...options, create: true });
    try {
      const identity = await identityOf(path, opened.store, options);
      bindNetwork(path, opened.store, network);
      opened.store.commit();
      return new DataDirectory(path, identity, opened);
    } catch (error) {
      opened.close();
      throw fileError(error, path);
    }
  }

  /** Commits, and lets others use the directory. Idempotent. */
  close(): void {
    this.#opened.close();
  }

  /** {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** A store whose directory is locked. */
export interface OpenedStore extends Disposable {
  readonly store: SqliteStore;
  /** Commits, and lets others use the directory. Idempotent. */
  close(): void;
}

/**
 * Opens the store of a directory, without its key.
 *
 * @param options `create`: makes directory and database if they are missing.
 * @throws {VerackError} as {@linkcode DataDirectory.open}; `bad-data` when there is
 * nothing and `create` is not set.
 */
export function openStore(
  path: string,
  options: { readonly create?: boolean; readonly clock?: Clock } = {},
): OpenedStore {
  const { create = false, clock = systemClock } = options;
  let lock: LockFile | undefined;
  try {
    prepareDirectory(path, create);
    lock = takeLock(path);
    const store = openDatabase(path, clock);
    const held = lock;
    const close = () => {
      store.close();
      held[Symbol.dispose]();
    };
    try {
      keepProtection(path, store);
    } catch (error) {
      store.close();
      throw error;
    }
    return { store, close, [Symbol.dispose]: close };
  } catch (error) {
    lock?.[Symbol.dispose]();
    throw fileError(error, path);
  }
}

/** Makes sure that the directory is there, ours, and closed to other users. */
function prepareDirectory(path: string, create: boolean): void {
  const before = statOrNothing(path);
  if (
    !create && statOrNothing(`${path}/${DATA_FILES.database}`) === undefined
  ) {
    throw refusal(
      path,
      before === undefined
        ? "there is no such directory"
        : "no node has used it yet",
    );
  }
  if (before === undefined) {
    Deno.mkdirSync(path, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
    return;
  }
  if (!before.isDirectory) throw refusal(path, "it is no directory");
  if (!isNodeOrEmpty(path)) {
    throw refusal(
      path,
      `it holds other things and no node has used it, must be a directory of its own, such as ${
        escapeText(`${path.replace(/[/\\]+$/, "")}/verack`)
      }`,
    );
  }
  if (before.uid !== ownerOfNewFiles(path)) {
    throw refusal(
      path,
      `it belongs to another user (${before.uid}), must be your own`,
    );
  }
  if (!isOpenToOthers(before)) return;
  makePrivate(path, PRIVATE_DIRECTORY_MODE);
  log.warn("others could look into the data directory, its mode is 0700 now", {
    path,
  });
}

/** Whether it is empty or a node has used it; files that a crash left behind count. */
function isNodeOrEmpty(path: string): boolean {
  const entries = [...Deno.readDirSync(path)].map(({ name }) => name)
    .filter((name) => name !== "lost+found");
  const ours: readonly string[] = Object.values(DATA_FILES);
  return entries.length === 0 ||
    entries.some((name) => ours.includes(name.replace(/\.new$/, "")));
}

function takeLock(path: string): LockFile {
  const lock = LockFile.take(`${path}/${DATA_FILES.lock}`);
  if (lock instanceof LockFile) return lock;
  const user = lock.heldBy === undefined
    ? "another process"
    : `process ${lock.heldBy}`;
  throw new VerackError("data-in-use", `${cannotUse(path)}: ${user} uses it`);
}

function openDatabase(path: string, clock: Clock): SqliteStore {
  const database = `${path}/${DATA_FILES.database}`;
  let store: SqliteStore;
  try {
    store = SqliteStore.open(database, { clock });
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
    const aside = setAside(database, clock);
    log.error(
      "the damaged database was renamed, and a new one begun, without its peers, access rules and messages",
      { reason: error.message, aside },
    );
    store = SqliteStore.open(database, { clock });
  }
  for (const end of ["", ...SIDE_FILE_ENDS]) {
    const file = database + end;
    if (statOrNothing(file) !== undefined) makePrivate(file, PRIVATE_FILE_MODE);
  }
  return store;
}

/** Renames a damaged database, so that it can be examined. */
function setAside(database: string, clock: Clock): string {
  // Colons are no part of names on Windows.
  const time = new Date(clock.now()).toISOString().replaceAll(":", "-");
  let aside = `${database}.damaged-${time}`;
  for (let count = 2; statOrNothing(aside) !== undefined; count++) {
    aside = `${database}.damaged-${time}-${count}`;
  }
  // The log first: a new database must never meet the log of an old one.
  for (const end of [...SIDE_FILE_ENDS, ""]) {
    if (statOrNothing(database + end) !== undefined) {
      rename(database + end, aside + end);
    }
  }
  return aside;
}

/** A directory belongs to one mesh, because admissions on record are to that mesh only. */
function bindNetwork(path: string, store: NodeStore, network: string): void {
  const bound = store.setting("data.network");
  if (bound === undefined) {
    store.putSetting("data.network", new TextEncoder().encode(network));
    return;
  }
  const name = new TextDecoder().decode(bound);
  if (name === network) return;
  throw refusal(
    path,
    `it belongs to network "${escapeText(name)}", not "${
      escapeText(network)
    }"; a directory is of one network`,
  );
}

/** The owner of what this process makes in a directory; `null` on Windows. */
function ownerOfNewFiles(directory: string): number | null {
  if (Deno.build.os === "windows") return null;
  // To read our own user id would need another permission.
  const probe = Deno.makeTempFileSync({ dir: directory, prefix: ".probe-" });
  try {
    return Deno.statSync(probe).uid;
  } finally {
    Deno.removeSync(probe);
  }
}

function fileError(error: unknown, path: string): unknown {
  const action = cannotUse(path);
  return toFileError(error, { action, access: "use", path });
}

function refusal(path: string, why: string): VerackError {
  return new VerackError("bad-data", `${cannotUse(path)}: ${why}`);
}

function cannotUse(path: string): string {
  return `Cannot use data directory "${escapeText(path)}"`;
}
