/** Checks the query and body of a request against the schema of its endpoint. */
import * as v from "npm:valibot@1.5.0";
import { type Clock, deadline } from "../core/clock.ts";
import {
  CONTROL_BODY_TIMEOUT_MS,
  MAX_CONTROL_BODIES_BYTES,
  MAX_CONTROL_JSON_BYTES,
} from "./control_limits.ts";
import { MAX_BODY_BYTES } from "../wire/wire_limits.ts";
import type { Endpoint, Fields } from "./api/endpoint.ts";
import { ApiError, badRequest } from "./guard.ts";

const MAX_SHOWN_CHARS = 64;

/** A string with the colon after it, or a bracket, of JSON. */
const TOKEN = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g;

/** The query and body of a request. */
export interface RequestInput {
  readonly fields: unknown;
  /** The body, if it is `application/octet-stream`. */
  readonly bytes?: Uint8Array;
}

/**
 * The input of a request.
 *
 * @throws `ApiError` 400 that names the field, its value and what is allowed; 415, 413, 408 or
 * 503 as {@linkcode BodyReader} does.
 */
export async function readInput(
  endpoint: Pick<
    Endpoint,
    "method" | "input" | "binaryInput" | "maxBytes"
  >,
  request: Request,
  bodies: BodyReader,
): Promise<RequestInput> {
  const { method, input, binaryInput, maxBytes } = endpoint;
  const query = new URL(request.url).searchParams;
  if (method === "GET") return { fields: check(input, once(query), "query") };
  if (binaryInput !== undefined && bodies.isBinary(request)) {
    const fields = check(binaryInput, once(query), "query");
    return { fields, bytes: await bodies.bytes(request, MAX_BODY_BYTES) };
  }
  check({}, once(query), "query");
  return {
    fields: check(input, await bodies.object(request, maxBytes), "body"),
  };
}

function check(
  fields: Fields,
  value: unknown,
  place: "query" | "body",
): unknown {
  const { success, output, issues } = v.safeParse(
    v.strictObject(fields),
    value,
  );
  if (success) return output;
  const issue = issues.find(isUnknown) ?? issues[0];
  throw badRequest(explain(issue, place, Object.keys(fields)));
}

/** What is wrong, and what is allowed. */
function explain(
  issue: v.BaseIssue<unknown>,
  place: "query" | "body",
  names: readonly string[],
): string {
  const { key, value } = issue.path?.[0] ?? { key: place, value: undefined };
  if (isUnknown(issue)) {
    return `There is no field ${shown(key)} (it is ${shown(value)}) here, ${
      names.length === 0
        ? `the ${place} must be empty`
        : `must be one of ${names.join(", ")}`
    }`;
  }
  return value === undefined
    ? `The ${place} must have ${key}`
    : `${key} is ${shown(value)}, must be ${issue.message}`;
}

function isUnknown({ type, expected }: v.BaseIssue<unknown>): boolean {
  return type === "strict_object" && expected === "never";
}

/** @throws {ApiError} 400 when a parameter is given more than once. */
function once(query: URLSearchParams): Record<string, string> {
  for (const name of query.keys()) {
    if (query.getAll(name).length === 1) continue;
    throw badRequest(
      `The query has ${shown(name)} more than once, must have it once`,
    );
  }
  return Object.fromEntries(query);
}

function shown(value: unknown): string {
  const text = typeof value === "number"
    ? `${value}`
    : JSON.stringify(value) ?? "nothing";
  return text.length <= MAX_SHOWN_CHARS
    ? text
    : `${text.slice(0, MAX_SHOWN_CHARS).toWellFormed()}…`;
}

const JSON_TYPE = "application/json";
const BINARY_TYPE = "application/octet-stream";

/** Reads the bodies of one server, within a common budget of bytes. */
export class BodyReader {
  readonly #clock: Clock;
  #held = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the body of a request is `application/octet-stream`. */
  isBinary(request: Request): boolean {
    return typeOf(request) === BINARY_TYPE;
  }

  /**
   * A JSON object, in which no field is repeated; `{}` for an empty body.
   *
   * @throws {ApiError} 415, 413, 408, 503, or 400 when it is no such object.
   */
  async object(
    request: Request,
    maxBytes: number = MAX_CONTROL_JSON_BYTES,
  ): Promise<object> {
    const type = typeOf(request);
    if (type !== undefined && type !== JSON_TYPE) throw wrongType(type);
    const bytes = await this.bytes(request, maxBytes);
    if (bytes.length === 0) return {};
    if (type === undefined) throw wrongType(type);
    let text: string;
    let value: unknown;
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      value = JSON.parse(text);
    } catch {
      throw badRequest("The body is no JSON in UTF-8");
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw badRequest("The body must be a JSON object");
    }
    if (hasRepeatedField(value, text)) {
      throw badRequest("A field is given more than once, must be given once");
    }
    return value;
  }

  /**
   * A body of any type, as it is.
   *
   * @throws {ApiError} 413, 408 or 503.
   */
  async bytes(
    request: Request,
    maxBytes: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const announced = Number(request.headers.get("content-length") ?? 0);
    if (!(announced <= maxBytes)) throw tooLarge(maxBytes);
    if (request.body === null) return new Uint8Array(0);
    using limit = deadline(this.#clock, CONTROL_BODY_TIMEOUT_MS);
    const { signal } = limit;
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    try {
      const body = request.body.pipeThrough(new TransformStream(), { signal });
      for await (const chunk of body) {
        length += chunk.length;
        this.#held += chunk.length;
        if (length > maxBytes) throw tooLarge(maxBytes);
        if (this.#held > MAX_CONTROL_BODIES_BYTES) {
          throw new ApiError(503, "busy", "Too many bodies are being read");
        }
        chunks.push(chunk);
      }
      return new Uint8Array(await new Blob(chunks).arrayBuffer());
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new ApiError(
        408,
        "too-slow",
        `The body did not come within ${CONTROL_BODY_TIMEOUT_MS} ms`,
      );
    } finally {
      this.#held -= length;
    }
  }
}

/**
 * Whether the JSON of an object names a field of the object twice: `JSON.parse` takes the last of
 * several, other parsers the first. Fields of values in it are not compared.
 */
function hasRepeatedField(value: object, text: string): boolean {
  let depth = 0;
  let count = 0;
  // Strings as a whole, as brackets in them are text; only names stand before a colon.
  for (const [token, colon] of text.matchAll(TOKEN)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (colon !== undefined && depth === 1) count++;
  }
  return count !== Object.keys(value).length;
}

function typeOf(request: Request): string | undefined {
  const type = request.headers.get("content-type");
  return type?.split(";", 1)[0]?.trim().toLowerCase();
}

function wrongType(type: string | undefined): ApiError {
  return new ApiError(
    415,
    "unsupported-media-type",
    `Content-Type is ${
      type === undefined ? "absent" : JSON.stringify(type)
    }, must be ${JSON_TYPE}`,
  );
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError(
    413,
    "too-large",
    `The body is too large, must be at most ${maxBytes} bytes`,
  );
}
