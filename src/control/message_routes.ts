/**
 * Sending by the control API. A message in JSON has its text or its bytes in
 * base64 beside the rest; one that is longer or no text is the body itself, and
 * the rest is in the query.
 */
import type { BroadcastResult } from "../delivery/broadcast.ts";
import { BROADCAST_WAIT_MS, MAX_BODY_BYTES } from "../delivery_limits.ts";
import type { PeerId } from "../identity/identity.ts";
import { namesOf, type PeerNames } from "../identity/peer_name.ts";
import type { Node } from "../mesh/node.ts";
import { MAX_CONTROL_WAIT_MS } from "../limits.ts";
import { Refusal } from "./refusal.ts";
import {
  type Answer,
  optional,
  type RouteContext,
  type Routes,
} from "./route.ts";

const BROADCAST_QUERY = ["topic", "ttlMs", "waitMs"] as const;
const SEND_QUERY = ["to", ...BROADCAST_QUERY] as const;
const BODY_FIELDS = ["text", "base64"] as const;

/** What is to be sent. */
interface Outgoing {
  readonly body: Uint8Array | string;
  readonly to: string | undefined;
  /** For `Node.send`. */
  readonly options: { readonly topic?: string; readonly ttlMs?: number };
  readonly waitMs: number | undefined;
}

/** Routes for messages. */
export const MESSAGE_ROUTES: Routes = {
  "/v1/messages": { POST: { query: SEND_QUERY, handle: send } },
  "/v1/broadcasts": { POST: { query: BROADCAST_QUERY, handle: broadcast } },
};

async function send(context: RouteContext): Promise<Answer> {
  const { node } = context;
  const { to, body, options, waitMs } = await read(context, SEND_QUERY);
  if (to === undefined) throw wrong("to is missing, must be whom it is for");
  const identity = node.resolvePeer(to);
  const peer = node.peer(identity);
  const connected = peer?.connected ?? false;
  const receiver = { to: identity, ...namesOf(peer) };
  let id = "";
  const onId = (text: string) => id = text;
  const taken = node.send(identity, body, { ...options, onId }).then(() =>
    true
  );
  // Whatever becomes of it later is told by events.
  taken.catch(() => {});
  // Who is away does not take it in a moment.
  using patience = context.patience(
    waitMs ?? (connected ? BROADCAST_WAIT_MS : 0),
  );
  const delivered = await Promise.race([taken, kept(node, patience)]);
  return {
    id,
    ...receiver,
    delivered,
    connected: delivered || isUp(node, identity),
  };
}

async function broadcast(context: RouteContext): Promise<Answer> {
  const { body, options, waitMs = BROADCAST_WAIT_MS } = await read(
    context,
    BROADCAST_QUERY,
  );
  const result = await context.node.broadcast(body, { ...options, waitMs });
  await context.node.committed();
  const failed = result.failed.map(failure);
  const receivers = [
    ...result.delivered,
    ...result.waiting,
    ...failed.map(({ identity }) => identity),
  ];
  const names = byIdentity(context.node, receivers, "name");
  const boundNames = byIdentity(context.node, receivers, "boundName");
  return { ...result, failed, names, boundNames };
}

/** One kind of name of the peers that have one. */
function byIdentity(
  node: Node,
  identities: readonly PeerId[],
  kind: keyof PeerNames,
): Record<PeerId, string> {
  return Object.fromEntries(
    identities.flatMap((identity) => {
      const name = node.peer(identity)?.[kind];
      return name === undefined ? [] : [[identity, name]];
    }),
  );
}

function isUp(node: Node, identity: PeerId): boolean {
  return node.peer(identity)?.connected ?? false;
}

function failure(
  { identity, error }: BroadcastResult["failed"][number],
): { readonly identity: PeerId; readonly reason: string } {
  return { identity, reason: error.message };
}

/** It is not taken yet, and will not be lost. */
async function kept(node: Node, patience: Promise<void>): Promise<false> {
  await patience;
  await node.committed();
  return false;
}

async function read(
  { request, bodies, query }: RouteContext,
  names: readonly string[],
): Promise<Outgoing> {
  const type = request.headers.get("content-type") ?? "";
  const bytes = type.startsWith("application/octet-stream");
  if (!bytes && query.size > 0) {
    throw wrong("a message in JSON has everything in its body, no query");
  }
  const fields = bytes
    ? fieldsOf(query)
    : await bodies.object(request, [...names, ...BODY_FIELDS]);
  const body = bytes
    ? await bodies.bytes(request, MAX_BODY_BYTES)
    : bodyOf(fields);
  const topic = optional(fields, "topic", "string");
  const ttlMs = optional(fields, "ttlMs", "number");
  const waitMs = optional(fields, "waitMs", "number");
  if (
    waitMs !== undefined && !(waitMs >= 0 && waitMs <= MAX_CONTROL_WAIT_MS)
  ) {
    throw wrong(`waitMs is ${waitMs}, must be 0 to ${MAX_CONTROL_WAIT_MS}`);
  }
  return {
    body,
    to: optional(fields, "to", "string"),
    options: {
      ...(topic !== undefined && { topic }),
      ...(ttlMs !== undefined && { ttlMs }),
    },
    waitMs,
  };
}

function fieldsOf(query: URLSearchParams): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of query) {
    fields[name] = name.endsWith("Ms") && /^\d{1,15}$/.test(value)
      ? Number(value)
      : value;
  }
  return fields;
}

function bodyOf(
  fields: Readonly<Record<string, unknown>>,
): Uint8Array | string {
  const text = optional(fields, "text", "string");
  const base64 = optional(fields, "base64", "string");
  if (text !== undefined && base64 === undefined) return text;
  if (base64 === undefined || text !== undefined) {
    throw wrong("the message must be in one of text, base64");
  }
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    throw wrong("base64 is none");
  }
}

function wrong(message: string): Refusal {
  return new Refusal(400, "bad-request", message);
}
