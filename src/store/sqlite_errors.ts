/**
 * What SQLite and Deno say when a database cannot be used, in our words. Who acts
 * on it is `database.ts` and `data_directory.ts`.
 */
import { type ErrorCode, messageOf, VerackError } from "../errors.ts";
import { escapeText } from "../escape.ts";

/** Primary result codes of SQLite (sqlite3.h), as far as they get words of their own. */
const SQLITE = {
  error: 1,
  busy: 5,
  readOnly: 8,
  corrupt: 11,
  full: 13,
  notADatabase: 26,
} as const;

/** The file is no database of ours any more; it can be set aside. */
export class DamagedError extends VerackError {
  /** @param path The database. */
  constructor(path: string, why: string, options?: ErrorOptions) {
    super(
      "bad-data",
      `Cannot use database "${escapeText(path)}": ${why}`,
      options,
    );
  }
}

/** Whether the error says that bytes in the file are wrong. */
export function isDamage(error: unknown): boolean {
  const code = primaryCode(error);
  return code === SQLITE.corrupt || code === SQLITE.notADatabase ||
    // Not every call of node:sqlite passes the code on.
    /file is not a database|malformed/.test(messageOf(error));
}

/**
 * The error as one of ours.
 *
 * @param action What was tried, e.g. `Cannot write database "data/node.db"`.
 */
export function toStoreError(
  error: unknown,
  action: string,
  path: string,
): VerackError {
  if (error instanceof VerackError) return error;
  const because = (why: string, code: ErrorCode = "bad-data") =>
    new VerackError(code, `${action}: ${why}`, { cause: error });
  if (error instanceof Deno.errors.NotCapable || isNotCapable(error)) {
    const folder = escapeText(path.replace(/[/\\][^/\\]*$/, "") || ".");
    return because(
      `Deno does not permit it, add --allow-read=${folder} --allow-write=${folder}`,
      "permission",
    );
  }
  switch (primaryCode(error)) {
    case SQLITE.full:
      return because("the disk is full");
    case SQLITE.readOnly:
      return because("it is read-only, must be writable");
    case SQLITE.busy:
      return because("another process uses it", "data-in-use");
  }
  if (/database is locked/.test(messageOf(error))) {
    return because("another process uses it", "data-in-use");
  }
  return because(messageOf(error));
}

/** node:sqlite throws an error of that name which is not an instance of Deno's. */
function isNotCapable(error: unknown): boolean {
  return error instanceof Error && error.name === "NotCapable";
}

function primaryCode(error: unknown): number | undefined {
  return error instanceof Error && "errcode" in error &&
      typeof error.errcode === "number"
    ? error.errcode & 0xff
    : undefined;
}
