/** Why a message is not sent any more, in words. */
import { messageOf, VerackError } from "../core/errors.ts";
import { shortId } from "../identity/identity.ts";
import type { OutgoingMessage } from "./outgoing_message.ts";

/** Its time is up. */
export function expired(outgoing: OutgoingMessage): VerackError {
  const { ttlMs } = outgoing.content;
  return undelivered(outgoing, `no acknowledgement within ${ttlMs} ms`);
}

/** Others needed its room. */
export function evicted(outgoing: OutgoingMessage): VerackError {
  return undelivered(
    outgoing,
    "it is not connected, and the outbox has room for no more: what waited longest for it was dropped",
  );
}

function undelivered(outgoing: OutgoingMessage, why: string): VerackError {
  const what = `Cannot deliver to ${shortId(outgoing.to)}: ${why}${
    doubtOf(outgoing)
  }`;
  return new VerackError("undelivered", what);
}

/** What is to be said of a message that may have arrived though it is given up. */
export function doubtOf({ begun, isRecalled }: OutgoingMessage): string {
  return begun
    ? "; it was sent, so that it may have arrived all the same"
    : isRecalled
    ? "; an earlier run of this node may have sent it"
    : "";
}

/** Its receiver's application does not take it. */
export function rejected({ to }: OutgoingMessage): VerackError {
  return new VerackError(
    "rejected",
    `Cannot deliver to ${
      shortId(to)
    }: its application nacked the message too often, and it is a dead letter there`,
  );
}

/** The store failed. */
export function notKept(error: unknown): VerackError {
  return new VerackError(
    "bad-data",
    `Cannot send: the message cannot be kept: ${messageOf(error)}`,
    { cause: error },
  );
}
