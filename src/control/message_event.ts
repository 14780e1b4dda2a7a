/** A message that was taken, as those see it who watch. */
import type { PeerId } from "../identity/identity.ts";
import { namesOf, type PeerNames } from "../identity/peer_name.ts";

/** The node's application has taken a message. Text is exact: escape it where it is shown. */
export interface MessageEvent {
  readonly type: "message";
  readonly identity: PeerId;
  /** What the sender calls itself, if it does. */
  readonly name?: string;
  /** What it is called at this node because a person said so. */
  readonly boundName?: string;
  readonly topic: string;
  readonly id: string;
  /** Which try it is, from 1. */
  readonly attempt: number;
  /** The body, if it is UTF-8. */
  readonly text?: string;
  /** The body, if it is not. */
  readonly base64?: string;
}

/** What of a message is shown. */
type TakenMessage = Pick<MessageEvent, "topic" | "id"> & {
  readonly deliveryCount: number;
  readonly from: PeerId;
  readonly body: Uint8Array;
};

/** @param sender What is known of the sender, of which its names are shown. */
export function messageEvent(
  message: TakenMessage,
  sender: PeerNames | undefined,
): MessageEvent {
  const { from, topic, id, deliveryCount, body } = message;
  return {
    type: "message",
    identity: from,
    ...namesOf(sender),
    topic,
    id,
    attempt: deliveryCount,
    ...bodyFields(body),
  };
}

function bodyFields(
  body: Uint8Array,
): { readonly text: string } | { readonly base64: string } {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { text: decoder.decode(body) };
  } catch {
    return { base64: body.toBase64() };
  }
}
