/**
 * Opens a mesh session over a connection, in both directions: with its profile, version message
 * and admission rules.
 */
import type { Clock, Random } from "../../core/clock.ts";
import { detailsOf, VerackError } from "../../core/errors.ts";
import type { NodeHistograms } from "../../core/histogram.ts";
import type { NodeCounters } from "../../core/node_counters.ts";
import { handshakeSpan } from "../../core/spans.ts";
import type { Span } from "../../core/tracing.ts";
import type { VerifiedCertificate } from "../../identity/certificate.ts";
import { type PeerId, shortId } from "../../core/peer_id.ts";
import type { Identity } from "../../identity/identity.ts";
import { isDemoIdentity } from "../../identity/key_files.ts";
import type { SharedSecret } from "../../identity/shared_secret.ts";
import type { Direction } from "../events.ts";
import { PeerSession, type RelayedPath } from "../peers/peer_session.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { Standing } from "../peers/standing.ts";
import type { SessionRoom } from "./session_room.ts";
import { FrameMeter } from "../../session/frame_meter.ts";
import {
  MESH_PROTOCOL_VERSION,
  MeshProfile,
  SERVICE_EPHEMERAL,
  type VerifiedPeer,
} from "../../session/mesh_profile.ts";
import type { NodeBudget } from "../../session/node_budget.ts";
import type { AcceptedSecrets } from "../../session/secret_exchange.ts";
import { Session } from "../../session/session.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import { ipToBytes } from "../../transport/ip.ts";
import { classifyIp, sourceOf } from "../../transport/scope.ts";
import type { Connection } from "../../transport/transport.ts";
import { USER_AGENT } from "../../version.ts";
import { COMMAND } from "../../wire/commands.ts";
import { networkMagic } from "../../wire/frame.ts";
import {
  UNSPECIFIED_ADDRESS,
  type VersionMessage,
} from "../../wire/messages/version.ts";

/** The parameters in which dialing and accepting differ. */
export interface OpeningOptions {
  readonly connection: Connection;
  /** The certificate of the listener that TLS verified; absent when accepting. */
  readonly listener?: VerifiedCertificate;
  /** The dialed address and its IP address; absent when accepting, and on a relayed session. */
  readonly dialed?: { readonly address: Address; readonly endpoint: Address };
  /** Its relay, and the peer that this says is at the other end; absent on a direct session. */
  readonly relayed?: RelayedPath & { readonly claimed?: PeerId };
  /** Called once the other end is verified and admitted, before `verack` is sent. */
  readonly onProven?: (peer: VerifiedPeer) => void;
  readonly signal: AbortSignal;
  /** Of the dial. */
  readonly span?: Span;
}

/** Admission of peers, and the credentials of this node. */
export interface AdmissionGate {
  readonly accepts: AcceptedSecrets;
  /** Why a peer that has proven its key is refused, if it is. */
  refusal(
    peer: VerifiedPeer,
    address: Address,
    direction: Direction,
  ): VerackError | undefined;
  /** Admits it, and uses up the invite that it showed; the error if that fails. */
  redeem(peer: VerifiedPeer): VerackError | undefined;
  readonly credentials: {
    readonly attestation: Uint8Array | undefined;
    shows(listener: PeerId): SharedSecret | undefined;
  };
}

/** Dependencies of {@linkcode SessionOpener}. */
export interface SessionOpenerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly identity: Identity;
  /** Name of the mesh, and the first bytes of its frames. */
  readonly network: string;
  readonly magic: Uint8Array;
  readonly handshakeTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly deadAfterMs: number;
  readonly table: PeerTable;
  readonly standing: Standing;
  readonly room: SessionRoom;
  readonly gate: AdmissionGate;
  /** Whether this node relays, which it announces. */
  readonly relays: boolean;
  /** Memory that all sessions share. */
  readonly budget: NodeBudget;
  readonly counters: NodeCounters;
  readonly histograms: NodeHistograms;
  /** Called with each session that opens. */
  readonly registry: { opened(session: PeerSession): void };
}

