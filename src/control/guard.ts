/**
 * Checks every request before it is routed: it must name this server as its host, must
 * not come from a web page, and must have the token where one is required.
 *
 * A page in a browser on this machine can reach loopback. It has no token, and is
 * recognised by its `Origin`, or by its `Host` after DNS rebinding.
 */
import { hash } from "node:crypto";
import { factsOf } from "../core/error_code.ts";
import { detailsOf, VerackError } from "../core/errors.ts";
import { escapeText, jsonLine } from "../core/escape.ts";
import { RequestError } from "../streams/request_error.ts";
import { timingSafeEqual } from "../std/timing_safe_equal.ts";

/** What a listener requires of every request. */
export interface GuardOptions {
  /** Whether `host` (lower case, without port and brackets) is a name of this server. */
  readonly isOwnHost: (host: string) => boolean;
  /** Required token; absent where file permissions decide. */
  readonly token?: string;
}

/** `Sec-Fetch-Site` of no browser, of our own pages, and of a typed address. */
const OWN_SITES: ReadonlySet<string | null> = new Set([
  null,
  "same-origin",
  "none",
]);

/**
 * Returns if the request is allowed.
 *
 * @throws {ApiError} 403 for a foreign host or origin, 401 without the token.
 */
export function guard(request: Request, options: GuardOptions): void {
  const { headers } = request;
  const url = new URL(request.url);
  // The request line may name another host than the header.
  const host = headers.get("host") ?? url.host;
  const named = [host, url.host];
  if (!named.every((it) => options.isOwnHost(hostOf(it)))) {
    throw new ApiError(
      403,
      "foreign-host",
      `Host is "${shown(host)}", must be a name of this server`,
    );
  }
  const origin = headers.get("origin");
  const site = headers.get("sec-fetch-site");
  if (
    !OWN_SITES.has(site) ||
    (origin !== null && origin !== `http://${host}` &&
      origin !== `https://${host}`)
  ) {
    throw new ApiError(
      403,
      "foreign-origin",
      `Origin is "${
        shown(origin ?? site ?? "")
      }", must be absent: web pages may not use this server`,
    );
  }
  if (options.token !== undefined) requireToken(headers, options.token);
}

/** Whether the value of `Authorization` has the token. */
export function isToken(authorization: string | null, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  // Of hashes, so that the time depends on neither the content nor the length.
  return given !== undefined &&
    timingSafeEqual(
      hash("sha256", given, "buffer"),
      hash("sha256", token, "buffer"),
    );
}

function requireToken(headers: Headers, token: string): void {
  const authorization = headers.get("authorization");
  if (isToken(authorization, token)) return;
  throw new ApiError(
    401,
    "unauthorized",
    authorization === null
      ? "There is no token, must be Authorization: Bearer TOKEN"
      : "The token is wrong, must be Authorization: Bearer and the one in this node's token file",
    { "www-authenticate": "Bearer" },
  );
}

/** Without the port and the brackets of an IPv6 address. */
function hostOf(host: string): string {
  return host.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1").toLowerCase();
}

function shown(text: string): string {
  return escapeText(text, { max: 80 });
}

/** Codes of errors that are answered to requests. */
export type ApiErrorCode =
  | "foreign-host"
  | "foreign-origin"
  | "unauthorized"
  | "not-found"
  | "method-not-allowed"
  | "unsupported-media-type"
  | "too-large"
  | "too-slow"
  | "busy"
  | "conflict"
  | "bad-request"
  | "unavailable"
  | "internal";

/** An error as it is answered to a request. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: ApiErrorCode;
  readonly headers: Readonly<Record<string, string>>;

  /** @param message One sentence: what is wrong, and what it must be. */
  constructor(
    status: number,
    code: ApiErrorCode,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.headers = headers;
  }

  /** The response to the request. */
  response(): Response {
    const { status, code, message, headers } = this;
    return jsonResponse({ error: { code, message } }, status, headers);
  }
}

/** A request whose parameters or fields are wrong. */
export function badRequest(message: string): ApiError {
  return new ApiError(400, "bad-request", message);
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

/** A JSON response without control characters for terminals. */
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

/** How an error is answered. */
export interface Refusal {
  readonly status: number;
  readonly body: {
    readonly error: {
      readonly code: string;
      readonly message: string;
      readonly expected?: string | number;
      readonly actual?: string | number;
      readonly remoteCode?: string;
      readonly data?: unknown;
    };
  };
  readonly headers?: Readonly<Record<string, string>>;
}

/** The answer to a request that failed; `undefined` if the error is a bug. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof ApiError) {
    const { status, code, message, headers } = error;
    return { status, body: { error: { code, message } }, headers };
  }
  if (error instanceof VerackError) {
    const { code, message } = error;
    const status = factsOf(code).status ?? 500;
    const details = error instanceof RequestError
      ? { remoteCode: error.remoteCode, data: error.data }
      : detailsOf(error);
    return { status, body: { error: { code, message, ...details } } };
  }
  if (error instanceof RangeError || error instanceof SyntaxError) {
    return refusalOf(badRequest(error.message));
  }
  return undefined;
}

/** The bytes of a field `base64`; a bad request if it is none. */
export function bytesOfBase64(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    throw badRequest("base64 is none, must be base64");
  }
}
