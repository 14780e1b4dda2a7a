/**
 * Addresses of forwarded connections, as the user writes them and as they are sent, and the
 * rules that allow them. Pure: nothing is looked up or connected to here.
 *
 * An address has one spelling. What the user writes is made canonical, and what a peer sends
 * must be canonical already, so that a rule and a target are equal only if their texts are.
 */
import { isPeerId, type PeerId } from "../../core/peer_id.ts";
import {
  type Address,
  formatAddress,
  parseAddress,
} from "../../transport/address.ts";
import { isIpv4, isIpv6, plainHost } from "../../transport/ip.ts";

/** The host that is meant where none is given. */
export const DEFAULT_FORWARD_HOST = "127.0.0.1";

/** Which addresses a rule allows, and to which peers. */
export interface ForwardRule {
  /** An IP address in canonical text, or a name, which is compared as it is. */
  readonly host: string;
  readonly firstPort: number;
  readonly lastPort: number;
  /** The only peer that it is for; without it, every peer. */
  readonly peer?: PeerId;
}

/** What a rule is for: connections from this node, or sockets that it listens on. */
export type RuleKind = "connect" | "listen";

/** The highest port. */
const MAX_PORT = 65_535;

/**
 * Names that the C library, other than a name server, takes for an IPv4 address: `127.1`,
 * `0x7f.1`, `2130706433`. Their last label is a number (URL Standard, "ends in a number").
 */
const ENDS_IN_NUMBER = /(^|\.)(\d+|0x[0-9a-f]*)$/;

/**
 * Parses `[HOST:]PORT`, the address that the other end is to connect to.
 *
 * @throws {SyntaxError} when it is none, or one that no connection can lead to.
 */
export function parseForwardTarget(text: string): Address {
  const address = parseCanonical(text, 1);
  refuseHost(text, hostFault(address.host, "connect"));
  return address;
}

/**
 * Parses `[HOST:]PORT`, the address to listen on; port 0 is any free one.
 *
 * @throws {SyntaxError} when it is none. A name other than `localhost` is none either.
 */
export function parseListenAddress(text: string): Address {
  const { host, port } = parseCanonical(text, 0);
  const ip = host === "localhost" ? DEFAULT_FORWARD_HOST : host;
  refuseHost(text, hostFault(ip, "listen"));
  return { host: ip, port };
}

/**
 * Parses a rule: `[ID@][HOST:]PORT[-PORT]`. The host is `127.0.0.1` if none is given.
 *
 * @throws {SyntaxError} when it is none.
 */
export function parseForwardRule(text: string, kind: RuleKind): ForwardRule {
  const at = text.lastIndexOf("@");
  const peer = at < 0 ? undefined : text.slice(0, at);
  const rest = text.slice(at + 1);
  if (peer !== undefined && !isPeerId(peer)) {
    throw fault(
      text,
      `the part before @ is ${
        quoted(peer)
      }, must be an identity of 64 hex digits`,
    );
  }
  const range = /^(.*?)(\d{1,5})-(\d{1,5})$/s.exec(rest);
  const first = range === null ? rest : `${range[1]}${range[2]}`;
  const parse = kind === "connect" ? parseForwardTarget : parseListenAddress;
  const { host, port: firstPort } = parse(first);
  const lastPort = range === null ? firstPort : Number(range[3]);
  if (lastPort < firstPort || lastPort > MAX_PORT) {
    throw fault(
      text,
      `its last port is ${lastPort}, must be ${firstPort} to ${MAX_PORT}`,
    );
  }
  return { host, firstPort, lastPort, ...(peer !== undefined && { peer }) };
}

/** A rule as {@linkcode parseForwardRule} reads it. */
export function formatForwardRule(rule: ForwardRule): string {
  const { host, firstPort, lastPort, peer } = rule;
  const address = formatAddress({ host, port: firstPort });
  return (peer === undefined ? "" : `${peer}@`) + address +
    (lastPort === firstPort ? "" : `-${lastPort}`);
}

/** Whether a rule allows an address to a peer. */
export function ruleAllows(
  rule: ForwardRule,
  { host, port }: Address,
  peer: PeerId,
): boolean {
  return rule.host === host && port >= rule.firstPort &&
    port <= rule.lastPort && (rule.peer === undefined || rule.peer === peer);
}

/**
 * What is wrong with a host that a peer sent or a rule names; nothing, if it is canonical and
 * can be connected to, or listened on.
 */
export function hostFault(host: string, kind: RuleKind): string | undefined {
  if (isIpv4(host) || isIpv6(host)) {
    if (plainHost(host) !== host) return "an address in its shortest form";
    const isAny = host === "::" || host.startsWith("0.");
    // Linux connects such addresses to loopback.
    return kind === "connect" && isAny ? "an address of a host" : undefined;
  }
  if (kind === "listen") return "an IP address or localhost";
  const parsed = canonicalName(host);
  if (parsed !== host) return "an IP address or a DNS name in lower case";
  if (ENDS_IN_NUMBER.test(host)) return "no number in another form";
  return undefined;
}

function canonicalName(host: string): string | undefined {
  try {
    return canonicalHost(parseAddress(`${host}:1`).host);
  } catch {
    return undefined;
  }
}

function parseCanonical(text: string, minPort: 0 | 1): Address {
  const isPortAlone = /^\d+$/.test(text);
  const { host, port } = parseAddress(
    isPortAlone ? `${DEFAULT_FORWARD_HOST}:${text}` : text,
    { minPort },
  );
  return { host: canonicalHost(host), port };
}

/** IPv4 for IPv4 that is mapped into IPv6, and a name without the dot of the root. */
function canonicalHost(host: string): string {
  return isIpv6(host) ? plainHost(host) : host.replace(/\.$/, "");
}

function refuseHost(text: string, wanted: string | undefined): void {
  if (wanted !== undefined) throw fault(text, `its host must be ${wanted}`);
}

function fault(text: string, detail: string): SyntaxError {
  return new SyntaxError(`Cannot forward ${quoted(text)}: ${detail}`);
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
