/**
 * One SQLite file: opened with a check of every page, brought to the newest
 * schema, and written in groups, so that many changes share one flush to disk.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Clock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import {
  COMMIT_IDLE_MS,
  MAX_COMMIT_WAIT_MS,
  MAX_IDLE_LOG_BYTES,
} from "./store_limits.ts";
import { logger } from "../core/log.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";
import { DamagedError, isDamage, toStoreError } from "./sqlite_errors.ts";
import type { Value } from "./table.ts";

const log = logger("store");

/** Asked once, as a permission that is missing would be prompted for. */
const MAY_READ_SPACE =
  Deno.permissions.querySync({ name: "sys", kind: "statfs" }).state ===
    "granted";

/** Options of {@linkcode Database.open}. */
export interface DatabaseOptions {
  readonly clock: Clock;
  /** Steps to the newest schema. @default those of `schema.ts` */
  readonly migrations?: readonly string[];
}

/** The number of a file; `null` where it is not known or there is none. */
function inodeOf(path: string): number | null {
  try {
    return Deno.statSync(path).ino;
  } catch {
    return null;
  }
}

/** A database with a transaction that is open while there is something to commit. */
export class Database {
  readonly #onLost: (() => void)[] = [];
  readonly #path: string;
  readonly #sqlite: DatabaseSync;
  readonly #clock: Clock;
  readonly #savepoint: StatementSync;
  readonly #release: StatementSync;
  #open = true;
  #writing = false;
  /** How long the last flush took, milliseconds, and when it ended. */
  #flushMs = 0;
  #flushedAt = -Infinity;
  #dueAt = Infinity;
  #cancelTimer: (() => void) | undefined;
  #waiting: PromiseWithResolvers<void> | undefined;
  #failing = false;
  #failure: string | undefined;
  /** The file that was opened, where files have numbers. */
  readonly #inode: number | null;
  /** That it is gone, if so. */
  #gone: string | undefined;
  /** Writes were lost while no caller waited for them, and none has been told since. */
  #lost: VerackError | undefined;
  #losses = 0;
  /** Why the last of them happened. */
  #lastLoss: VerackError | undefined;

  private constructor(path: string, sqlite: DatabaseSync, clock: Clock) {
    this.#path = path;
    this.#inode = inodeOf(path);
    this.#sqlite = sqlite;
    this.#clock = clock;
    this.#savepoint = sqlite.prepare("SAVEPOINT one");
    this.#release = sqlite.prepare("RELEASE one");
  }

  /**
   * Opens the database, and makes it if there is none. Throws {@linkcode DamagedError}
   * when the file is no database of ours, or its pages or rows are damaged; `bad-data`
   * when a newer verack has written it, or it cannot be opened; `data-in-use`;
   * `permission`.
   */
  static open(path: string, options: DatabaseOptions): Database {
    const action = `Cannot open database "${escapeText(path)}"`;
    let sqlite: DatabaseSync;
    try {
      refuseForeign(path);
      sqlite = new DatabaseSync(path);
    } catch (error) {
      throw toStoreError(error, action, path);
    }
    try {
      configure(sqlite);
      migrate(sqlite, path, options.migrations ?? MIGRATIONS);
      return new Database(path, sqlite, options.clock);
    } catch (error) {
      sqlite.close();
      if (isDamage(error)) {
        throw new DamagedError(path, "it is damaged", { cause: error });
      }
      throw toStoreError(error, action, path);
    }
  }

  /** Why the last write failed; `undefined` once everything since is durable. */
  get failure(): string | undefined {
    return this.#failure ?? this.#gone;
  }

