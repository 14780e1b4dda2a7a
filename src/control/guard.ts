/**
 * Checks every request before it is routed: it must name this server as its host, must
 * not come from a web page, and must have the token where one is required.
 *
 * A page in a browser on this machine can reach loopback. It has no token, and is
 * recognised by its `Origin`, or by its `Host` after DNS rebinding.
 */
import { hash } from "node:crypto";
import { timingSafeEqual } from "../std/timing_safe_equal.ts";
import { escapeText } from "../core/escape.ts";
import { Refusal } from "./refusal.ts";

/** What a listener requires of every request. */
export interface GuardOptions {
  /** Whether `host` (no port, IPv6 in brackets) is a name of this server. */
  readonly isOwnHost: (host: string) => boolean;
  /** Required token; absent where file permissions decide. */
  readonly token?: string;
}

/** `Sec-Fetch-Site` of no browser, of our own pages, and of an address typed in. */
const OWN_SITES: ReadonlySet<string | null> = new Set([
  null,
  "same-origin",
  "none",
]);

/**
 * Returns if the request is allowed.
 *
 * @throws {Refusal} 403 for a foreign host or origin, 401 without the token.
 */
export function guard(request: Request, options: GuardOptions): void {
  const { headers } = request;
  const url = new URL(request.url);
  // The request line may name another host than the header.
  const host = headers.get("host") ?? url.host;
  const named = [hostOf(host), url.hostname];
  if (!named.every((it) => options.isOwnHost(it.toLowerCase()))) {
    throw new Refusal(
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
    throw new Refusal(
      403,
      "foreign-origin",
      `Origin is "${
        shown(origin ?? site ?? "")
      }", must be absent: web pages may not use this server`,
    );
  }
  if (options.token !== undefined) requireToken(headers, options.token);
}

/** Whether a host name, without port, means loopback. */
export function isLoopbackName(host: string): boolean {
  return host === "localhost" || host === "[::1]" ||
    /^127(\.\d{1,3}){3}$/.test(host);
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
  throw new Refusal(
    401,
    "unauthorized",
    authorization === null
      ? "There is no token, must be Authorization: Bearer TOKEN"
      : "The token is wrong, must be Authorization: Bearer and the one in this node's token file",
    { "www-authenticate": "Bearer" },
  );
}

/** Without the port. */
function hostOf(host: string): string {
  return host.replace(/:\d*$/, "");
}

function shown(text: string): string {
  return escapeText(text, { max: 80 });
}
