/** Dead letters as the control API and the command line show them. */
import type { DeadLetter } from "../delivery/dead_letters.ts";
import { namesOf, type PeerNames } from "../identity/peer_name.ts";
import { DEAD_LETTER_PREVIEW_BYTES } from "../limits.ts";
import type {
  DeadLetterHead,
  DeadLetterRow,
  WholeDeadLetter,
} from "./answers.ts";

/** A dead letter as a list shows it. */
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
