/** Checks what a request carries against the schema of its endpoint. */
import * as v from "npm:valibot@1.5.0";
import type { BodyReader } from "./body.ts";
import type { Endpoint, Fields } from "./api.ts";
import { MAX_BODY_BYTES } from "../wire/wire_limits.ts";
import { badRequest } from "./refusal.ts";

const MAX_SHOWN_CHARS = 64;

/** What a request carries. */
export interface RequestInput {
  readonly fields: unknown;
  /** The body, if it is `application/octet-stream`. */
  readonly bytes?: Uint8Array;
}

/**
 * The input of a request.
 *
 * @throws `Refusal` 400 that names the field, its value and what was wanted; 415, 413,
 * 408 or 503 as {@linkcode BodyReader} does.
 */
export async function readInput(
  endpoint: Endpoint,
  request: Request,
  bodies: BodyReader,
): Promise<RequestInput> {
  const { method, input, binaryInput } = endpoint;
  const query = new URL(request.url).searchParams;
  if (method === "GET") return { fields: check(input, once(query), "query") };
  if (binaryInput !== undefined && bodies.isBinary(request)) {
    const fields = check(binaryInput, once(query), "query");
    return { fields, bytes: await bodies.bytes(request, MAX_BODY_BYTES) };
  }
  check({}, once(query), "query");
  return { fields: check(input, await bodies.object(request), "body") };
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

/** What is wrong, and what was wanted. */
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

/** @throws {Refusal} 400 when a parameter is given more than once. */
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
