/**
 * How a request at a port shows that its browser is signed in: by a cookie that scripts cannot
 * read, and by a page key in a header, which other origins cannot send. Either alone proves
 * nothing: cookies go to all ports of a host, and scripts can read the key.
 */
import type { PeerId } from "../core/peer_id.ts";
import { MAX_PAGE_COOKIES } from "./control_limits.ts";
import type { PageSession, PageSessions, PageSignIn } from "./page_sessions.ts";

/** The header with the page key. */
export const PAGE_KEY_HEADER = "verack-page-key";

/** The path at which a browser signs in, the one request of the API that needs no sign-in. */
export const SIGN_IN_PATH = "/v1/page/sign-in";

/** Digits of the node's id in the name of the cookie. */
const ID_DIGITS = 16;

/** The sign-ins of one port. */
export class PageAccess {
  /** Of the addresses of the page. */
  readonly scheme: "http" | "https";
  readonly #sessions: PageSessions;
  /**
   * One of this node, as a host may have several. With TLS the prefix `__Host-` (RFC 6265bis
   * §4.1.3.2) keeps other hosts of the domain and plain HTTP from setting it.
   */
  readonly #cookieName: string;

  /** @param id Of the node. */
  constructor(
    sessions: PageSessions,
    { id, isSecure }: { readonly id: PeerId; readonly isSecure: boolean },
  ) {
    this.#sessions = sessions;
    this.scheme = isSecure ? "https" : "http";
    const name = `verack-${id.slice(0, ID_DIGITS)}`;
    this.#cookieName = isSecure ? `__Host-${name}` : name;
  }

  /** The session that the cookie and the key of a request belong to. */
  sessionOf(headers: Headers): PageSession | undefined {
    const key = headers.get(PAGE_KEY_HEADER);
    const cookies = cookiesOf(headers, this.#cookieName);
    if (key === null || cookies.length === 0) return undefined;
    return this.#sessions.find({ cookies, key });
  }

  /** The value of `Set-Cookie` after a sign-in. */
  setCookie({ cookie, lifetimeMs }: PageSignIn): string {
    return this.#cookie(cookie, Math.floor(lifetimeMs / 1_000));
  }

  /** The value of `Set-Cookie` that removes the cookie. */
  clearCookie(): string {
    return this.#cookie("", 0);
  }

  #cookie(value: string, maxAgeS: number): string {
    return [
      `${this.#cookieName}=${value}`,
      "Path=/",
      `Max-Age=${maxAgeS}`,
      "HttpOnly",
      "SameSite=Strict",
      ...(this.scheme === "https" ? ["Secure"] : []),
    ].join("; ");
  }
}

/** The values of all cookies of this name, the first {@linkcode MAX_PAGE_COOKIES}. */
function cookiesOf(headers: Headers, name: string): string[] {
  // Several headers are joined by a comma, which no value of ours has.
  return (headers.get("cookie") ?? "").split(/[;,]/)
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .slice(0, MAX_PAGE_COOKIES)
    .map((pair) => pair.slice(name.length + 1));
}
