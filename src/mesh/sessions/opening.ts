/**
 * Opens a mesh session over a connection: puts together the profile, our version
 * message and the admission rules. The same for both directions.
 */
import { VerackError } from "../../core/errors.ts";
import type { VerifiedCertificate } from "../../identity/certificate.ts";
import { isDemoIdentity } from "../../identity/key_files.ts";
import { shortId } from "../../identity/identity.ts";
import {
  MAX_PEERS,
  MAX_SESSIONS_PER_PEER,
  MAX_STRANGER_PEERS,
} from "../../limits.ts";
import { FrameMeter } from "../../session/frame_meter.ts";
import {
  MESH_PROTOCOL_VERSION,
  MeshProfile,
  SERVICE_EPHEMERAL,
  type VerifiedPeer,
} from "../../session/mesh_profile.ts";
import { Session } from "../../session/session.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import { classifyIp, sourceOf } from "../../transport/scope.ts";
import type { Connection } from "../../transport/transport.ts";
import { USER_AGENT } from "../../version.ts";
import { COMMAND } from "../../wire/commands.ts";
import {
  UNSPECIFIED_ADDRESS,
  type VersionMessage,
} from "../../wire/messages/version.ts";
import { tooManySessions } from "./collisions.ts";
import type { MeshContext } from "../context.ts";
import { PeerSession, type PeerSessionOwner } from "../peers/peer_session.ts";
import { hasRoomForExtra, newcomer, placeOf } from "./session_room.ts";
import { wrongNetwork } from "./wrong_network.ts";

/** What differs between dialing and accepting. */
export interface OpeningOptions {
  readonly connection: Connection;
  readonly owner: PeerSessionOwner;
  /**
   * The dialed address, its IP address, and the certificate that TLS verified;
   * absent when accepting.
   */
  readonly dialed?: {
    readonly address: Address;
    readonly endpoint: Address;
    readonly certificate: VerifiedCertificate;
  };
  /** Called once the other end is verified and admitted, before it is told so. */
  readonly onProven?: (peer: VerifiedPeer) => void;
  readonly signal: AbortSignal;
}

/** Runs the handshake, and hands the open session to its owner before anything more is read. */
export async function openPeerSession(
  context: MeshContext,
  options: OpeningOptions,
): Promise<PeerSession> {
  const { connection, dialed, owner } = options;
  const { membership } = context;
  const nonce = randomU64(context);
  const admit = (peer: VerifiedPeer): VerackError | undefined => {
    const refusal = refuse(context, peer, connection.remoteAddress, dialed) ??
      membership.redeem(peer);
    if (refusal === undefined) options.onProven?.(peer);
    return refusal;
  };
  const common = {
    magic: context.magic,
    identity: context.identity,
    instance: context.instance,
    admit,
  };
  const shown = dialed &&
    membership.credentials.shows(dialed.certificate.id);
  const { statement } = membership.credentials;
  const profile = new MeshProfile(
    dialed === undefined
      ? {
        ...common,
        challenge: context.random.bytes(32),
        accepts: membership.accepts,
      }
      : {
        ...common,
        listener: dialed.certificate,
        ...(shown && { shows: shown }),
        ...(statement && { statement }),
      },
  );
  let opened: PeerSession | undefined;
  const hasStanding = () => {
    const id = profile.peer?.id;
    return id !== undefined && context.standing.of(id, context.table.get(id));
  };
  const share = {
    meter: context.budget.strangers,
    source: sourceOf(connection.remoteAddress.host),
    hasStanding,
  };
  if (dialed !== undefined) context.nonces.add(nonce);
  try {
    await Session.open({
      connection,
      role: dialed === undefined ? "responder" : "initiator",
      magic: context.magic,
      profile,
      local: ourVersion(context, nonce),
      isOwnNonce: (other) => context.nonces.has(other),
      clock: context.clock,
      random: context.random,
      handshakeTimeoutMs: context.options.handshakeTimeoutMs,
      heartbeatMs: context.options.heartbeatMs,
      deadAfterMs: context.options.deadAfterMs,
      meter: new FrameMeter(UNMETERED, context.clock.monotonic(), share),
      budget: context.budget,
      hasStanding,
      signal: options.signal,
    }, (session) => {
      opened = new PeerSession(session, profile.peer!, {
        now: context.clock.monotonic(),
        ...(dialed && { dialed }),
        ...(shown && { shown }),
      });
      owner.opened(opened);
    });
    return opened!;
  } catch (error) {
    const isForeign = error instanceof VerackError &&
      error.code === "bad-magic" && !profile.hasVersion;
    throw isForeign ? wrongNetwork(error, context.options.network) : error;
  } finally {
    context.nonces.delete(nonce);
  }
}

/** Commands with a flow control of their own. */
const UNMETERED: ReadonlySet<string> = new Set([
  COMMAND.message,
  COMMAND.chunk,
  COMMAND.ack,
]);

/** Whether a proven peer may come in; a pure look at what we know. */
function refuse(
  context: MeshContext,
  peer: VerifiedPeer,
  remote: Address,
  dialed: OpeningOptions["dialed"],
): VerackError | undefined {
  const who = shortId(peer.id);
  if (
    isDemoIdentity(peer.id) && classifyIp(remote.host) !== "loopback"
  ) {
    return new VerackError(
      "demo-identity",
      `Cannot accept ${who} at ${
        formatAddress(remote)
      }: its key is a published demo key, which is accepted over loopback only`,
    );
  }
  const refusal = context.membership.refusal(
    peer,
    dialed?.address ?? remote,
    dialed === undefined ? "inbound" : "outbound",
  );
  if (refusal !== undefined) return refusal;
  const source = sourceOf(remote.host);
  const candidate = newcomer(context, peer, source, dialed?.address);
  if (!context.table.mayEnsure(peer.id, candidate)) {
    return noRoomOnRecord(peer);
  }
  const sessions = context.table.get(peer.id)?.sessions.length ?? 0;
  if (sessions === 0) {
    // One that must give way does so once the session is open, see `links.ts`.
    return placeOf(context, candidate).refusal;
  }
  if (
    sessions >= MAX_SESSIONS_PER_PEER ||
    !hasRoomForExtra(context, candidate, sessions)
  ) {
    return tooManySessions(peer.id);
  }
  return undefined;
}

/** Why a peer is refused that cannot be put on record. */
export function noRoomOnRecord({ id }: VerifiedPeer): VerackError {
  return new VerackError(
    "full",
    `Cannot accept ${
      shortId(id)
    }: the record is full of peers that have standing, are connected or have messages waiting; up to ${MAX_PEERS} fit, of which ${MAX_STRANGER_PEERS} without standing ("verack forget" makes room)`,
  );
}

/**
 * Addresses stay empty, as in Bitcoin Core for peers that are not routable: what
 * a node says of its own address goes into its first `peers` entry.
 */
function ourVersion(context: MeshContext, nonce: bigint): VersionMessage {
  return {
    version: MESH_PROTOCOL_VERSION,
    services: context.identity.ephemeral ? SERVICE_EPHEMERAL : 0n,
    timestamp: BigInt(Math.floor(context.clock.now() / 1_000)),
    addrRecv: UNSPECIFIED_ADDRESS,
    addrFrom: UNSPECIFIED_ADDRESS,
    nonce,
    userAgent: USER_AGENT,
    startHeight: 0,
    relay: false,
  };
}

/** A random 64-bit number. */
export function randomU64(context: Pick<MeshContext, "random">): bigint {
  return new DataView(context.random.bytes(8).buffer).getBigUint64(0);
}
