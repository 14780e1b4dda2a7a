/** An acknowledged message as an event, for the control API and the command line. */
import type { PeerId } from "../identity/identity.ts";
import { namesOf, type PeerNames } from "../identity/peer_name.ts";

/** The node's application has acknowledged a message. Text is not escaped. */
export interface MessageEvent {
  /** The type of the event. */
  readonly type: "message";
  /** The sender. */
  readonly from: PeerId;
  /** What the sender calls itself. */
  readonly name?: string;
  /** The name that a person gave the sender at this node. */
  readonly boundName?: string;
  /** What the sender filed it under. */
  readonly topic: string;
  /** The message's id, 32 hex digits. */
  readonly id: string;
  /** Its delivery count, from 1. */
  readonly deliveryCount: number;
  /** The body, if it is UTF-8. */
  readonly text?: string;
  /** The body, if it is not. */
  readonly base64?: string;
}

/** @param sender What is known of the sender. */
export function messageEvent(
  { from, topic, id, deliveryCount, body }:
    & Pick<MessageEvent, "topic" | "id">
    & {
      readonly deliveryCount: number;
      readonly from: PeerId;
      readonly body: Uint8Array;
    },
  sender: PeerNames | undefined,
): MessageEvent {
  return {
    type: "message",
    from,
    ...namesOf(sender),
    topic,
    id,
    deliveryCount,
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
