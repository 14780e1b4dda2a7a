/** How a peer's `reject` or `bye` reads in our messages: escaped and on one line. */
import { escapeText } from "../core/escape.ts";
import type { Reason } from "../wire/messages/reason.ts";
import { reasonName } from "../wire/reasons.ts";

/** The name of the reason and, in brackets, what the peer added. */
export function describeReason(reason: Reason): string {
  const name = reasonName(reason.code);
  return reason.text === "" ? name : `${name} (${escapeText(reason.text)})`;
}
