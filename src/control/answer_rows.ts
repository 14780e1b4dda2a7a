/** Makes rows and events of the control API of what the node has. */
import { jsonLine } from "../core/escape.ts";
import type { DeadLetter } from "../delivery/dead_letters.ts";
import type { Message } from "../delivery/incoming_message.ts";
import type { KeptMessage } from "../delivery/kept_topics.ts";
import { namesOf, type PeerNames } from "../identity/peer_name.ts";
import type { FileProgress } from "../services/files/file_progress.ts";
import type {
  DeadLetterHead,
  DeadLetterRow,
  FileEvent,
  KeptMessageRow,
  MessageEvent,
  WholeDeadLetter,
} from "./answers.ts";
import { DEAD_LETTER_PREVIEW_BYTES } from "./control_limits.ts";

/** @param sender The names of the sender. */
export function fileEvent(
  step: FileProgress,
  sender: PeerNames | undefined,
): FileEvent | undefined {
  const { type, peer, transfer, path, savedAs, resumedAt, files, total } = step;
  if (type === "begin" || type === "progress" || type === "skipped") {
    return undefined;
  }
  const { done, failed, error } = step;
  return {
    type: "file",
    from: peer,
    ...namesOf(sender),
    transfer,
    step: type,
    path,
    ...(savedAs !== undefined && { savedAs }),
    ...(resumedAt !== undefined && { resumedAt }),
    files,
    bytes: total,
    ...(done !== undefined && { done }),
    ...(failed !== undefined && { failed }),
    ...(error !== undefined && { reason: error.message }),
  };
}

/** @param sender The names of the sender. */
export function messageEvent(
  { from, topic, id, deliveryCount, body }: Pick<
    Message,
    "from" | "topic" | "id" | "deliveryCount" | "body"
  >,
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

/** @param sender The names of the sender. */
export function keptMessageRow(
  { body, ...message }: KeptMessage,
  sender: PeerNames | undefined,
): KeptMessageRow {
  const fields = bodyFields(body);
  // As JSON some text would be six times as long, and an answer too long for its reader.
  const isLong = "text" in fields &&
    jsonLine(fields.text).length > 2 * body.length + 64;
  return {
    type: "message",
    ...namesOf(sender),
    id: message.id,
    from: message.from,
    topic: message.topic,
    receivedAt: message.receivedAt.toISOString(),
    deliveryCount: message.deliveryCount,
    ...(message.leasedUntil !== undefined &&
      { leasedUntil: message.leasedUntil.toISOString() }),
    ...(isLong ? { base64: body.toBase64() } : fields),
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

/** A dead letter in a list. */
export function deadLetterRow(
  message: DeadLetter,
  sender: PeerNames | undefined,
): DeadLetterRow {
  const beginning = message.body.subarray(0, DEAD_LETTER_PREVIEW_BYTES);
  const preview = new TextDecoder().decode(beginning);
  return { ...deadLetterHead(message, sender), preview };
}

/** A dead letter with all of its body. */
export function wholeDeadLetter(
  message: DeadLetter,
  sender: PeerNames | undefined,
): WholeDeadLetter {
  const base64 = message.body.toBase64();
  return { ...deadLetterHead(message, sender), base64 };
}

function deadLetterHead(
  { body, at, ...message }: DeadLetter,
  sender: PeerNames | undefined,
): DeadLetterHead {
  return {
    ...message,
    ...namesOf(sender),
    bytes: body.length,
    at: at.toISOString(),
  };
}
