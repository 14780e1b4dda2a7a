/**
 * What SQLite and Deno say when a database cannot be used, in our words. Who acts
 * on it is `database.ts` and `data_directory.ts`.
 */
import { type ErrorCode, messageOf, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";

/** A kind of failure: result code of SQLite (sqlite3.h), and what it says. */
interface Failure {
  readonly code: number;
  /** Not every call of node:sqlite passes the code on. */
  readonly text: RegExp;
}

const BUSY: Failure = { code: 5, text: /^database is locked/ };
const READ_ONLY: Failure = { code: 8, text: /readonly database/ };
const CORRUPT: Failure = { code: 11, text: /malformed/ };
const FULL: Failure = { code: 13, text: /disk is full/ };
const NOT_A_DATABASE: Failure = { code: 26, text: /is not a database/ };

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
  return is(error, CORRUPT) || is(error, NOT_A_DATABASE);
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
  if (is(error, FULL)) return because("the disk is full");
  if (is(error, READ_ONLY)) {
    return because("it is read-only, must be writable");
  }
  if (is(error, BUSY)) return because("another process uses it", "data-in-use");
  return because(messageOf(error));
}

/** node:sqlite throws an error of that name which is not an instance of Deno's. */
function isNotCapable(error: unknown): boolean {
  return error instanceof Error && error.name === "NotCapable";
}

function is(error: unknown, { code, text }: Failure): boolean {
  if (!(error instanceof Error)) return false;
  return "errcode" in error && typeof error.errcode === "number"
    ? (error.errcode & 0xff) === code
    : text.test(error.message);
}