  /**
   * Free space of its disk, bytes; `undefined` where Deno does not permit to read that. Notices
   * besides that the file is gone, into which SQLite goes on to write without an error.
   */
  freeBytes(): number | undefined {
    const isGone = this.#inode !== null && inodeOf(this.#path) !== this.#inode;
    this.#gone = isGone
      ? `Cannot write database "${
        escapeText(this.#path)
      }": its file was deleted or replaced, and what is written is lost when the node ends`
      : undefined;
    if (!MAY_READ_SPACE) return undefined;
    // Loaded when it is asked for, since commands that only read records have no use for it.
    // deno-lint-ignore no-process-global
    const { statfsSync } = process.getBuiltinModule("node:fs");
    try {
      const { bavail, bsize } = statfsSync(this.#path);
      return bavail * bsize;
    } catch {
      // The directory is gone, or the file system reports nothing.
      return undefined;
    }
  }

  /** How often writes were lost; see {@linkcode committed}. */
  get losses(): number {
    return this.#losses;
  }

  /** Calls `forget` when writes were lost, so that caches of tables are cleared. */
  whenLost(forget: () => void): void {
    this.#onLost.push(forget);
  }

  /** A statement that reads. */
  prepare(sql: string): StatementSync {
    return this.#sqlite.prepare(sql);
  }

  /**
   * A statement that changes something, as part of the next commit. If it fails,
   * which throws `bad-data`, what others did before it stays.
   */
  writer(sql: string): (...values: Value[]) => void {
    const statement = this.#sqlite.prepare(sql);
    return (...values) => {
      this.#begin();
      try {
        statement.run(...values);
      } catch (error) {
        throw this.#failed(error);
      }
    };
  }

  /** Runs several statements as part of the next commit, all or none of them. */
  atomic(statements: () => void): void {
    this.#begin();
    try {
      this.#savepoint.run();
      statements();
      this.#release.run();
    } catch (error) {
      const failure = this.#failed(error);
      if (this.#writing) this.#sqlite.exec("ROLLBACK TO one; RELEASE one");
      throw failure;
    }
  }

  /**
   * Makes everything so far durable, now. Throws `bad-data` when it cannot, or when
   * something written since the last time has been lost; see {@linkcode committed}.
   */
  commit(since?: number): void {
    const failure = this.#writing ? this.#flush() : undefined;
    const lost = this.#lostSince(since) ?? failure;
    if (lost !== undefined) throw lost;
  }

  /**
   * Resolves when everything so far is durable, in one flush for all callers that
   * wait; rejects as {@linkcode commit} throws.
   *
   * @param since What {@linkcode losses} was when the caller began to write. Then what was lost
   * since is reported, whoever else was told; else what no other such caller was told.
   */
  committed(since?: number): Promise<void> {
    const lost = this.#lostSince(since);
    if (lost !== undefined) return Promise.reject(lost);
    if (!this.#writing) return Promise.resolve();
    this.#waiting ??= Promise.withResolvers();
    // As long as the last flush took, so that at most half of the time goes to flushing.
    const pauseMs = Math.min(this.#flushMs, MAX_COMMIT_WAIT_MS);
    const restedMs = this.#clock.monotonic() - this.#flushedAt;
    this.#schedule(Math.max(0, pauseMs - restedMs));
    return this.#waiting.promise;
  }

  /** Commits what it can and closes the file. Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#writing) this.#flush();
    this.#sqlite.close();
  }

  #lostSince(since: number | undefined): VerackError | undefined {
    if (since !== undefined) {
      return this.#losses === since ? undefined : this.#lastLoss;
    }
    const lost = this.#lost;
    this.#lost = undefined;
    return lost;
  }

  #begin(): void {
    if (this.#writing) return;
    try {
      this.#sqlite.exec("BEGIN IMMEDIATE");
    } catch (error) {
      throw this.#failed(error);
    }
    this.#writing = true;
    this.#schedule(COMMIT_IDLE_MS);
  }

  #schedule(delayMs: number): void {
    const dueAt = this.#clock.monotonic() + delayMs;
    if (dueAt >= this.#dueAt) return;
    this.#cancelTimer?.();
    this.#dueAt = dueAt;
    this.#cancelTimer = this.#clock.after(delayMs, () => this.#flush());
  }

  /** Commits, and settles the promises that wait for it; returns the error if it failed. */
  #flush(): VerackError | undefined {
    const startedAt = this.#clock.monotonic();
    try {
      this.#sqlite.exec("COMMIT");
      this.#flushedAt = this.#clock.monotonic();
      this.#flushMs = this.#flushedAt - startedAt;
      this.#failing = false;
      this.#failure = undefined;
      this.#end()?.resolve();
      return undefined;
    } catch (error) {
      // SQLite may have kept the transaction open, of which nothing may be committed later.
      if (this.#sqlite.isTransaction) this.#sqlite.exec("ROLLBACK");
      return this.#failed(error);
    }
  }

  /** A statement failed, and with it perhaps the whole transaction. */
  #failed(error: unknown): VerackError {
    const action = `Cannot write database "${escapeText(this.#path)}"`;
    const failure = toStoreError(error, action, this.#path);
    this.#failure = failure.message;
    if (!this.#writing || this.#sqlite.isTransaction) return failure;
    this.#losses++;
    this.#lastLoss = failure;
    const waiting = this.#end();
    if (waiting !== undefined) waiting.reject(failure);
    else this.#lost = failure;
    // Once, however many follow, until the disk works again.
    if (!this.#failing) {
      log.error("writes were lost", { reason: failure.message });
    }
    this.#failing = true;
    for (const forget of this.#onLost) forget();
    return failure;
  }

  /** The transaction is over. */
  #end(): PromiseWithResolvers<void> | undefined {
    this.#cancelTimer?.();
    this.#dueAt = Infinity;
    this.#writing = false;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }
}

/**
 * Checks the first bytes before SQLite opens the file: SQLite makes an empty file a new
 * database, and removes the write-ahead log of one that it cannot read.
 */
function refuseForeign(path: string): void {
  const magic = new TextEncoder().encode("SQLite format 3\0");
  const start = new Uint8Array(magic.length);
  let length;
  try {
    using file = Deno.openSync(path);
    length = file.readSync(start) ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (length === 0) throw new DamagedError(path, "it is empty");
  if (start.some((byte, at) => byte !== magic[at])) {
    throw new DamagedError(path, "it is not a database");
  }
}

function configure(sqlite: DatabaseSync): void {
  // In the order of need: no other process may have it from here on, which also keeps
  // the write-ahead log's index in memory.
  for (
    const pragma of [
      "locking_mode = EXCLUSIVE",
      "journal_mode = WAL",
      `journal_size_limit = ${MAX_IDLE_LOG_BYTES}`,
      "synchronous = FULL",
      "foreign_keys = ON",
      "trusted_schema = OFF",
    ]
  ) sqlite.prepare(`PRAGMA ${pragma}`).all();
}

function migrate(
  sqlite: DatabaseSync,
  path: string,
  migrations: readonly string[],
): void {
  const version = pragma(sqlite, "user_version");
  const isNew = version === 0 &&
    sqlite.prepare("SELECT 1 FROM sqlite_schema").get() === undefined;
  if (!isNew && pragma(sqlite, "application_id") !== APPLICATION_ID) {
    throw new DamagedError(path, "it is not a database of verack");
  }
  if (version > migrations.length) {
    throw new VerackError(
      "bad-data",
      `Cannot open database "${
        escapeText(path)
      }": a newer verack has written it (schema ${version}), must be schema ${migrations.length} or older`,
    );
  }
  const [check] = sqlite.prepare("PRAGMA quick_check(1)").all();
  if (check?.quick_check !== "ok") {
    throw new DamagedError(path, `it is damaged (${check?.quick_check})`);
  }
  if (version === migrations.length) return;
  sqlite.exec("BEGIN IMMEDIATE");
  for (const step of migrations.slice(version)) sqlite.exec(step);
  sqlite.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  sqlite.exec(`PRAGMA user_version = ${migrations.length}`);
  sqlite.exec("COMMIT");
}

function pragma(sqlite: DatabaseSync, name: string): number {
  return Number(sqlite.prepare(`PRAGMA ${name}`).get()?.[name]);
}
