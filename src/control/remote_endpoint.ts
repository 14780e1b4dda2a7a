/**
 * The endpoint of a node on another machine, by its URL and token, and why a node cannot be
 * reached.
 */
import { messageOf, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { isLoopbackHost } from "../transport/scope.ts";
import { missingFlag } from "../transport/net_errors.ts";
import { clockFault } from "../transport/tls_errors.ts";
import { type ControlEndpoint, notRunning, TOKEN } from "./control_endpoint.ts";

/** Options of {@linkcode ControlClient.connect}. */
export interface ControlConnectOptions {
  /** Where the node's control API listens: `https://HOST:PORT`; on loopback also `http:`. */
  readonly url: string | URL;
  /** The text in its `control.token`. */
  readonly token: string;
  /**
   * Certificates in PEM that are trusted besides the authorities of Deno: that of an authority,
   * or that of the node itself.
   */
  readonly caCerts?: readonly string[];
}

/** Paths of the URLs that a node prints, and of those that are typed. */
const PATHS: readonly string[] = ["/", "/v1", "/v1/"];

/** What is wrong with a certificate, by the texts of rustls. */
const CERTIFICATE_FAULTS: readonly (readonly [text: RegExp, why: string])[] = [
  [
    /UnknownIssuer|BadSignature/,
    "its certificate is not trusted here, must be, or that of the authority which issued it",
  ],
  [
    /CaUsedAsEndEntity/,
    "its certificate is that of an authority, must have basicConstraints=CA:FALSE",
  ],
  [
    /not valid for name/i,
    "its certificate is not for this host, must have it in its subjectAltName",
  ],
  [/Expired/, "its certificate has expired"],
  [/NotValidYet/, "its certificate is not valid yet"],
];

/**
 * The endpoint at a URL.
 *
 * @throws {RangeError} when the URL or the token is none.
 * @throws {VerackError} `unsafe` for `http:` to another machine.
 */
export function remoteEndpoint(
  { url: given, token, caCerts }: ControlConnectOptions,
): ControlEndpoint {
  const shown = `"${escapeText(`${given}`, { max: 300 })}"`;
  const url = URL.parse(given);
  const isPlain = url?.protocol === "http:";
  const fits = url !== null && (isPlain || url.protocol === "https:") &&
    PATHS.includes(url.pathname) &&
    url.username + url.password + url.search + url.hash === "";
  if (!fits) {
    throw new RangeError(
      `The URL of the node is ${shown}, must be https://HOST:PORT`,
    );
  }
  if (!TOKEN.test(token)) {
    // Not shown: it may be most of a secret.
    throw new RangeError("The token must be printable characters only");
  }
  if (isPlain && !isLoopbackHost(url.hostname.replace(/^\[(.*)\]$/, "$1"))) {
    throw new VerackError(
      "unsafe",
      `Cannot connect to ${shown}: the token would go over the network unencrypted, must be https: (http: is for 127.0.0.1, [::1] and localhost)`,
    );
  }
  return {
    url: url.origin,
    label: `at ${url.origin}`,
    token,
    ...(caCerts !== undefined && { caCerts }),
  };
}

/** The error for a request that did not reach the node. */
export function unreachableNode(
  error: unknown,
  { label, directory }: ControlEndpoint,
): VerackError {
  const refused = error instanceof Deno.errors.NotCapable;
  // Nothing listens on the socket: the process that made it has died.
  if (directory !== undefined && !refused) return notRunning(directory);
  // The error of `fetch` itself says no more than that it failed.
  const cause = error instanceof Error ? error.cause ?? error : error;
  const message = messageOf(refused ? error : cause);
  if (refused) {
    const flag = escapeText(missingFlag(message), { max: 1_000 });
    return new VerackError(
      "permission",
      `Cannot reach a node ${label}: ${flag}`,
      { cause: error },
    );
  }
  const [, fault] = /invalid peer certificate: (.*)/s.exec(message) ?? [];
  if (fault !== undefined) {
    const why = clockFault() ??
      CERTIFICATE_FAULTS.find(([text]) => text.test(fault))?.[1] ??
      "its certificate is refused";
    return new VerackError(
      "bad-certificate",
      `Cannot reach a node ${label}: ${why} (${
        escapeText(fault, { max: 300 })
      })`,
      { cause: error },
    );
  }
  // The last part is the error of the system; what comes before names the URL again.
  const why = /redirect mode/.test(message)
    ? "it redirects to another address, which does not get the token; must be the URL of the node itself"
    : message.split(": ").at(-1) ?? message;
  return new VerackError(
    "connection-refused",
    `Cannot reach a node ${label}: ${escapeText(why, { max: 300 })}`,
    { cause: error },
  );
}
