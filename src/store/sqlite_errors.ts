/** Translates errors of SQLite and Deno about a database into ours. */
import { dirname } from "node:path";
import { type ErrorCode, messageOf, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { toFileError } from "../identity/private_file.ts";

/** A kind of failure: result code of SQLite (sqlite3.h), and its message. */
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

/** The file is no usable database of ours; it can be replaced. */
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
  const because = (why: string, code: ErrorCode = "bad-data") =>
    new VerackError(code, `${action}: ${why}`, { cause: error });
  if (is(error, FULL)) return because("the disk is full");
  if (is(error, READ_ONLY)) {
    return because("it is read-only, must be writable");
  }
  if (is(error, BUSY)) return because("another process uses it", "data-in-use");
  const told = toFileError(error, {
    action,
    access: "use",
    path: dirname(path),
  });
  return told instanceof VerackError ? told : because(messageOf(error));
}

function is(error: unknown, { code, text }: Failure): boolean {
  if (!(error instanceof Error)) return false;
  return "errcode" in error && typeof error.errcode === "number"
    ? (error.errcode & 0xff) === code
    : text.test(error.message);
}
