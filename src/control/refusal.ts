/**
 * Refusing a request: the status, a stable code and a sentence, always as
 * `{ "error": { "code", "message" } }`. Why a request is refused is up to
 * `guard.ts` (who asks), `body.ts` (what it carries) and the routes.
 */
import { factsOf } from "../core/error_code.ts";
import { VerackError } from "../core/errors.ts";
import { jsonLine } from "../core/escape.ts";

/** Why requests are refused before anybody acts on them. */
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

/** Sent with everything: nothing here is for a browser to show, keep or embed. */
const HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** A JSON answer; harmless also in a terminal. */
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

/** An answer that goes on: server-sent events. */
export function streamResponse(body: ReadableStream<Uint8Array>): Response {
  return new Response(body, {
    headers: { ...HEADERS, "content-type": "text/event-stream" },
  });
}

/**
 * The answer to a request that failed. What is our own fault says no more than
 * that; `undefined` stands for it, so that the caller can log it.
 */
export function errorResponse(error: unknown): Response | undefined {
  if (error instanceof Refusal) {
    const { status, code, message, headers } = error;
    return jsonResponse({ error: { code, message } }, status, headers);
  }
  if (error instanceof VerackError) {
    const { code, message } = error;
    const status = factsOf(code).status ?? 500;
    return jsonResponse({ error: { code, message } }, status);
  }
  if (error instanceof RangeError || error instanceof SyntaxError) {
    const { message } = error;
    return jsonResponse({ error: { code: "bad-request", message } }, 400);
  }
  return undefined;
}
