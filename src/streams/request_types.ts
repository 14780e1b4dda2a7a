/** Requests as their users have them: handlers, options, and methods that both ends share. */
import type { PeerId } from "../core/peer_id.ts";
import type { BodyKind } from "./request_format.ts";
import { checkMethod } from "./request_format.ts";
import { requireSchema, type StandardSchema } from "./standard_schema.ts";

/** What a handler is told about a request, beside its body. */
export interface RequestContext {
  /** The caller, whose key is verified. */
  readonly peer: PeerId;
  readonly method: string;
  /** What the body is: nothing, bytes, text or a JSON value. */
  readonly kind: BodyKind;
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

/** Bounds of one method at the serving node. */
export interface ServeLimits {
  /** Requests that are handled at a time; more get `full`. @default {1024} */
  readonly maxConcurrent?: number;
  /** The longest that a handler gets, milliseconds, if the caller waits longer. @default none */
  readonly timeoutMs?: number;
}

/** Options of `Node.serve`. */
export interface ServeOptions<Body = unknown, Answer = unknown>
  extends ServeLimits {
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

/** A method that both ends share: its name, and the schemas of its body and its answer. */
export interface RequestMethod<
  Input extends StandardSchema = StandardSchema,
  Output extends StandardSchema = StandardSchema,
> {
  readonly name: string;
  /** The caller's body must match it; the handler gets what it makes of the body. */
  readonly input: Input;
  /** The handler's answer must match it; the caller gets what it makes of the answer. */
  readonly output: Output;
}

/** What a schema takes. */
export type SchemaInput<S extends StandardSchema> = NonNullable<
  S["~standard"]["types"]
>["input"];

/** What a schema gives. */
export type SchemaOutput<S extends StandardSchema> = NonNullable<
  S["~standard"]["types"]
>["output"];

/**
 * A method that both ends share: `node.serve(method, handler)` and `node.request(peer, method,
 * body)` take their types from its schemas, and check them.
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
export function defineMethod<
  Input extends StandardSchema,
  Output extends StandardSchema,
>(
  name: string,
  schemas: { readonly input: Input; readonly output: Output },
): RequestMethod<Input, Output> {
  checkMethod(name);
  requireSchema("input", schemas.input);
  requireSchema("output", schemas.output);
  return { name, input: schemas.input, output: schemas.output };
}
