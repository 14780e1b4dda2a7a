/**
 * Who may ask: a request must name this server as its host, must not come from a
 * web page, and must show the token where one is needed. What is asked for is
 * judged after that, in `routes.ts`.
 *
 * A page in a browser on this machine can reach loopback. Its scripts cannot
 * read our token, and the name it was loaded under (`Host`, for a name made to
 * point here: DNS rebinding) or its origin (`Origin`) give it away.
 */
import { hash } from "node:crypto";
import { timingSafeEqual } from "../std/timing_safe_equal.ts";
import { escapeText } from "../core/escape.ts";
import { Refusal } from "./refusal.ts";

/** What a server asks of every request. */
export interface GuardOptions {
  /** Whether `host` (no port, IPv6 in brackets) is a name of this server. */
  readonly isOwnHost: (host: string) => boolean;
  /** Must be shown; absent where the file system decides who gets through. */
  readonly token?: string;
}

/** Sites whose requests a browser calls our own: ours, and a person typing. */
const OWN_SITES: ReadonlySet<string | null> = new Set([
  null,
  "same-origin",
  "none",
]);

/**
 * Lets a request through.
 *
 * @throws {Refusal} 403 for a foreign host or origin, 401 without the token.
 */
export function guard(request: Request, options: GuardOptions): void {
  const { headers } = request;
  const url = new URL(request.url);
  // Both: a request line may name another host than the header.
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

/** Names of a server that only this machine can reach. */
export function isLoopbackName(host: string): boolean {
  return host === "localhost" || host === "[::1]" ||
    /^127(\.\d{1,3}){3}$/.test(host);
}

/** Whether the value of `Authorization` shows the token. */
export function isToken(authorization: string | null, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  // By hashes, so that neither the content nor the length shows in the time.
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
