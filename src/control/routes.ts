/**
 * Handles the requests of the control API. `guard.ts` has authorised the client before;
 * `api.ts` has the schema.
 */
import { Hono } from "npm:hono@4.13.19";
import { type Clock, deadline } from "../core/clock.ts";
import { BROADCAST_WAIT_MS } from "../delivery/delivery_limits.ts";
import { parsePeerId, type PeerId } from "../core/peer_id.ts";
import { inviteSecret, parseInvite } from "../identity/invite.ts";
import { namesOf, type PeerNames } from "../identity/peer_name.ts";
import type { Node } from "../mesh/node.ts";
import { memberChosen, peerToKeepOut } from "../mesh/peers/find_peers.ts";
import { formatAddress } from "../transport/address.ts";
import {
  type ControlFigures,
  deadLetterRow,
  wholeDeadLetter,
} from "./answers.ts";
import { type Answer, API, type Endpoint, type Input } from "./api.ts";
import { ApiError, badRequest, jsonResponse } from "./guard.ts";
import { BodyReader, readInput } from "./request_input.ts";

/** The input of request handlers. */
export interface RouteContext {
  readonly node: Node;
  readonly clock: Clock;
  /** Aborts when the server closes. */
  readonly closing: AbortSignal;
  readonly figures: () => ControlFigures;
  /** Opens a stream of events. */
  readonly watch: (
    query: Input<typeof API.events>,
    lastEventId: string | null,
  ) => Promise<Response>;
  /** Requests the process to stop. */
  readonly stop: () => void;
  /** The response to a request that failed. */
  readonly failed: (error: unknown) => Response;
}

type Name = keyof typeof API;

/** A value that becomes `T` in JSON. */
type Serializable<T> = T extends string ? T | Date
  : { readonly [K in keyof T]: Serializable<T[K]> };

type Handlers = {
  readonly [K in Name]: (
    input: Input<typeof API[K]>,
    request: {
      readonly headers: Headers;
      readonly bytes: Uint8Array | undefined;
    },
  ) =>
    | Serializable<Answer<typeof API[K]>>
    | Response
    | Promise<Serializable<Answer<typeof API[K]>> | Response>;
};

/** Handles requests that the guard has allowed. */
export type Routes = (request: Request) => Response | Promise<Response>;

/** Routes requests to their handlers. */
export function createRoutes(context: RouteContext): Routes {
  // Not decoded: a path has one spelling.
  const app = new Hono({ getPath: ({ url }) => new URL(url).pathname });
  const handlers = handlersOf(context);
  const bodies = new BodyReader(context.clock);
  const endpoints = Object.entries(API) as [Name, Endpoint][];
  const methods = Map.groupBy(endpoints, ([, { path }]) => path);
  for (const [name, endpoint] of endpoints) {
    const { method, path, status } = endpoint;
    const handle = handlers[name] as (
      ...args: [fields: unknown, request: unknown]
    ) => unknown;
    app.on(method, path, async ({ req: { raw } }) => {
      // Hono answers HEAD by GET, which would open streams.
      if (raw.method !== method) throw wrongMethod(methods.get(path) ?? []);
      const { fields, bytes } = await readInput(endpoint, raw, bodies);
      const answer = await handle(fields, { headers: raw.headers, bytes });
      return answer instanceof Response ? answer : jsonResponse(answer, status);
    });
  }
  for (const [path, known] of methods) {
    app.all(path, () => {
      throw wrongMethod(known);
    });
  }
  app.notFound(() => {
    const paths = [...methods.keys()].join(", ");
    throw new ApiError(
      404,
      "not-found",
      `There is nothing at this path, must be one of ${paths}`,
    );
  });
  app.onError(context.failed);
  return (request) => app.fetch(request);
}

function wrongMethod(known: readonly (readonly [Name, Endpoint])[]): ApiError {
  const allow = known.map(([, { method }]) => method).join(", ");
  return new ApiError(
    405,
    "method-not-allowed",
    `The method must be ${allow}`,
    { allow },
  );
}

