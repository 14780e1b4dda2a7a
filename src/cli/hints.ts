/**
 * What to do about an error by the flags of the command line. The library says what is wrong in
 * its own terms, since it does not know that it is used by a command.
 */
import type { ErrorCode } from "../core/errors.ts";

const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  "address-in-use": "choose another port by --port",
  "bad-magic": "start both with the same --network NAME",
  "bad-secret": "give it by --secret-file, or an invite by --join-file",
  "demo-identity":
    "use --host 127.0.0.1, or a key of your own: verack identity new",
};

/** The hint for an error code in brackets, behind a space; else nothing. */
export function hintOf(code: string): string {
  const hint = Object.hasOwn(HINTS, code)
    ? HINTS[code as ErrorCode]
    : undefined;
  return hint === undefined ? "" : ` (${hint})`;
}
