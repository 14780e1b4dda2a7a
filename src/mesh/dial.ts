/**
 * One attempt to reach one peer at one address: find the certificate, pin it,
 * connect, open a session. When and whom to dial is decided in `dialer.ts`.
 */
import { deadline } from "../clock.ts";
import { VerackError } from "../errors.ts";
import {
  judgeCertificate,
  type JudgedCertificate,
} from "../identity/certificate.ts";
import { type IdentityId, identityName } from "../identity/identity.ts";
import { DIAL_TIMEOUT_MS } from "../limits.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import { resolveHost } from "../transport/resolve.ts";
import { classifyIp, mayDial, type Scope } from "../transport/scope.ts";
import type { Connection, Pin } from "../transport/transport.ts";
import type { MeshContext } from "./context.ts";
import type { Link, LinkOwner } from "./link.ts";
import { openLink } from "./opening.ts";

/** Whom to reach, and where. */
export interface DialTarget {
  readonly address: Address;
  /** Who must be there; absent on first use. */
  readonly expected?: IdentityId;
  /** Its certificate, if we have it. */
  readonly certificate?: JudgedCertificate;
  /** Who named the address, see `PeerAddress.namedFrom`. */
  readonly namedFrom?: Scope;
  /**
   * Called when it is known who shows a certificate there, before dialing it for
   * proof. False gives up: another session or dial serves already.
   */
  readonly onIdentity?: (identity: IdentityId) => boolean;
  /** Called when the peer has proven to be there, before the handshake with it. */
  readonly onReached?: () => void;
}

/** Somebody else is at the address than we asked for. */
export class WrongIdentityError extends VerackError {
  readonly expected: IdentityId;
  readonly actual: IdentityId;

  constructor(address: Address, expected: IdentityId, actual: IdentityId) {
    super(
      "wrong-identity",
      `Cannot accept ${
        formatAddress(address)
      }: it is ${actual}, must be ${expected}`,
    );
    this.expected = expected;
    this.actual = actual;
  }
}

/**
 * Dials; resolves with the open link, or `undefined` if `onIdentity` gave up.
 *
 * @throws {WrongIdentityError} when another identity is there.
 * @throws {VerackError} as `Transport.dial` and `Session.open`.
 */
export async function dialPeer(
  context: MeshContext,
  owner: LinkOwner,
  target: DialTarget,
  signal: AbortSignal,
): Promise<Link | undefined> {
  const address = await admissibleAddress(target, signal);
  const certificate = target.certificate ??
    await lookUp(context, address, target, signal);
  if (target.onIdentity?.(certificate.identity) === false) return undefined;
  const [connection, proven] = await connect(
    context,
    address,
    certificate,
    target,
    signal,
  );
  target.onReached?.();
  return await openLink(context, {
    connection,
    owner,
    dialed: { address: target.address, certificate: proven },
    signal,
  });
}

/**
 * The address to connect to. One that a peer named is resolved here and now, and
 * what is dialed is the IP that was judged: a name cannot change its mind between
 * the check and the dial (DNS rebinding).
 */
async function admissibleAddress(
  target: DialTarget,
  signal: AbortSignal,
): Promise<Address> {
  const { address, namedFrom } = target;
  if (namedFrom === undefined) return address;
  const ips = await resolveHost(address.host, { signal });
  const host = ips.find((ip) => mayDial(namedFrom, classifyIp(ip)));
  if (host !== undefined) return { host, port: address.port };
  throw new VerackError(
    "unreachable",
    `Cannot dial ${
      formatAddress(address)
    }: a peer in the ${namedFrom} network named it, and it leads elsewhere`,
  );
}

/** What certificate is shown there; only dialing with it as a pin proves anything. */
async function lookUp(
  context: MeshContext,
  address: Address,
  target: DialTarget,
  signal: AbortSignal,
): Promise<JudgedCertificate> {
  using limit = deadline(context.clock, DIAL_TIMEOUT_MS, signal);
  const der = await context.transport.fetchCertificate(address, limit);
  const judged = judgeCertificate(der);
  if (target.expected !== undefined && target.expected !== judged.identity) {
    throw new WrongIdentityError(
      target.address,
      target.expected,
      judged.identity,
    );
  }
  return judged;
}

/** Connects with the certificate as a pin; a re-made certificate of the same key is as good. */
async function connect(
  context: MeshContext,
  address: Address,
  certificate: JudgedCertificate,
  target: DialTarget,
  signal: AbortSignal,
): Promise<[Connection, JudgedCertificate]> {
  try {
    return [await pinned(context, address, certificate, signal), certificate];
  } catch (error) {
    const mismatch = error instanceof VerackError &&
      error.code === "wrong-certificate";
    if (!mismatch) throw error;
    const expected = certificate.identity;
    const shown = await lookUp(
      context,
      address,
      { ...target, expected },
      signal,
    );
    if (shown.der.toHex() === certificate.der.toHex()) throw error;
    return [await pinned(context, address, shown, signal), shown];
  }
}

async function pinned(
  context: MeshContext,
  address: Address,
  certificate: JudgedCertificate,
  signal: AbortSignal,
): Promise<Connection> {
  const pin: Pin = {
    certificate: certificate.der,
    serverName: identityName(certificate.identity),
  };
  using limit = deadline(context.clock, DIAL_TIMEOUT_MS, signal);
  return await context.transport.dial(address, { pin, signal: limit.signal });
}
