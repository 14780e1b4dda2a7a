/**
 * Opens sessions over streams that a relay joins, at both ends: the security of the transport
 * runs over the stream, and on that the ordinary session, so that all rules of direct sessions
 * hold. Which relay is used is decided elsewhere.
 */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { type PeerId, serverNameOf, shortId } from "../../core/peer_id.ts";
import type { VerifiedCertificate } from "../../identity/certificate.ts";
import type { Identity } from "../../identity/identity.ts";
import type { PeerStream } from "../../streams/peer_stream.ts";
import type {
  Connection,
  Credentials,
  Incoming,
  Overlay,
  Transport,
} from "../../transport/transport.ts";
import type { PeerSession, RelayedPath } from "../peers/peer_session.ts";
import { StreamConnection } from "./stream_connection.ts";

/** A session with a relay, and how many sessions one after the other a relayed one has with it. */
export interface Leg {
  readonly relay: PeerSession;
  readonly hops: number;
}

/** Dependencies of {@linkcode RelayedSessions}. */
export interface RelayedSessionsOptions {
  readonly clock: Clock;
  readonly identity: Identity;
  readonly transport: Pick<Transport, "overlay">;
  readonly opener: {
    open(options: {
      readonly connection: Connection;
      readonly listener: VerifiedCertificate;
      readonly relayed: RelayedPath;
      readonly signal: AbortSignal;
    }): Promise<PeerSession>;
  };
  readonly acceptor: {
    acceptRelayed(
      incoming: Incoming,
      relayed: RelayedPath & { readonly claimed: PeerId },
    ): Promise<void>;
  };
}

/** The relayed sessions of one node. */
export class RelayedSessions {
  readonly #options: RelayedSessionsOptions;
  readonly #credentials: Credentials;

  constructor(options: RelayedSessionsOptions) {
    this.#options = options;
    const { certificate, privateKeyPem } = options.identity;
    this.#credentials = { certificate, privateKeyPem };
  }

  /** Whether this node can be an end of relayed sessions: its transport needs an overlay. */
  get isPossible(): boolean {
    return this.#options.transport.overlay !== undefined;
  }

  /**
   * Opens a session with the peer of `certificate` as the dialing end, over a stream that the
   * relay joins with one to that peer. The stream is closed if that fails.
   *
   * @throws {VerackError} as a dial; `unsupported` if it is not possible here.
   */
  async dial(
    stream: PeerStream,
    { relay, hops }: Leg,
    certificate: VerifiedCertificate,
    signal: AbortSignal,
  ): Promise<PeerSession> {
    const overlay = this.#overlay(stream);
    const { der, id } = certificate;
    const connection = await overlay.dial(this.#carrier(stream, relay), {
      pin: { certificate: der, serverName: serverNameOf(id) },
      signal,
    });
    return await this.#options.opener.open({
      connection,
      listener: certificate,
      relayed: { via: relay.remote.id, hops },
      signal,
    });
  }

  /**
   * Opens a session as the accepting end, over a stream that the relay has opened for `claimed`.
   * Resolves when the stream has ended, so that it is a handler's; what fails is reported by the
   * acceptor. `onSettled` is called once the session is open or has failed.
   *
   * @throws {VerackError} `unsupported` if it is not possible here.
   */
  async accept(
    stream: PeerStream,
    { relay, hops }: Leg,
    claimed: PeerId,
    onSettled?: () => void,
  ): Promise<void> {
    const overlay = this.#overlay(stream);
    const carrier = this.#carrier(stream, relay);
    const path = { via: relay.remote.id, hops, claimed };
    await this.#options.acceptor.acceptRelayed({
      remoteAddress: carrier.remoteAddress,
      open: (signal) =>
        overlay.accept(carrier, {
          credentials: this.#credentials,
          ...(signal && { signal }),
        }),
      close: () => carrier.close(),
    }, path);
    onSettled?.();
    await stream.closed.catch(() => {});
  }

  #carrier(stream: PeerStream, { channel }: PeerSession): StreamConnection {
    return new StreamConnection(
      stream,
      channel.connection,
      this.#options.clock,
    );
  }

  #overlay(stream: PeerStream): Overlay {
    const { overlay } = this.#options.transport;
    if (overlay !== undefined) return overlay;
    const error = new VerackError(
      "unsupported",
      `Cannot open a session through ${
        shortId(stream.peer)
      }: TLS cannot be run over a stream here, as the TLS engine is not usable`,
    );
    stream.abort(error);
    throw error;
  }
}
