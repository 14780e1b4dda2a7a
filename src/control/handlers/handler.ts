/** What handlers of requests have, and what they return. */
import type { Clock } from "../../core/clock.ts";
import type { Node } from "../../mesh/node.ts";
import type { ControlFigures, MessageEvent } from "../answers.ts";
import type { Access } from "../guard.ts";
import type { NodeEvents } from "../node_events.ts";
import type { EncodedRecords } from "../operation_stream.ts";
import type { PageAccess } from "../page_access.ts";
import type {
  Answer,
  Endpoint,
  Input,
  Operation,
  OperationRecord,
  RecordOf,
} from "../api/endpoint.ts";

/** What handlers work on. */
export interface HandlerContext {
  readonly node: Node;
  readonly clock: Clock;
  /** Aborts when the server closes. */
  readonly closing: AbortSignal;
  readonly figures: () => ControlFigures;
  /** The events of the node, for clients that read them. */
  readonly events: Pick<NodeEvents, "open">;
  /** Adds an event to the streams of events. */
  readonly publish: (event: MessageEvent) => void;
  /** Whether there are such streams. */
  readonly isWatched: () => boolean;
  /** Requests the process to stop. */
  readonly stop: () => void;
}

/** How a request came. */
export interface Caller {
  readonly access: Access;
  /** The sign-ins of the port; absent at the socket, which needs none. */
  readonly page?: PageAccess;
}

/** A value that becomes `T` in JSON. */
export type Serializable<T> = unknown extends T ? T
  : T extends string ? T | Date
  : { readonly [K in keyof T]: Serializable<T[K]> };

/** A handler of each endpoint of `T`, by its name. */
export type Handlers<T extends Readonly<Record<string, Endpoint>>> = {
  readonly [K in keyof T]: (
    input: Input<T[K]>,
    request: {
      readonly headers: Headers;
      readonly bytes: Uint8Array | undefined;
      /** Aborts when the client disconnects. */
      readonly signal: AbortSignal;
    } & Caller,
  ) =>
    | Serializable<Answer<T[K]>>
    | Response
    | Promise<Serializable<Answer<T[K]>> | Response>;
};

/** Records as a handler gives them. */
export type Records<R> = AsyncIterable<R> | Promise<AsyncIterable<R>>;

/**
 * Carries out an operation, which ends with the iteration. Errors that it throws, or that a
 * promise of the records rejects with, are answered by their HTTP status; later ones by the
 * last event. The next record is requested when the client has read those before.
 */
export type OperationHandler<O> = (
  input: Input<O>,
  options: {
    /** Aborts when the client disconnects or the node closes. */
    readonly signal: AbortSignal;
  },
) => Records<Serializable<RecordOf<O>> | EncodedRecords>;

/** A handler of each operation of `T`, by its name. */
export type OperationHandlers<T extends Readonly<Record<string, object>>> = {
  readonly [K in keyof T]: OperationHandler<T[K]>;
};

/** An operation and its handler. */
export interface ServedOperation {
  readonly operation: Operation;
  readonly run: (
    fields: unknown,
    options: { readonly signal: AbortSignal },
  ) => Records<OperationRecord>;
}

/** Binds an operation to its handler. */
export function serveOperation<O extends Operation>(
  operation: O,
  handler: OperationHandler<O>,
): ServedOperation {
  // The input has passed the schema of the operation.
  return { operation, run: handler as ServedOperation["run"] };
}
