/**
 * Error messages for failed TLS handshakes, from the texts of rustls, the answer of an endpoint
 * that does not speak TLS, and the clock.
 */
import { type Clock, systemClock } from "../core/clock.ts";
import type { ErrorCode } from "../core/errors.ts";

/**
 * The one ALPN protocol that verack speaks (RFC 7301). Offered by both ends and checked
 * by both: neither Deno nor Node requires that the other end took part in ALPN at all.
 */
export const ALPN_PROTOCOL = "verack/1";

/** First moment of every certificate of this program, milliseconds since the Unix epoch. */
export const CERTIFICATES_VALID_FROM_MS = 86_400_000;

/** Texts with which protocols answer or greet, and the message for each. */
const GREETINGS: readonly (readonly [begin: RegExp, name: string])[] = [
  [/^(HTTP\/\d|<!doctype|<html)/i, "HTTP"],
  [/^SSH-\d/, "SSH"],
  [/^220[ -].*(SMTP|mail)/i, "SMTP"],
  [/^220[ -]/, "FTP or SMTP"],
  [/^\+OK/, "POP3"],
  [/^\* OK/, "IMAP"],
  [/^-ERR/, "Redis"],
  [/^INFO \{/, "NATS"],
];

/** The first byte of every TLS record that may answer a ClientHello: alert, handshake, change of cipher. */
const TLS_RECORD_TYPES: readonly number[] = [0x14, 0x15, 0x16];

const latin1 = new TextDecoder("latin1");

/** The other end speaks TLS, but nothing of ours over it. */
export const NOT_VERACK =
  `the other end speaks TLS but not ${ALPN_PROTOCOL}, so this is not the port of a verack node (perhaps that of its control API); check host and port`;

/** Texts of rustls; `received fatal alert` is sent by the other end, the rest is found here. */
const FAILURES: readonly (readonly [
  text: RegExp,
  code: ErrorCode,
  /** The message for a dialer, and for the other end if that differs. */
  dialer: string,
  listener?: string,
])[] = [
  [
    /NoApplicationProtocol|support any known protocol/i,
    "alpn",
    NOT_VERACK,
    `the other end does not speak ${ALPN_PROTOCOL}`,
  ],
  [
    /InvalidContentType|wrong version number/i,
    "tls",
    notTls(),
    "the other end does not speak TLS",
  ],
  [
    /fatal alert: ProtocolVersion/i,
    "tls",
    "the other end does not speak TLS 1.3, so it is not a verack node",
  ],
  [
    /fatal alert: (UnknownCA|BadCertificate)/i,
    "tls",
    "the other end does not take this node's certificate: it looks for another identity here, or is no verack node",
  ],
];

/** Code and detail of a failed handshake, by the message of its error. */
export function classifyTlsError(
  message: string,
  isDialer: boolean,
  clock: Clock,
): [ErrorCode, string] {
  if (/^invalid peer certificate/i.test(message)) {
    const fault = clockFault(clock);
    // Not an alarm about the peer, whose certificate may be the right one.
    if (fault !== undefined) return ["tls", fault];
    return [
      "wrong-certificate",
      `the other end shows another certificate than the pinned one (${message})`,
    ];
  }
  const known = FAILURES.find(([text]) => text.test(message));
  if (known === undefined) return ["tls", `TLS failed (${message})`];
  const [, code, dialer, listener = dialer] = known;
  return [code, isDialer ? dialer : listener];
}

/**
 * The message for an endpoint whose first bytes are `greeting`; `undefined` if they may be TLS,
 * or if there are none.
 */
export function foreignProtocol(greeting: Uint8Array): string | undefined {
  const first = greeting[0];
  if (first === undefined) return undefined;
  // A TLS record has major version 3 in its second byte.
  const isTls = TLS_RECORD_TYPES.includes(first) &&
    (greeting.length < 2 || greeting[1] === 3);
  if (isTls) return undefined;
  const text = latin1.decode(greeting);
  return notTls(GREETINGS.find(([begin]) => begin.test(text))?.[1]);
}

function notTls(name?: string): string {
  const what = name === undefined ? "" : ` but ${name}`;
  return `the other end does not speak TLS${what}, so this is not the port of a verack node; check host and port`;
}

/**
 * The message about a wrong clock; `undefined` if it is right. A board without a battery starts
 * on 1970-01-01, when TLS refuses every certificate as invalid.
 */
export function clockFault(
  clock: Pick<Clock, "now"> = systemClock,
): string | undefined {
  const now = clock.now();
  if (now >= CERTIFICATES_VALID_FROM_MS) return undefined;
  const [is, from] = [now, CERTIFICATES_VALID_FROM_MS].map((ms) =>
    new Date(ms).toISOString().replace(/\.\d+Z$/, "Z")
  );
  return `the clock of this machine is at ${is}, and certificates are valid from ${from} on; set the clock, or wait until it is set, and try again`;
}
