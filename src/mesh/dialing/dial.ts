/**
 * One attempt to reach one peer at one IP address: find the certificate, pin it,
 * connect, open a session. Which addresses a name has is asked here, too; when and
 * which peer to dial is decided in `dialer.ts`, what failed is worded in
 * `dial_failure.ts`.
 */
import { deadline } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import {
  type VerifiedCertificate,
  verifyCertificate,
} from "../../identity/certificate.ts";
import { type PeerId, serverNameOf } from "../../identity/identity.ts";
import { DIAL_TIMEOUT_MS, MAX_NAMED_ENDPOINTS } from "../../limits.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import { resolveAddress } from "../../transport/resolve.ts";
import { classifyIp, mayDial, type Scope } from "../../transport/scope.ts";
import type { Connection, Pin } from "../../transport/transport.ts";
import type { MeshContext } from "../context.ts";
import { WrongIdentityError } from "./dial_failure.ts";
import type { PeerSession, PeerSessionOwner } from "../peers/peer_session.ts";
import { openPeerSession } from "../sessions/opening.ts";

/** Which peer to reach, and where. */
export interface DialTarget {
  /** As a person or a peer gave it: what is shown. */
  readonly address: Address;
  /** One of {@linkcode endpointsOf} it: both the look-up and the dial go there. */
  readonly endpoint: Address;
  /** The identity that must be there; absent on first use. */
  readonly expected?: PeerId;
  /** Its certificate, if we have it. */
  readonly certificate?: VerifiedCertificate;
  /**
   * Called when it is known which identity shows a certificate there, before dialing
   * it for proof. False gives up: another session or dial serves already.
   */
  readonly onIdentity?: (id: PeerId) => boolean;
  /** Called when the peer has proven to be there, before the handshake with it. */
  readonly onReached?: () => void;
}

/**
 * The IP addresses to try for an address, looked up here and now. What a peer named
 * (`namedFrom`, see `PeerAddress`) is judged by the IP address, and that one is
 * dialed: a name cannot change its mind between the check and the dial (DNS
 * rebinding), nor make one rumour cost many dials.
 *
 * @throws {VerackError} `dns`, `permission`, `timeout`, `aborted`; `unreachable` when
 * the peer may not name any of them.
 */
export async function endpointsOf(
  { clock, options }: Pick<MeshContext, "clock" | "options">,
  { address, namedFrom }: { address: Address; namedFrom?: Scope },
  signal: AbortSignal,
): Promise<Address[]> {
  using limit = deadline(clock, DIAL_TIMEOUT_MS, signal);
  const { resolve } = options;
  const found = await resolveAddress(address, {
    resolve,
    signal: limit.signal,
  });
  if (namedFrom === undefined) return found;
  const allowed = found.filter(({ host }) =>
    mayDial(namedFrom, classifyIp(host))
  );
  if (allowed.length > 0) return allowed.slice(0, MAX_NAMED_ENDPOINTS);
  throw new VerackError(
    "unreachable",
    `Cannot dial ${
      formatAddress(address)
    }: a peer in the ${namedFrom} network named it, and it leads elsewhere`,
  );
}

/**
 * Dials; resolves with the open link, or `undefined` if `onIdentity` gave up.
 *
 * @throws {WrongIdentityError} when another identity is there.
 * @throws {VerackError} as `Transport.dial` and `Session.open`.
 */
export async function dialPeer(
  context: MeshContext,
  owner: PeerSessionOwner,
  target: DialTarget,
  signal: AbortSignal,
): Promise<PeerSession | undefined> {
  const certificate = target.certificate ??
    await lookUp(context, target, signal);
  if (target.onIdentity?.(certificate.id) === false) return undefined;
  const [connection, proven] = await connect(
    context,
    certificate,
    target,
    signal,
  );
  target.onReached?.();
  return await openPeerSession(context, {
    connection,
    owner,
    dialed: {
      address: target.address,
      endpoint: target.endpoint,
      certificate: proven,
    },
    signal,
  });
}

/** What certificate is shown there; only dialing with it as a pin proves anything. */
async function lookUp(
  context: MeshContext,
  target: DialTarget,
  signal: AbortSignal,
): Promise<VerifiedCertificate> {
  using limit = deadline(context.clock, DIAL_TIMEOUT_MS, signal);
  const der = await context.transport.fetchCertificate(
    target.endpoint,
    limit,
  );
  const judged = verifyCertificate(der);
  if (target.expected !== undefined && target.expected !== judged.id) {
    throw new WrongIdentityError(
      target.endpoint,
      target.expected,
      judged.id,
    );
  }
  return judged;
}

/** Connects with the certificate as a pin; a re-made certificate of the same key is as good. */
async function connect(
  context: MeshContext,
  certificate: VerifiedCertificate,
  target: DialTarget,
  signal: AbortSignal,
): Promise<[Connection, VerifiedCertificate]> {
  const { endpoint } = target;
  try {
    return [await pinned(context, endpoint, certificate, signal), certificate];
  } catch (error) {
    const mismatch = error instanceof VerackError &&
      error.code === "wrong-certificate";
    if (!mismatch) throw error;
    const expected = certificate.id;
    const shown = await lookUp(context, { ...target, expected }, signal);
    if (shown.der.toHex() === certificate.der.toHex()) throw error;
    return [await pinned(context, endpoint, shown, signal), shown];
  }
}

async function pinned(
  context: MeshContext,
  endpoint: Address,
  certificate: VerifiedCertificate,
  signal: AbortSignal,
): Promise<Connection> {
  const pin: Pin = {
    certificate: certificate.der,
    serverName: serverNameOf(certificate.id),
  };
  using limit = deadline(context.clock, DIAL_TIMEOUT_MS, signal);
  return await context.transport.dial(endpoint, {
    pin,
    signal: limit.signal,
  });
}
