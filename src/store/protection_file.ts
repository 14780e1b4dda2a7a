/**
 * A copy of the settings that protect a node, in a file beside its database. Without it a
 * node whose database was damaged or deleted would be open to strangers from then on.
 */
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { logger } from "../core/log.ts";
import {
  makePrivate,
  PRIVATE_FILE_MODE,
  statOrNothing,
  toFileError,
  writeWhole,
} from "../identity/private_file.ts";
import { DATA_FILES } from "./lock_file.ts";
import type { SqliteStore } from "./sqlite_store.ts";
import { MAX_PROTECTION_FILE_BYTES } from "./store_limits.ts";

const log = logger("store");

/** Settings that are copied: of `protection.ts` and `credentials.ts` in `mesh/admission/`. */
const COPIED = /^(?:protection\.|welcome )/;

/** Counts the changes of the others, which tells the older of database and copy. */
const CHANGES = "protection.changes";

/** Values in hex by the keys of the settings. */
type Settings = Map<string, string>;

/**
 * Restores the settings that the database of a directory has lost, all of them if it is older
 * than the copy, and copies each that is put from then on. Throws `bad-data` when the copy is needed and damaged, or cannot be
 * written.
 */
export function keepProtection(directory: string, store: SqliteStore): void {
  const path = `${directory}/${DATA_FILES.protection}`;
  const settings: Settings = new Map();
  for (const [key, value] of store.settings()) {
    if (COPIED.test(key)) settings.set(key, value.toHex());
  }
  const before = read(path);
  // Every start binds the database to a network, so one without it has just been made.
  if (before === "damaged" && store.setting("data.network") === undefined) {
    throw new VerackError(
      "bad-data",
      `Cannot use "${
        escapeText(path)
      }": it is damaged and the database is new, so whether the mesh was closed or had a secret is not known; must be restored, or be removed to start with the settings that are given`,
    );
  }
  if (before !== "damaged") {
    const lost = lostBy(settings, before);
    for (const [key, hex] of lost) {
      store.putSetting(key, Uint8Array.fromHex(hex));
      settings.set(key, hex);
    }
    if (lost.size > 0) {
      store.commit();
      log.warn(
        "the database was lost or is an older one: whether the mesh is closed, and its secret, are as the copy of these settings says",
        { path },
      );
    }
  }
  write(path, settings, before);
  store.whenSet((key, value) => {
    if (!COPIED.test(key) || key === CHANGES) return;
    const changes = new TextEncoder().encode(`${changesOf(settings) + 1}`);
    settings.set(key, value.toHex()).set(CHANGES, changes.toHex());
    store.putSetting(CHANGES, changes);
    write(path, settings);
  });
}

/** The settings of a copy that its database lacks, or has as they were before. */
function lostBy(database: Settings, copy: Settings): Settings {
  const lost: Settings = new Map();
  const isOlder = changesOf(database) < changesOf(copy);
  for (const [key, hex] of copy) {
    // A setting is never deleted, so one that is missing is of a lost database.
    if (!database.has(key) || (isOlder && database.get(key) !== hex)) {
      lost.set(key, hex);
    }
  }
  // The copy leaves out what is empty.
  for (const [key, hex] of isOlder ? database : []) {
    if (hex !== "" && !copy.has(key)) lost.set(key, "");
  }
  return lost;
}

/** How often the settings have changed; 0 of an earlier version, or if it is not known. */
function changesOf(settings: Settings): number {
  const hex = settings.get(CHANGES) ?? "";
  const changes = Number(new TextDecoder().decode(Uint8Array.fromHex(hex)));
  return Number.isSafeInteger(changes) ? changes : 0;
}

function read(path: string): Settings | "damaged" {
  const info = statOrNothing(path);
  if (info === undefined) return new Map();
  if (!info.isFile || info.size > MAX_PROTECTION_FILE_BYTES) return "damaged";
  makePrivate(path, PRIVATE_FILE_MODE);
  try {
    const entries = Object.entries(JSON.parse(Deno.readTextFileSync(path)));
    const settings = new Map(
      entries.map(([key, hex]) => [key, Uint8Array.fromHex(String(hex))]),
    );
    return new Map([...settings].map(([key, it]) => [key, it.toHex()]));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) {
      return "damaged";
    }
    throw error;
  }
}

/** Writes the settings that are not empty, unless the file has them. */
function write(
  path: string,
  settings: Settings,
  before?: Settings | "damaged",
): void {
  const text = textOf(settings);
  if (before instanceof Map && textOf(before) === text) return;
  try {
    writeWhole(path, text);
  } catch (error) {
    const action = `Cannot write "${escapeText(path)}"`;
    throw toFileError(error, { action, access: "write", path });
  }
}

function textOf(settings: Settings): string {
  const set = [...settings].filter(([, hex]) => hex !== "").sort();
  return `${JSON.stringify(Object.fromEntries(set), undefined, 2)}\n`;
}
