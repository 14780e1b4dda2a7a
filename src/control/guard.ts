/**
 * Checks every request before it is routed: it must name this server as its host, must
 * not come from a web page but its own, and must have the token or a sign-in of the page where
 * one is required.
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
import {
  PAGE_KEY_HEADER,
  type PageAccess,
  SIGN_IN_PATH,
} from "./page_access.ts";
import type { PageSession } from "./page_sessions.ts";

/** What a listener requires of every request. */
export interface GuardOptions {
  /** Whether `host` (lower case, without port and brackets) is a name of this server. */
  readonly isOwnHost: (host: string) => boolean;
  /** Absent where file permissions decide. */
  readonly required?: {
    /** The token of the API; without one only the page can be used. */
    readonly token?: string;
    /** The sign-ins of the page, in the place of a token. */
    readonly page: PageAccess;
  };
}

/** The rights with which a request is made. */
export type Access =
  /** The user that runs the node: by the token, or by the permissions of files. */
  | { readonly kind: "owner" }
  /** A browser that is signed in. */
  | { readonly kind: "page"; readonly session: PageSession }
  /** Without any sign-in: files of the page, and the sign-in itself. */
  | { readonly kind: "public" };

/** `Sec-Fetch-Site` of no browser, of our own pages, and of a typed address. */
const OWN_SITES: ReadonlySet<string | null> = new Set([
  null,
  "same-origin",
  "none",
]);

/**
 * Returns if the request is allowed.
 *
 * @throws {ApiError} 403 for a foreign host or origin, 401 without the token or a sign-in.
 */
export function guard(request: Request, options: GuardOptions): Access {
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
    !OWN_SITES.has(site) && !isVisit(request, url) ||
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
  // Any browser may have what ends a service worker that is not ours.
  if (isWorkerRequest(request)) return { kind: "public" };
  const { required } = options;
  if (required === undefined) return { kind: "owner" };
  const authorization = headers.get("authorization");
  if (required.token !== undefined && isToken(authorization, required.token)) {
    return { kind: "owner" };
  }
  const session = required.page.sessionOf(headers);
  if (session !== undefined) return { kind: "page", session };
  if (isPagePath(url.pathname) || url.pathname === SIGN_IN_PATH) {
    return { kind: "public" };
  }
  throw unauthorized(headers);
}

/**
 * Whether a link to the page itself was followed, from wherever: it shows what all may see, in
 * a window of its own.
 */
function isVisit({ method, headers }: Request, { pathname }: URL): boolean {
  return method === "GET" && pathname === "/" &&
    headers.get("sec-fetch-mode") === "navigate" &&
    headers.get("sec-fetch-dest") === "document";
}

/**
 * Whether this is a browser's request for the script of a service worker (Service Workers §5.2);
 * the page has none.
 */
export function isWorkerRequest({ method, headers }: Request): boolean {
  return method === "GET" && headers.get("service-worker") === "script";
}

/** Whether a path is one of files of the page. */
export function isPagePath(path: string): boolean {
  return path === "/" || path.startsWith("/page/");
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

function unauthorized(headers: Headers): ApiError {
  const message = headers.has("authorization")
    ? "The token is wrong, must be Authorization: Bearer and the one in this node's token file"
    : headers.has(PAGE_KEY_HEADER)
    ? 'This browser is not signed in, or no longer; "verack open" gives an address that signs it in'
    : "There is no token, must be Authorization: Bearer TOKEN";
  const challenge = { "www-authenticate": "Bearer" };
  return new ApiError(401, "unauthorized", message, challenge);
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
  | "owner-only"
  | "wrong-code"
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

/** A request with wrong parameters or fields. */
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

/** A response of text, which has no characters for terminals. */
export function textResponse(text: string, type: string): Response {
  const bytes = new TextEncoder().encode(text);
  return new Response(bytes, {
    headers: {
      ...HEADERS,
      "content-length": `${bytes.length}`,
      "content-type": type,
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
