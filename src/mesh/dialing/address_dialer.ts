/**
 * One attempt to reach one peer at one IP address: fetch the certificate, pin it, connect, open
 * a session. Names are resolved here, too; `dialer.ts` decides when and which peer to dial, and
 * `dial_failure.ts` makes errors.
 */
import { type Clock, deadline, type Random } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import type { NodeHistograms } from "../../core/histogram.ts";
import { dialSpan } from "../../core/spans.ts";
import type { Span } from "../../core/tracing.ts";
import type { NodeCounters } from "../../core/node_counters.ts";
import {
  type VerifiedCertificate,
  verifyCertificate,
} from "../../identity/certificate.ts";
import { type PeerId, serverNameOf } from "../../core/peer_id.ts";
import { DIAL_TIMEOUT_MS } from "../../transport/transport_limits.ts";
import { MAX_NAMED_ENDPOINTS } from "./dialing_limits.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import { isIpv4 } from "../../transport/ip.ts";
import { resolveAddress, type Resolver } from "../../transport/resolve.ts";
import type { ServiceResolver } from "../../transport/service_records.ts";
import { classifyIp, mayDial, type Scope } from "../../transport/scope.ts";
import type { Connection, Pin, Transport } from "../../transport/transport.ts";
import { WrongIdentityError } from "./dial_failure.ts";
import type { PeerSession } from "../peers/peer_session.ts";

/** The peer to reach, and its address. */
export interface DialTarget {
  /** As it was configured or gossiped, for display. */
  readonly address: Address;
  /** One of its {@linkcode endpointsOf}, to which both the certificate fetch and the dial go. */
  readonly endpoint: Address;
  /** The required identity; absent on first use. */
  readonly expected?: PeerId;
  /** Its certificate, if we have it. */
  readonly certificate?: VerifiedCertificate;
  /** No other certificate is fetched there, also if that one is not shown. */
  readonly pinnedOnly?: boolean;
  /**
   * Called with the identity of the certificate there, before it is dialed for proof. False
   * ends the attempt, as another session or dial is enough.
   */
  readonly onIdentity?: (id: PeerId) => boolean;
  /** Called when TLS has verified the peer, before the handshake with it. */
  readonly onReached?: () => void;
}

/** Opens a session on a connection that this node dialed. */
export interface DialedSessionOpener {
  open(options: {
    readonly connection: Connection;
    readonly listener: VerifiedCertificate;
    readonly dialed: { readonly address: Address; readonly endpoint: Address };
    readonly signal: AbortSignal;
    /** Of the dial. */
    readonly span?: Span;
  }): Promise<PeerSession>;
}

/** Dependencies of {@linkcode AddressDialer}. */
export interface AddressDialerOptions {
  readonly clock: Clock;
  readonly counters: NodeCounters;
  readonly histograms: NodeHistograms;
  readonly transport: Transport;
  /** Absent: the operating system. */
  readonly resolve: Resolver | undefined;
  readonly resolveService: ServiceResolver | undefined;
  readonly random: Random;
  readonly opener: DialedSessionOpener;
}

/** Dials addresses for one node. */
export class AddressDialer {
  readonly #options: AddressDialerOptions;

  constructor(options: AddressDialerOptions) {
    this.#options = options;
  }

  /**
   * The IP addresses to try for an address, resolved now. The scope of a gossiped address
   * (`namedFrom`, see `PeerAddress`) is checked for the IP address that is dialed: a name
   * cannot change between the check and the dial (DNS rebinding), nor cause many dials.
   * `unreachable` when the peer may not gossip any of them.
   */
  async endpointsOf(
    { address, namedFrom }: { address: Address; namedFrom?: Scope },
    signal: AbortSignal,
  ): Promise<Address[]> {
    const found = await this.#resolve(address, signal);
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

  async #resolve(address: Address, signal: AbortSignal): Promise<Address[]> {
    // Gossip names IP addresses.
    if (isIpv4(address.host)) return [address];
    const { clock, resolve, resolveService, random } = this.#options;
    using limit = deadline(clock, DIAL_TIMEOUT_MS, signal);
    return await resolveAddress(address, {
      resolve,
      resolveService,
      random,
      signal: limit.signal,
    });
  }

  /** Dials; resolves with the open session, or `undefined` if `onIdentity` gave up. */
  async dial(
    target: DialTarget,
    signal: AbortSignal,
  ): Promise<PeerSession | undefined> {
    const { clock, counters, histograms } = this.#options;
    const begunAt = clock.monotonic();
    counters.dialsAttempted++;
    const span = dialSpan(target);
    try {
      const session = await this.#open(target, signal, span);
      if (session !== undefined) {
        counters.dialsSucceeded++;
        histograms.dialMs.add(clock.monotonic() - begunAt);
      }
      span?.end();
      return session;
    } catch (error) {
      if (!signal.aborted) counters.dialsFailed++;
      span?.end(error);
      throw error;
    }
  }

  /** Whether a key is at an endpoint: TLS with it as a pin, and not a byte more. Never rejects. */
  async reaches(
    endpoint: Address,
    certificate: VerifiedCertificate,
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      (await this.#pinned(endpoint, certificate, signal)).close();
      return true;
    } catch (error) {
      if (error instanceof VerackError) return false;
      throw error;
    }
  }

  async #open(
    target: DialTarget,
    signal: AbortSignal,
    span: Span | undefined,
  ): Promise<PeerSession | undefined> {
    const { address, endpoint } = target;
    const shown = target.certificate ?? await this.#lookUp(target, signal);
    if (target.onIdentity?.(shown.id) === false) return undefined;
    const [connection, certificate] = await this.#connect(
      shown,
      target,
      signal,
    );
    target.onReached?.();
    return await this.#options.opener.open({
      connection,
      listener: certificate,
      dialed: { address, endpoint },
      signal,
      ...(span && { span }),
    });
  }

  /** The certificate shown there, which is trusted only after a dial with it as a pin. */
  async #lookUp(
    { endpoint, expected }: DialTarget,
    signal: AbortSignal,
  ): Promise<VerifiedCertificate> {
    const { clock, transport } = this.#options;
    using limit = deadline(clock, DIAL_TIMEOUT_MS, signal);
    const shown = verifyCertificate(
      await transport.fetchCertificate(endpoint, limit),
    );
    if (expected === undefined || expected === shown.id) return shown;
    throw new WrongIdentityError(endpoint, expected, shown.id);
  }

  /** Connects with the certificate as a pin; a re-made certificate of the same key is as good. */
  async #connect(
    certificate: VerifiedCertificate,
    target: DialTarget,
    signal: AbortSignal,
  ): Promise<[Connection, VerifiedCertificate]> {
    const { endpoint } = target;
    try {
      return [await this.#pinned(endpoint, certificate, signal), certificate];
    } catch (error) {
      const mismatch = error instanceof VerackError &&
        error.code === "wrong-certificate";
      if (!mismatch || target.pinnedOnly) throw error;
      const expected = certificate.id;
      const shown = await this.#lookUp({ ...target, expected }, signal);
      if (shown.der.toHex() === certificate.der.toHex()) throw error;
      return [await this.#pinned(endpoint, shown, signal), shown];
    }
  }

  async #pinned(
    endpoint: Address,
    { der, id }: VerifiedCertificate,
    signal: AbortSignal,
  ): Promise<Connection> {
    const { clock, transport } = this.#options;
    const pin: Pin = { certificate: der, serverName: serverNameOf(id) };
    using limit = deadline(clock, DIAL_TIMEOUT_MS, signal);
    return await transport.dial(endpoint, { pin, signal: limit.signal });
  }
}
