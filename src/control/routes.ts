/**
 * What the control API can do, version 1: one table of methods and paths. Who may
 * ask is decided in `guard.ts` before this; `docs/control.md` describes it.
 */
import type { Node } from "../mesh/node.ts";
import { theOne } from "../mesh/who.ts";
import type { BodyReader } from "./body.ts";
import { Refusal } from "./refusal.ts";

/** What a route works with. */
export interface RouteContext {
  readonly node: Node;
  readonly bodies: BodyReader;
  readonly request: Request;
  readonly query: URLSearchParams;
  /** Aborts when the server closes. */
  readonly signal: AbortSignal;
  /** Figures of the server itself, for `status`. */
  readonly control: () => Record<string, unknown>;
  /** Opens a stream of events. */
  readonly watch: (query: URLSearchParams) => Response;
  /** Asks the process to leave. */
  readonly stop: () => void;
}

/** An answer: a value, which becomes JSON, or a response of its own. */
type Answer = unknown;

interface Route {
  /** Parameters that the query may have. */
  readonly query?: readonly string[];
  readonly status?: number;
  readonly handle: (context: RouteContext) => Answer | Promise<Answer>;
}

const ROUTES: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
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
        members: node.who(required(query, "name")),
      }),
    },
  },
  "/v1/events": {
    GET: {
      query: ["type", "topic"],
      handle: ({ watch, query }) => watch(query),
    },
  },
  "/v1/stop": {
    POST: {
      status: 202,
      handle: async ({ bodies, request, stop }) => {
        await bodies.object(request);
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
      known.length === 0
        ? "There is a query, must be none"
        : `The query must have ${known.join(", ")} only, each once`,
    );
  }
  const answer = await route.handle(context);
  return { status: route.status ?? 200, answer };
}

/** The one member that a request means by `name`. */
export function memberOf(node: Node, text: string): string {
  return theOne(text, node.who(text)).identity;
}

function required(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value !== null && value !== "") return value;
  throw new Refusal(400, "bad-request", `The query must have ${name}`);
}

function links(node: Node): unknown[] {
  const decoder = new TextDecoder();
  return node.links().map(({ userAgent, ...link }) => ({
    ...link,
    userAgent: decoder.decode(userAgent),
  }));
}
