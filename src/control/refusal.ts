/**
 * Responses of the control API: JSON, streams of events, and errors as
 * `{ "error": { "code", "message", "expected", "actual" } }` with a status.
 */
import { factsOf } from "../core/error_code.ts";
import { detailsOf, VerackError } from "../core/errors.ts";
import { jsonLine } from "../core/escape.ts";

/** Codes of requests that are not carried out. */
export type RefusalCode =
  | "foreign-host"
  | "foreign-origin"
  | "unauthorized"
  | "not-found"
  | "method-not-allowed"
  | "unsupported-media-type"
  | "too-large"
  | "too-slow"
  | "busy"
  | "bad-request"
  | "unavailable"
  | "internal";

/** A request that is not carried out. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: RefusalCode;
  readonly headers: Readonly<Record<string, string>>;

  /** @param message One sentence: what was wrong, what it must be. */
  constructor(
    status: number,
    code: RefusalCode,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = "Refusal";
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** A request whose parameters or fields are wrong. */
export function badRequest(message: string): Refusal {
  return new Refusal(400, "bad-request", message);
}

/** On every response: browsers must not show, cache or embed it. */
const HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** A JSON response, which has no control characters that a terminal obeys. */
export function jsonResponse(
  value: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const bytes = new TextEncoder().encode(`${jsonLine(value)}\n`);
  return new Response(bytes, {
    status,
    headers: {
      ...HEADERS,
      "content-length": `${bytes.length}`,
      "content-type": "application/json",
      ...headers,
    },
  });
}

/** A response of server-sent events. */
export function streamResponse(body: ReadableStream<Uint8Array>): Response {
  return new Response(body, {
    headers: { ...HEADERS, "content-type": "text/event-stream" },
  });
}

/** The response to a request that failed; `undefined` if the error is a bug. */
export function errorResponse(error: unknown): Response | undefined {
  if (error instanceof Refusal) {
    const { status, code, message, headers } = error;
    return jsonResponse({ error: { code, message } }, status, headers);
  }
  if (error instanceof VerackError) {
    const { code, message } = error;
    const status = factsOf(code).status ?? 500;
    const details = detailsOf(error);
    return jsonResponse({ error: { code, message, ...details } }, status);
  }
  if (error instanceof RangeError || error instanceof SyntaxError) {
    const { message } = error;
    return jsonResponse({ error: { code: "bad-request", message } }, 400);
  }
  return undefined;
}
