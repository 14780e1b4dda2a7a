/**
 * What to do about an error by the flags of the command line. The library says what is wrong in
 * its own terms, since it does not know that it is used by a command.
 */
import type { ErrorCode } from "../core/errors.ts";
import type { OwnFact } from "../mesh/health.ts";

const HINTS: Readonly<Partial<Record<ErrorCode | OwnFact, string>>> = {
  "address-in-use":
    "by --port, --http or --metrics, whichever has it; 0 takes a free one",
  "bad-magic": "start both with the same --network NAME",
  "bad-secret": "give it by --secret-file, or an invite by --join-file",
  "dead-letters-nearly-full": "see verack dead-letters",
  "demo-identity":
    "use --host 127.0.0.1, or a key of your own: verack identity new",
  "dns": "check the name after --connect, and the resolver of this machine",
  "kept-topics-nearly-full":
    "consume them: verack receive-messages, or verack kept-topics drop",
  "key-in-use": "stop one of the two, or give it a key of its own",
  "outbox-nearly-full": "see the rows waiting of verack status",
};

/** The hint for an error code in brackets, behind a space; else nothing. */
export function hintOf(code: string): string {
  const hint = Object.hasOwn(HINTS, code)
    ? HINTS[code as keyof typeof HINTS]
    : undefined;
  return hint === undefined ? "" : ` (${hint})`;
}