/** Opens the sessions of one node. */
export class SessionOpener {
  readonly #options: SessionOpenerOptions;
  /** Random number of this process and node, see `VerifiedPeer.instance`. */
  readonly #instance: bigint;
  /** Nonces of our own unfinished outbound connections. */
  readonly #nonces = new Set<bigint>();

  constructor(options: SessionOpenerOptions) {
    this.#options = options;
    this.#instance = randomU64(options.random);
  }

  /** Runs the handshake, and passes on the session before anything more is read. */
  async open(opening: OpeningOptions): Promise<PeerSession> {
    const { connection, listener } = opening;
    const span = handshakeSpan(
      connection.remoteAddress,
      listener !== undefined,
      opening.span,
    );
    const opened = this.#open(opening);
    span?.endWith(opened.then(({ remote }) => {
      span.set("verack.peer.id", remote.id);
    }));
    return await opened;
  }

  async #open(opening: OpeningOptions): Promise<PeerSession> {
    const { connection, dialed, listener, relayed } = opening;
    const isDialer = listener !== undefined;
    const { budget, clock, gate, histograms, random, registry } = this.#options;
    const begunAt = clock.monotonic();
    const nonce = randomU64(random);
    const shown = listener && gate.credentials.shows(listener.id);
    const proven: ProvenPeer = { id: undefined };
    const profile = this.#profile(opening, shown, proven);
    let opened: PeerSession | undefined;
    const hasStanding = standingOf(proven, this.#options);
    const share = {
      meter: budget.strangers,
      source: sourceOf(connection.remoteAddress.host),
      hasStanding,
    };
    if (isDialer) this.#nonces.add(nonce);
    try {
      await Session.open({
        ...this.#options,
        connection,
        role: isDialer ? "initiator" : "responder",
        profile,
        local: this.#version(
          nonce,
          relayed ? undefined : connection.remoteAddress,
        ),
        isOwnNonce: (other) => this.#nonces.has(other),
        meter: new FrameMeter(UNMETERED, clock.monotonic(), share),
        budget,
        hasStanding,
        roundTrips: histograms.roundTripMs,
        signal: opening.signal,
      }, (session) => {
        histograms.handshakeMs.add(clock.monotonic() - begunAt);
        opened = new PeerSession(session, profile.peer!, {
          now: clock.monotonic(),
          wall: clock.now(),
          direction: isDialer ? "outbound" : "inbound",
          ...(dialed && { dialed }),
          ...(relayed && { relayed }),
          ...(shown && { shown }),
        });
        registry.opened(opened);
      });
      return opened!;
    } catch (error) {
      const isForeign = error instanceof VerackError &&
        error.code === "bad-magic" && !profile.hasVersion;
      throw isForeign ? wrongNetwork(error, this.#options.network) : error;
    } finally {
      this.#nonces.delete(nonce);
    }
  }

