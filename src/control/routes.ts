/**
 * What the control API can do, version 1: one table of methods and paths. Who may
 * ask is decided in `guard.ts` before this; `docs/control.md` describes it.
 */
import { parsePeerId } from "../identity/identity.ts";
import { inviteSecret, parseInvite } from "../identity/invite.ts";
import type { Node } from "../mesh/node.ts";
import type {
  JoinRequest,
  StoredAccessRule,
} from "../mesh/peers/node_store.ts";
import { formatAddress } from "../transport/address.ts";
import { MESSAGE_ROUTES } from "./message_routes.ts";
import { Refusal } from "./refusal.ts";
import {
  type Answer,
  memberOf,
  optional,
  required,
  type RouteContext,
  type Routes,
} from "./route.ts";
import { DEAD_LETTER_ROUTES } from "./dead_letter_routes.ts";

const ROUTES: Routes = {
  "/v1/status": {
    GET: {
      handle: ({ node, control }) => ({ ...node.status(), control: control() }),
    },
  },
  "/v1/peers": {
    GET: {
      handle: ({ node }) => ({ peers: node.peers(), links: links(node) }),
    },
  },
  "/v1/who": {
    GET: {
      query: ["name"],
      handle: ({ node, query }) => ({
        members: node.findPeers(required(query, "name")),
      }),
    },
  },
  "/v1/events": {
    GET: {
      query: ["type", "topic"],
      handle: ({ watch, query }) => watch(query),
    },
  },
  ...MESSAGE_ROUTES,
  ...DEAD_LETTER_ROUTES,
  "/v1/pending": {
    GET: {
      handle: ({ node }) => ({
        pending: node.admission.joinRequests().map(pendingPeer),
      }),
    },
  },
  "/v1/verdicts": {
    GET: {
      handle: ({ node }) => ({
        verdicts: node.admission.accessRules().map(verdict),
      }),
    },
  },
  "/v1/allow": { POST: { handle: decide("allow") } },
  "/v1/deny": { POST: { handle: decide("deny") } },
  "/v1/forget": { POST: { handle: decide("forget") } },
  "/v1/invites": {
    GET: {
      handle: ({ node }) => ({ invites: node.admission.invites() }),
    },
    POST: {
      status: 201,
      handle: async ({ node, bodies, request }) => {
        const fields = await bodies.object(request, ["ttlMs", "address"]);
        const ttlMs = optional(fields, "ttlMs", "number");
        const address = optional(fields, "address", "string");
        const invite = node.admission.invite({
          ...(ttlMs !== undefined && { ttlMs }),
          ...(address !== undefined && { address }),
        });
        return { invite, id: inviteSecret(parseInvite(invite).code).id };
      },
    },
  },
  "/v1/invites/revoke": {
    POST: {
      handle: async ({ node, bodies, request }) => {
        const fields = await bodies.object(request, ["id"]);
        const id = optional(fields, "id", "string");
        if (id === undefined) {
          throw new Refusal(400, "bad-request", "The body must have id");
        }
        return node.admission.revoke(id);
      },
    },
  },
  "/v1/stop": {
    POST: {
      status: 202,
      handle: async ({ bodies, request, stop }) => {
        await bodies.object(request, []);
        stop();
        return { stopping: true };
      },
    },
  },
};

/**
 * Finds the route and follows it.
 *
 * @throws {Refusal} 404, 405, 400; and whatever the route says.
 */
export async function follow(
  context: RouteContext,
  path: string,
): Promise<{ status: number; answer: Answer }> {
  const methods = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
  if (methods === undefined) {
    throw new Refusal(
      404,
      "not-found",
      `There is nothing at this path, must be one of ${
        Object.keys(ROUTES).join(", ")
      }`,
    );
  }
  const { method } = context.request;
  const route = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (route === undefined) {
    const allow = Object.keys(methods).join(", ");
    throw new Refusal(
      405,
      "method-not-allowed",
      `The method must be ${allow}`,
      { allow },
    );
  }
  const known = route.query ?? [];
  for (const name of new Set(context.query.keys())) {
    if (known.includes(name) && context.query.getAll(name).length === 1) {
      continue;
    }
    throw new Refusal(
      400,
      "bad-request",
      `The query has ${JSON.stringify(name.slice(0, 64))}${
        known.includes(name) ? " more than once" : ""
      }, must have ${
        known.length === 0
          ? "no parameter here"
          : `${known.join(", ")} only, each once`
      }`,
    );
  }
  const answer = await route.handle(context);
  return { status: route.status ?? 200, answer };
}

/**
 * Carries out a decision about who may come in. Whom to let in must be said in
 * full: a name, or first digits, can be anybody's.
 */
function decide(
  action: "allow" | "deny" | "forget",
): (context: RouteContext) => Promise<Answer> {
  return async ({ node, bodies, request }) => {
    const fields = await bodies.object(
      request,
      action === "allow" ? ["identity", "name"] : ["identity"],
    );
    const text = optional(fields, "identity", "string");
    const name = optional(fields, "name", "string");
    if (text === undefined) {
      throw new Refusal(400, "bad-request", "The body must have identity");
    }
    const identity = action === "allow"
      ? parsePeerId(text)
      : memberOf(node, text);
    if (action === "allow") {
      node.admission.allow(identity, name === undefined ? {} : { name });
    } else node.admission[action](identity);
    return { identity };
  };
}

function pendingPeer(peer: JoinRequest): unknown {
  const { identity, address, direction, firstSeen, lastSeen } = peer;
  return {
    identity,
    address: formatAddress(address),
    direction,
    firstSeen: new Date(firstSeen),
    lastSeen: new Date(lastSeen),
  };
}

function verdict({ identity, verdict, at }: StoredAccessRule): unknown {
  return { identity, verdict, at: new Date(at) };
}

function links(node: Node): unknown[] {
  const decoder = new TextDecoder();
  return node.sessions().map(({ userAgent, ...link }) => ({
    ...link,
    userAgent: decoder.decode(userAgent),
  }));
}
