/** Requests as their users have them: handlers, options, and methods that both ends share. */
import type { PeerId } from "../core/peer_id.ts";
import { checkMethod } from "./request_format.ts";
import { requireSchema, type StandardSchema } from "./standard_schema.ts";

/** What a handler gets beside the body of a request. */
export interface RequestContext {
  /** The caller, whose key is verified. */
  readonly peer: PeerId;
  /** The method that was requested. */
  readonly method: string;
  /** What the body is: nothing, bytes, text or a JSON value. */
  readonly kind: "none" | "bytes" | "text" | "json";
  /**
   * Aborts when the answer is no longer of use: the caller aborted, its deadline passed, the
   * session was lost, or a node closes.
   */
  readonly signal: AbortSignal;
}

/**
 * Answers the requests for one method with what it returns: bytes, text, a JSON value, or
 * `undefined`. When it throws, the caller gets the error; see {@linkcode RequestError}.
 */
export type RequestHandler<Body = unknown, Answer = unknown> = (
  body: Body,
  context: RequestContext,
) => Answer | Promise<Answer>;

/** Options of `Node.serve`. */
export interface ServeOptions<Body = unknown, Answer = unknown> {
  /** Requests that are handled at a time; more get `full`. @default {1024} */
  readonly maxConcurrent?: number;
  /** The longest that a handler gets, milliseconds, if the caller waits longer. @default none */
  readonly timeoutMs?: number;
  /**
   * Bodies that do not match get `bad-input`, and the handler gets what the schema makes of the
   * others. Any Standard Schema: Valibot, Zod, ArkType.
   */
  readonly input?: StandardSchema<unknown, Body>;
  /** Answers must match it; what is wrong gets `bad-output`. They are sent as they are. */
  readonly output?: StandardSchema<Answer, unknown>;
}

/** Options of `Node.request`. */
export interface RequestOptions<Answer = unknown> {
  /** How long to wait for the answer, milliseconds. @default {30000} */
  readonly timeoutMs?: number;
  /** Aborts the request, at the handler too. */
  readonly signal?: AbortSignal;
  /** Answers must match it, else the request fails with `bad-output`; gives the answer its type. */
  readonly output?: StandardSchema<unknown, Answer>;
}

/** A method that both ends share; see {@linkcode defineMethod}. */
export interface RequestMethod<
  Input = unknown,
  Body = unknown,
  Result = unknown,
  Answer = unknown,
> {
  /** Its name on the wire. */
  readonly name: string;
  /** The caller's body must match it; the handler gets what it makes of the body. */
  readonly input: StandardSchema<Input, Body>;
  /** The handler's result must match it; the caller gets what it makes of the result. */
  readonly output: StandardSchema<Result, Answer>;
}

/**
 * `Node.serve`: answers requests of peers for a method, until the result is disposed of; requests
 * that are being handled go on. A method without a handler gets `unknown-method`, and `full` is
 * what peers get while too many requests are handled: in all, of one peer, or of the method.
 */
export interface ServeFunction {
  /**
   * Serves a method that both ends share; see {@linkcode defineMethod}.
   *
   * @throws {TypeError} when the method is served already.
   */
  <Input, Body, Result, Answer>(
    method: RequestMethod<Input, Body, Result, Answer>,
    handler: RequestHandler<Body, Result>,
    options?: Omit<ServeOptions, "input" | "output">,
  ): Disposable;
  /**
   * Serves a method. Without schemas in the options nothing is checked: what its type says of the
   * body is what the handler assumes.
   *
   * @param method 1 to 128 bytes of text that can be seen.
   * @throws {TypeError} when the method is served already, or a schema is none.
   * @throws {RangeError} when its name, `maxConcurrent` or `timeoutMs` is out of range.
   */
  <Body = unknown, Answer = unknown>(
    method: string,
    handler: RequestHandler<Body, Answer>,
    options?: ServeOptions<Body, Answer>,
  ): Disposable;
}

/**
 * `Node.request`: sends a request to a connected peer, selected by its name or its id, and resolves
 * with the answer. At most 128 requests to a peer are under way; more wait for them.
 *
 * Rejects with a {@linkcode RequestError} when the handler failed, and with a `VerackError` else:
 * `unknown-method`, `bad-input` or `bad-output` when a schema at either end refuses, `full` when the
 * peer handles too many, `timeout`, `aborted`, `session-lost`; `not-connected`, `unknown-peer`,
 * `ambiguous`, `denied` and `unsupported` when it was not sent; `stopped` when this node closes;
 * `malformed` or `oversize` when the peer's answer breaks the protocol. A request whose session was
 * lost may have been handled; it is not sent again.
 */
export interface RequestFunction {
  /**
   * Requests a method that both ends share; see {@linkcode defineMethod}. The body may be left
   * out where its schema takes `undefined`.
   */
  <Input, Body, Result, Answer>(
    peer: string,
    method: RequestMethod<Input, Body, Result, Answer>,
    ...rest: undefined extends Input
      ? [body?: NoInfer<Input>, options?: Omit<RequestOptions, "output">]
      : [body: NoInfer<Input>, options?: Omit<RequestOptions, "output">]
  ): Promise<Answer>;
  /**
   * Requests a method. Without a schema in the options the type of the answer is not checked.
   *
   * @param body Bytes, text, a JSON value or `undefined`; at most 4,000,000 bytes.
   * @throws {RangeError} when the body is too long, or the method or `timeoutMs` out of range.
   * @throws {TypeError} when the body has no JSON, or is text with lone surrogates.
   */
  <Answer = unknown>(
    peer: string,
    method: string,
    body?: unknown,
    options?: RequestOptions<Answer>,
  ): Promise<Answer>;
}

/**
 * A method that both ends share: `node.serve(method, handler)` and `node.request(peer, method,
 * body)` take their types from its schemas, and check them. Each is any Standard Schema of what is
 * sent: the sender's value must match it, and the receiver gets what the schema makes of it.
 *
 * @throws {RangeError} when the name cannot be used.
 * @throws {TypeError} when a schema is none.
 *
 * @example
 * ```ts
 * import { defineMethod } from "./request_types.ts";
 * import * as v from "npm:valibot@1.5.0";
 *
 * const add = defineMethod("add", {
 *   input: v.object({ a: v.number(), b: v.number() }),
 *   output: v.number(),
 * });
 * console.assert(add.name === "add");
 * ```
 */
export function defineMethod<Input, Body, Result, Answer>(
  name: string,
  schemas: {
    readonly input: StandardSchema<Input, Body>;
    readonly output: StandardSchema<Result, Answer>;
  },
): RequestMethod<Input, Body, Result, Answer>;
/**
 * A method without a body; a request with one gets `bad-input`.
 *
 * @throws {RangeError} when the name cannot be used.
 * @throws {TypeError} when the schema is none.
 */
export function defineMethod<Result, Answer>(
  name: string,
  schemas: {
    readonly input?: undefined;
    readonly output: StandardSchema<Result, Answer>;
  },
): RequestMethod<undefined, undefined, Result, Answer>;
export function defineMethod(
  name: string,
  { input = NO_BODY, output }: {
    readonly input?: StandardSchema | undefined;
    readonly output: StandardSchema;
  },
): RequestMethod {
  checkMethod(name);
  requireSchema("input", input);
  requireSchema("output", output);
  return { name, input, output };
}

const NO_BODY: StandardSchema<undefined> = {
  "~standard": {
    version: 1,
    vendor: "verack",
    validate: (value) =>
      value === undefined
        ? { value }
        : { issues: [{ message: "the method takes no body" }] },
  },
};
