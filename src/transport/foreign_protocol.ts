/**
 * Names the protocol of an endpoint that answered a TLS handshake with something
 * that is not TLS, so that a wrong port is reported in words a user can act on.
 */

import { ALPN_PROTOCOL } from "./alpn.ts";

/** Texts with which protocols answer or greet, and what is told. */
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

/**
 * What to tell about an endpoint whose first bytes are `greeting`; `undefined` if
 * they may be TLS, or if there are none.
 */
export function foreignProtocol(greeting: Uint8Array): string | undefined {
  const first = greeting[0];
  if (first === undefined) return undefined;
  // A TLS record has major version 3 in its second byte.
  const isTls = TLS_RECORD_TYPES.includes(first) &&
    (greeting.length < 2 || greeting[1] === 3);
  if (isTls) return undefined;
  const text = latin1.decode(greeting);
  const name = GREETINGS.find(([begin]) => begin.test(text))?.[1];
  return notTls(name);
}

/** That the other end does not speak TLS, but perhaps the protocol `name`. */
export function notTls(name?: string): string {
  const what = name === undefined ? "" : ` but ${name}`;
  return `the other end does not speak TLS${what}, so this is not the port of a verack node; check host and port`;
}

/** That the other end speaks TLS, but nothing of ours over it. */
export function notVerack(): string {
  return `the other end speaks TLS but not ${ALPN_PROTOCOL}, so this is not the port of a verack node (perhaps its --http port); check host and port`;
}