  #profile(
    opening: OpeningOptions,
    shown: SharedSecret | undefined,
    proven: ProvenPeer,
  ): MeshProfile {
    const { gate, identity, magic, random, relays } = this.#options;
    const { listener, onProven } = opening;
    const { attestation } = gate.credentials;
    const common = {
      magic,
      identity,
      instance: this.#instance,
      relays,
      admit: (peer: VerifiedPeer): VerackError | undefined => {
        const refusal = this.#refusal(peer, opening) ??
          gate.redeem(peer);
        if (refusal === undefined) {
          proven.id = peer.id;
          onProven?.(peer);
        }
        return refusal;
      },
    };
    return new MeshProfile(
      listener === undefined
        ? { ...common, challenge: random.bytes(32), accepts: gate.accepts }
        : {
          ...common,
          listener,
          ...(shown && { shows: shown }),
          ...(attestation && { attestation }),
        },
    );
  }

  /** Why a verified peer is refused, if it is. */
  #refusal(
    peer: VerifiedPeer,
    { connection, dialed, relayed }: OpeningOptions,
  ): VerackError | undefined {
    const { gate, room } = this.#options;
    const remote = connection.remoteAddress;
    const claimed = relayed?.claimed;
    if (claimed !== undefined && claimed !== peer.id) {
      return new VerackError(
        "protocol",
        `Cannot accept ${shortId(peer.id)}: the relay has announced ${
          shortId(claimed)
        }`,
      );
    }
    // A relay on this machine says nothing about where the other end is.
    const isHere = relayed === undefined &&
      classifyIp(remote.host) === "loopback";
    if (isDemoIdentity(peer.id) && !isHere) {
      return new VerackError(
        "demo-identity",
        `Cannot accept ${shortId(peer.id)} at ${
          formatAddress(remote)
        }: its key is a published demo key, which is accepted over loopback only`,
      );
    }
    const address = dialed?.address;
    return gate.refusal(peer, address ?? remote, dialedOrNot(address)) ??
      room.refusal(room.newcomer(peer, sourceOf(remote.host), address));
  }

  /**
   * The receiver's address is that at which it is seen, if that is public, so that a node behind
   * a router finds out about it (`observed_addresses.ts`). The sender's own stays empty, as in Bitcoin
   * Core: it is in its first `peers` entry.
   */
  #version(nonce: bigint, seen: Address | undefined): VersionMessage {
    const { clock, identity } = this.#options;
    return {
      version: MESH_PROTOCOL_VERSION,
      services: identity.ephemeral ? SERVICE_EPHEMERAL : 0n,
      timestamp: BigInt(Math.floor(clock.now() / 1_000)),
      addrRecv: seen && classifyIp(seen.host) === "public"
        ? { services: 0n, ip: ipToBytes(seen.host), port: seen.port }
        : UNSPECIFIED_ADDRESS,
      addrFrom: UNSPECIFIED_ADDRESS,
      nonce,
      userAgent: USER_AGENT,
      startHeight: 0,
      relay: false,
    };
  }
}

/**
 * The direction for {@linkcode AdmissionGate.refusal}: where a peer was dialed it can be dialed
 * again. Over a relay it was dialed at no address.
 */
export function dialedOrNot(dialed: Address | undefined): Direction {
  return dialed === undefined ? "inbound" : "outbound";
}

/** What is known of a peer before its session is open. */
interface ProvenPeer {
  /** Once it has proven it, and is admitted. */
  id: PeerId | undefined;
}

/**
 * Whether the peer has standing. Made apart from the handshake, whose variables an open session
 * would keep with it otherwise.
 */
function standingOf(
  proven: ProvenPeer,
  { standing, table }: SessionOpenerOptions,
): () => boolean {
  return () =>
    proven.id !== undefined && standing.of(proven.id, table.get(proven.id));
}

/** Commands with a flow control, and meters, of their own: `delivery/`, `streams/stream_meter.ts`. */
const UNMETERED: ReadonlySet<string> = new Set([
  COMMAND.message,
  COMMAND.chunk,
  COMMAND.ack,
  COMMAND.open,
  COMMAND.data,
  COMMAND.credit,
  COMMAND.end,
  COMMAND.reset,
]);

/** A random 64-bit number. */
export function randomU64(random: Random): bigint {
  return new DataView(random.bytes(8).buffer).getBigUint64(0);
}

/** Names that another network is likely to have; a magic is a hash and cannot be read back. */
const LIKELY_NAMES: readonly string[] = ["main", "test", "dev"];

/** `error`, a `bad-magic` before any valid frame, with the names of the networks. */
function wrongNetwork(
  error: VerackError,
  network: string,
): VerackError {
  const { expected, actual } = error;
  const name = LIKELY_NAMES.find((name) =>
    networkMagic(name).toHex() === actual
  );
  const what = name === undefined
    ? `the other end is in another network than this node's "${network}", or no verack node`
    : `the other end is in network "${name}", this node in "${network}"`;
  const seen = actual === undefined
    ? ""
    : ` (magic is ${actual}, must be ${expected})`;
  return new VerackError(
    "bad-magic",
    `Cannot open session: ${what}${seen}; both must have the same network name`,
    { cause: error, ...detailsOf(error) },
  );
}
