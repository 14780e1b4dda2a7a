/**
 * The error class of verack. A {@linkcode VerackError} reports what a peer, the
 * network or a file did; misuse by the caller is a built-in `TypeError` or
 * `RangeError`.
 */
import { type ErrorCode, factsOf } from "./error_code.ts";
import { escapeText } from "./escape.ts";

export type { ErrorCode } from "./error_code.ts";

/**
 * Something outside this program's control went wrong.
 *
 * @example
 * ```ts
 * import { VerackError } from "./errors.ts";
 *
 * const error = new VerackError("connection-refused", "Cannot dial: nothing listens at 127.0.0.1:1");
 * console.assert(error.code === "connection-refused");
 * ```
 */
export class VerackError extends Error {
  /** Which of the closed list of reasons it is; stable across releases. */
  readonly code: ErrorCode;
  /**
   * The value that was required, where there is one: the peer's id (`wrong-identity`), the most
   * bytes (`oversize`), the least version (`obsolete`), the magic as hex (`bad-magic`).
   */
  readonly expected?: string | number;
  /** The value in the place of `expected`. */
  readonly actual?: string | number;

  /**
   * An error with one of the listed reasons.
   *
   * @param code The reason.
   * @param message What was being done, a colon, what stood in the way.
   * @param options `cause`: the error underneath, if any; `expected` and `actual`.
   */
  constructor(
    code: ErrorCode,
    message: string,
    options: ErrorOptions & Pick<VerackError, "expected" | "actual"> = {},
  ) {
    super(message, options);
    this.name = "VerackError";
    this.code = code;
    const { expected, actual } = options;
    if (expected !== undefined) this.expected = expected;
    if (actual !== undefined) this.actual = actual;
  }

  /** Whether the same may succeed later though nothing is changed here. */
  get retryable(): boolean {
    return factsOf(this.code).retryable ?? false;
  }
}

/** The details of an error, for one with another message. */
export function detailsOf(
  { expected, actual }: Pick<VerackError, "expected" | "actual">,
): Pick<VerackError, "expected" | "actual"> {
  return {
    ...(expected !== undefined && { expected }),
    ...(actual !== undefined && { actual }),
  };
}

/**
 * Refuses options that there are not: a misspelt one, such as `admision`, must not be ignored.
 *
 * @param action The beginning of the message: `Cannot send`.
 * @throws {TypeError}
 */
export function refuseUnknownOptions(
  options: object,
  names: Readonly<Record<string, true>>,
  action: string,
): void {
  for (const name in options) {
    if (Object.hasOwn(names, name)) continue;
    throw new TypeError(
      `${action}: there is no option "${escapeText(name)}"`,
    );
  }
}

/** The message of any thrown value, for display. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    // An object without a prototype, or with methods that throw.
    return "an error without a text";
  }
}
