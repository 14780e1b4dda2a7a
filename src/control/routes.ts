/**
 * Routes the requests of the control API to the handlers of `handlers/`. `guard.ts` has
 * authorised the client before; `api.ts` has the schema.
 */
import { Hono } from "npm:hono@4.13.19";
import { API, OPERATIONS } from "./api.ts";
import type { Endpoint, Operation, RequiredAccess } from "./api/endpoint.ts";
import { type Access, ApiError, jsonResponse } from "./guard.ts";
import { admissionHandlers } from "./handlers/admission_handlers.ts";
import {
  type Caller,
  type HandlerContext,
  type Handlers,
  type OperationHandlers,
  type ServedOperation,
  serveOperation,
} from "./handlers/handler.ts";
import { fileHandlers } from "./handlers/file_handlers.ts";
import { keptTopicHandlers } from "./handlers/kept_topic_handlers.ts";
import { healthResponse } from "./health_response.ts";
import { messageHandlers } from "./handlers/message_handlers.ts";
import { pageHandlers } from "./handlers/page_handlers.ts";
import { peerHandlers } from "./handlers/peer_handlers.ts";
import { watchHandlers } from "./handlers/watch_handlers.ts";
import { requestHandlers } from "./handlers/request_handlers.ts";
import { forwardHandlers } from "./handlers/forward_handlers.ts";
import type { EventChoice } from "./node_events.ts";
import type { OperationRun } from "./operation_stream.ts";
import type { PageServer } from "./page_server.ts";
import { BodyReader, readInput } from "./request_input.ts";

/** The input of request handlers. */
export interface RouteContext extends HandlerContext {
  /** Opens a stream of events. */
  readonly stream: (choice: EventChoice) => Promise<Response>;
  /** Opens the stream of an operation. */
  readonly operate: (run: OperationRun) => Promise<Response>;
  /** Operations besides those of the schema. */
  readonly operations: readonly ServedOperation[];
  /** Sign-in of the page. */
  readonly page: PageServer;
  /** The response to a request that failed. */
  readonly failed: (error: unknown) => Response;
}

/** Handles requests that the guard has allowed. */
export type Routes = (
  request: Request,
  caller: Caller,
) => Response | Promise<Response>;

/** Handles the requests of one path and method. */
interface Route {
  readonly endpoint: Pick<
    Endpoint,
    "method" | "path" | "input" | "binaryInput" | "maxBytes" | "access"
  >;
  readonly handle: (
    fields: unknown,
    request: {
      readonly headers: Headers;
      readonly bytes: Uint8Array | undefined;
      readonly signal: AbortSignal;
    } & Caller,
  ) => Promise<Response>;
}

/** Routes requests to their handlers. */
export function createRoutes(context: RouteContext): Routes {
  // Not decoded: a path has one spelling.
  const app = new Hono<{ readonly Bindings: Caller }>({
    getPath: ({ url }) => new URL(url).pathname,
  });
  const bodies = new BodyReader(context.clock);
  const files = fileHandlers(context);
  const kept = keptTopicHandlers(context);
  const routes = [
    ...endpointRoutes({
      ...peerHandlers(context),
      ...messageHandlers(context),
      ...requestHandlers(context),
      ...admissionHandlers(context),
      ...pageHandlers(context),
      ...files.endpoints,
      ...kept.endpoints,
      health: (options) =>
        healthResponse(context.node.status().health, {
          ...options,
          details: true,
        }),
      events: (query, { headers }) =>
        context.stream({ ...query, ...lastEventIdOf(headers) }),
    }),
    ...operationRoutes({
      ...files.operations,
      ...kept.operations,
      ...forwardHandlers(context),
      ...watchHandlers(context),
    }, context),
  ];
  const methods = Map.groupBy(routes, ({ endpoint }) => endpoint.path);
  for (const { endpoint, handle } of routes) {
    const { method, path } = endpoint;
    app.on(method, path, async ({ req: { raw }, env }) => {
      // Hono answers HEAD by GET, which would open streams.
      if (raw.method !== method) throw wrongMethod(methods.get(path) ?? []);
      requireAccess(endpoint.access, env.access);
      const { fields, bytes } = await readInput(endpoint, raw, bodies);
      const { headers, signal } = raw;
      return await handle(fields, { ...env, headers, bytes, signal });
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
  return (request, caller) => app.fetch(request, caller);
}

/** Where a stream goes on (WHATWG HTML §9.2.4). */
function lastEventIdOf(headers: Headers): Pick<EventChoice, "lastEventId"> {
  const lastEventId = headers.get("last-event-id");
  return lastEventId === null ? {} : { lastEventId };
}

function wrongMethod(known: readonly Route[]): ApiError {
  const allow = known.map(({ endpoint }) => endpoint.method).join(", ");
  return new ApiError(
    405,
    "method-not-allowed",
    `The method must be ${allow}`,
    { allow },
  );
}

/** @throws {ApiError} 403 or 401 where the rights of a request are too few. */
function requireAccess(
  required: RequiredAccess | undefined,
  { kind }: Access,
): void {
  if (kind === "public" && required !== "public") {
    throw new ApiError(401, "unauthorized", "There is no sign-in");
  }
  if (kind === "page" && required === "owner") {
    throw new ApiError(
      403,
      "owner-only",
      "The page may not use this, must be a program with the token or at the socket",
    );
  }
}

function endpointRoutes(handlers: Handlers<typeof API>): Route[] {
  const endpoints = Object.entries(API) as [keyof typeof API, Endpoint][];
  return endpoints.map(([name, endpoint]) => {
    const handle = handlers[name] as (
      ...args: [fields: unknown, request: unknown]
    ) => unknown;
    return {
      endpoint,
      handle: async (fields, request) => {
        const answer = await handle(fields, request);
        return answer instanceof Response
          ? answer
          : jsonResponse(answer, endpoint.status);
      },
    };
  });
}

function operationRoutes(
  handlers: OperationHandlers<typeof OPERATIONS>,
  context: RouteContext,
): Route[] {
  const operations = Object.entries<Operation>(OPERATIONS).map((
    [name, operation],
  ) => serveOperation(operation, handlers[name as keyof typeof OPERATIONS]));
  return [...operations, ...context.operations].map(({ operation, run }) => ({
    endpoint: operation,
    handle: (fields) => context.operate((signal) => run(fields, { signal })),
  }));
}
