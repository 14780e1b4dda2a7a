/**
 * What was set aside, by the control API: a list with the beginning of each body,
 * one of them whole, and what is to become of it.
 */
import type { DeadLetter } from "../delivery/dead_letters.ts";
import type { PeerId } from "../identity/identity.ts";
import { namesOf, type PeerNames } from "../identity/peer_name.ts";
import { SET_ASIDE_PREVIEW_BYTES } from "../limits.ts";
import { Refusal } from "./refusal.ts";
import {
  type Answer,
  memberOf,
  optional,
  required,
  type RouteContext,
  type Routes,
} from "./route.ts";

/** A message without its body. Text is exact: escape it where it is shown. */
export interface DeadLetterHead {
  /** 32 hex digits. */
  readonly id: string;
  readonly from: PeerId;
  /** What its sender calls itself, if it does. */
  readonly name?: string;
  /** What it is called at this node because a person said so. */
  readonly boundName?: string;
  readonly topic: string;
  /** Length of the body. */
  readonly bytes: number;
  /** Why it was refused the last time; may be empty. */
  readonly reason: string;
  /** ISO 8601. */
  readonly at: string;
  /** It is being offered again. */
  readonly retried: boolean;
}

/** Routes for messages that were set aside. */
export const DEAD_LETTER_ROUTES: Routes = {
  "/v1/set-aside": {
    GET: {
      handle: ({ node }) => ({
        messages: node.deadLetters.list().map((it) =>
          deadLetterRow(it, node.peer(it.from))
        ),
      }),
    },
  },
  "/v1/set-aside/message": {
    GET: {
      query: ["id", "from"],
      handle: ({ node, query }) => {
        const from = query.get("from");
        const message = node.deadLetters.get(
          required(query, "id"),
          from === null ? undefined : memberOf(node, from),
        );
        return {
          ...deadLetterHead(message, node.peer(message.from)),
          base64: message.body.toBase64(),
        };
      },
    },
  },
  "/v1/set-aside/retry": { POST: { handle: decide("retry") } },
  "/v1/set-aside/discard": { POST: { handle: decide("discard") } },
};

/** What is shown of a message beside its body. */
export function deadLetterHead(
  message: DeadLetter,
  sender: PeerNames | undefined,
): DeadLetterHead {
  const { id, from, topic, body, reason, at, retried } = message;
  return {
    id,
    from,
    ...namesOf(sender),
    topic,
    bytes: body.length,
    reason,
    at: at.toISOString(),
    retried,
  };
}

/** A message as a list shows it. */
export function deadLetterRow(
  message: DeadLetter,
  sender: PeerNames | undefined,
): DeadLetterHead & { readonly preview: string } {
  const beginning = message.body.subarray(0, SET_ASIDE_PREVIEW_BYTES);
  return {
    ...deadLetterHead(message, sender),
    preview: new TextDecoder().decode(beginning),
  };
}

function decide(
  action: "retry" | "discard",
): (context: RouteContext) => Promise<Answer> {
  return async ({ node, bodies, request }) => {
    const fields = await bodies.object(request, ["id", "from"]);
    const id = optional(fields, "id", "string");
    const from = optional(fields, "from", "string");
    if (id === undefined) {
      throw new Refusal(400, "bad-request", "The body must have id");
    }
    const sender = from === undefined ? undefined : memberOf(node, from);
    node.deadLetters[action](id, sender);
    return { id };
  };
}