function handlersOf(context: RouteContext): Handlers {
  const { node, clock, closing, figures, watch, stop } = context;
  const { admission, deadLetters } = node;
  const senderOf = (from: string | undefined) =>
    from === undefined ? undefined : memberOf(node, from);
  const settle = (action: "retry" | "discard") =>
  (
    { id, from }: Input<typeof API.retry>,
  ) => {
    deadLetters[action](id, senderOf(from));
    return { id };
  };
  const decide =
    (action: "deny" | "forget") => ({ id: text }: Input<typeof API.deny>) => {
      const others = [...admission.joinRequests(), ...admission.accessRules()];
      const id = peerToKeepOut(
        text,
        node.findPeers(text),
        others.map(({ id }) => id),
        admission.holderOf(text),
      );
      admission[action](id);
      return { id };
    };
  return {
    status: () => ({ ...node.status(), control: figures() }),
    peers: ({ query }) => {
      const decoder = new TextDecoder();
      const sessions = node.sessions().map(({ userAgent, ...session }) => ({
        ...session,
        userAgent: decoder.decode(userAgent),
      }));
      if (query === undefined) return { peers: node.peers(), sessions };
      const found = node.findPeers(query);
      const peers = found.flatMap(({ id }) => node.peer(id) ?? []);
      return {
        peers,
        sessions: sessions.filter(({ id }) => found.some((it) => it.id === id)),
        self: found.some(({ self }) => self),
      };
    },
    events: (query, { headers }) => watch(query, headers.get("last-event-id")),
    send: async (
      { to: receiver, waitMs, text, base64, ...options },
      { bytes = bodyOf(text, base64) },
    ) => {
      const to = node.resolvePeer(receiver);
      const peer = node.peer(to);
      const connected = peer?.connected ?? false;
      let id = "";
      const onId = (text: string) => id = text;
      const acked = node.send(to, bytes, { ...options, onId })
        .then(() => true);
      // Later results are reported by events.
      acked.catch(() => {});
      // A peer that is away will not acknowledge it soon.
      const limitMs = waitMs ?? (connected ? BROADCAST_WAIT_MS : 0);
      using limit = deadline(clock, limitMs, closing);
      const stored = aborted(limit.signal)
        .then(() => node.committed()).then(() => false);
      const delivered = await Promise.race([acked, stored]);
      return {
        id,
        to,
        ...namesOf(peer),
        delivered,
        connected: delivered || (node.peer(to)?.connected ?? false),
      };
    },
    broadcast: async (
      { waitMs = BROADCAST_WAIT_MS, text, base64, ...options },
      { bytes = bodyOf(text, base64) },
    ) => {
      const result = await node.broadcast(bytes, { ...options, waitMs });
      await node.committed();
      const failed = result.failed.map(({ id, error }) => ({
        id,
        standing: node.peer(id)?.standing ?? false,
        reason: error.message,
      }));
      const peers = [
        ...result.delivered,
        ...result.waiting,
        ...failed.map(({ id }) => id),
      ];
      const byIdentity = (kind: keyof PeerNames) =>
        Object.fromEntries(peers.flatMap((peer) => {
          const name = node.peer(peer)?.[kind];
          return name === undefined ? [] : [[peer, name]];
        }));
      return {
        ...result,
        failed,
        names: byIdentity("name"),
        boundNames: byIdentity("boundName"),
      };
    },
    deadLetters: () => ({
      messages: deadLetters.list().map((it) =>
        deadLetterRow(it, node.peer(it.from))
      ),
    }),
    deadLetter: ({ id, from }) => {
      const message = deadLetters.get(id, senderOf(from));
      return wholeDeadLetter(message, node.peer(message.from));
    },
    retry: settle("retry"),
    discard: settle("discard"),
    joinRequests: () => ({
      requests: admission.joinRequests().map((
        { id, address, direction, firstSeen, lastSeen },
      ) => ({
        id,
        address: formatAddress(address),
        direction,
        firstSeen: new Date(firstSeen),
        lastSeen: new Date(lastSeen),
      })),
    }),
    accessRules: () => ({
      rules: admission.accessRules().map(({ id, rule, at }) => ({
        id,
        rule,
        at: new Date(at),
      })),
    }),
    allow: ({ id: text, ...options }) => {
      // In full: others can make keys with the same first digits.
      const id = parsePeerId(text.toLowerCase());
      admission.allow(id, options);
      return { id };
    },
    deny: decide("deny"),
    forget: decide("forget"),
    invites: () => ({ invites: admission.invites() }),
    invite: (input) => {
      const invite = admission.invite(input);
      return { invite, id: inviteSecret(parseInvite(invite).code).id };
    },
    revoke: ({ id }) => admission.revoke(id),
    stop: () => {
      stop();
      return { stopping: true };
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** The one member selected by a name, an identity or its first digits. */
function memberOf(node: Node, text: string): PeerId {
  return memberChosen(text, node.findPeers(text));
}

function bodyOf(
  text: string | undefined,
  base64: string | undefined,
): Uint8Array | string {
  if ((text === undefined) === (base64 === undefined)) {
    throw badRequest("The message must be in one of text, base64");
  }
  if (base64 === undefined) return text ?? "";
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    throw badRequest("base64 is none, must be base64");
  }
}
