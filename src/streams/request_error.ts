/** The error of a request's handler, at both ends. */
import { VerackError } from "../core/errors.ts";
import { MAX_ERROR_CODE_CHARS } from "./streams_limits.ts";

const CODE = /^[!-~]+$/;

/**
 * A handler answered with an error. A handler throws one to choose the code; the caller gets one
 * with the same code, message and data. Of any other error that a handler throws the caller gets
 * the message, with the code `failed`; of a `VerackError` also the code. Stacks stay where they
 * are.
 *
 * @example
 * ```ts
 * import { RequestError } from "./request_error.ts";
 *
 * const error = new RequestError("no-such-job", "Job 7 is not there", { data: { job: 7 } });
 * console.assert(error.code === "failed" && error.remoteCode === "no-such-job");
 * ```
 */
export class RequestError extends VerackError {
  /** The handler's own code, 1 to 64 characters of printable ASCII without spaces. */
  readonly remoteCode: string;
  /** A JSON value, if the handler added one. */
  readonly data?: unknown;

  /**
   * An error of a handler.
   *
   * @param remoteCode Its code, for programs.
   * @param message What was being done, a colon, what stood in the way; at most 1,024 UTF-16
   * units of it are sent.
   * @param options `data`: a JSON value for programs; `cause`, which is not sent.
   * @throws {RangeError} when the code has another form.
   */
  constructor(
    remoteCode: string,
    message: string,
    options: ErrorOptions & { readonly data?: unknown } = {},
  ) {
    super("failed", message, options);
    if (!isErrorCode(remoteCode)) {
      throw new RangeError(
        `Cannot make a RequestError: its code is ${
          JSON.stringify(`${remoteCode}`.slice(0, MAX_ERROR_CODE_CHARS))
        }, must be 1 to ${MAX_ERROR_CODE_CHARS} characters of printable ASCII without spaces`,
      );
    }
    this.name = "RequestError";
    this.remoteCode = remoteCode;
    if (options.data !== undefined) this.data = options.data;
  }
}

/** Whether a text can be the code of an error on the wire. */
export function isErrorCode(text: unknown): text is string {
  return typeof text === "string" && text.length <= MAX_ERROR_CODE_CHARS &&
    CODE.test(text);
}
