/**
 * The forwarded connections of one node: how many peers may have, and which are idle for too
 * long. A connection of which one direction has ended may not be idle for ever, nor one with a
 * peer without standing; any other may, as a shell is.
 */
import type { Clock } from "../../core/clock.ts";
import { messageOf, VerackError } from "../../core/errors.ts";
import { FairShare } from "../../core/fair_share.ts";
import { logger } from "../../core/log.ts";
import type { PeerId } from "../../core/peer_id.ts";
import type { PeerStream } from "../../streams/peer_stream.ts";
import { descriptors } from "../../transport/descriptors.ts";
import {
  FORWARD_SWEEP_MS,
  HALF_CLOSED_IDLE_MS,
  MAX_FORWARDED,
  MAX_FORWARDED_PER_PEER,
  MAX_FORWARDED_STRANGERS,
  STRANGER_IDLE_MS,
} from "../services_limits.ts";
import { ForwardedConnection, type Socket } from "./forwarded_connection.ts";
import { SpareDescriptors } from "./spare_descriptors.ts";

const log = logger("services");

/** Dependencies of {@linkcode ConnectionSet}. */
export interface ConnectionSetParts {
  readonly clock: Clock;
  /** Whether a peer has standing, or a rule or a forward names it. */
  readonly hasStanding: (peer: PeerId) => boolean;
}

/** The forwarded connections of one node. */
export class ConnectionSet {
  readonly #parts: ConnectionSetParts;
  readonly #places: FairShare;
  readonly #peers = new Map<ForwardedConnection, PeerId>();
  readonly #descriptors: SpareDescriptors;
  #cancelSweep: (() => void) | undefined;

  constructor(parts: ConnectionSetParts) {
    this.#parts = parts;
    this.#places = new FairShare({
      total: MAX_FORWARDED,
      perPeer: MAX_FORWARDED_PER_PEER,
      strangers: MAX_FORWARDED_STRANGERS,
      hasStanding: parts.hasStanding,
      trustsStanding: true,
    });
    this.#descriptors = new SpareDescriptors({
      clock: parts.clock,
      descriptors,
      // Of connections that peers asked for there are places before there are sockets.
      held: () => Math.max(this.#peers.size, this.#places.used),
      pending: () => Math.max(0, this.#places.used - this.#peers.size),
    });
  }

  /** Connections that are open or being opened. */
  get size(): number {
    return this.#peers.size;
  }

  /**
   * A place for a connection that a peer has this node make or accept.
   *
   * @throws {VerackError} `full`.
   */
  placeFor(peer: PeerId): Disposable {
    this.requireDescriptor();
    const place = this.#places.take(peer);
    if (place !== undefined) return place;
    throw new VerackError(
      "full",
      "Cannot forward a connection: as many as allowed are open",
    );
  }

  /**
   * Leaves descriptors to the rest of the node.
   *
   * @throws {VerackError} `full`.
   */
  requireDescriptor(): void {
    if (this.#descriptors.take()) return;
    throw new VerackError(
      "full",
      "Cannot forward: few file descriptors are left, raise the limit (ulimit -n) of the node",
    );
  }

  /** Joins a stream and a socket; {@linkcode carry} the result. */
  join(stream: PeerStream, socket: Socket): ForwardedConnection {
    const { clock } = this.#parts;
    return new ForwardedConnection(stream, socket, () => clock.monotonic());
  }

  /**
   * Runs a connection to its end, and logs it.
   *
   * @param what The address that it leads to or comes from, for the log.
   * @throws {VerackError} as `ForwardedConnection.run`.
   */
  async carry(
    connection: ForwardedConnection,
    { peer, what, run }: {
      readonly peer: PeerId;
      readonly what: string;
      readonly run: () => Promise<void>;
    },
  ): Promise<void> {
    this.#peers.set(connection, peer);
    this.#cancelSweep ??= this.#sweepLater();
    let reason: string | undefined;
    try {
      await run();
    } catch (error) {
      reason = messageOf(error);
      throw error;
    } finally {
      this.#peers.delete(connection);
      if (this.#peers.size === 0) {
        this.#cancelSweep?.();
        this.#cancelSweep = undefined;
      }
      const { sentBytes, receivedBytes } = connection;
      log.info("forwarded connection closed", {
        peer,
        address: what,
        sentBytes,
        receivedBytes,
        reason,
      });
    }
  }

  #sweepLater(): () => void {
    return this.#parts.clock.after(FORWARD_SWEEP_MS, () => this.#sweep());
  }

  #sweep(): void {
    this.#cancelSweep = this.#sweepLater();
    const now = this.#parts.clock.monotonic();
    for (const [connection, peer] of [...this.#peers]) {
      const { isHalfClosed, lastAt } = connection;
      const limitMs = isHalfClosed ? HALF_CLOSED_IDLE_MS : STRANGER_IDLE_MS;
      const idleMs = now - lastAt;
      if (idleMs < limitMs) continue;
      if (!isHalfClosed && this.#parts.hasStanding(peer)) continue;
      connection.abort(
        new VerackError(
          "timeout",
          `The forwarded connection was idle for ${idleMs} ms, must be less than ${limitMs}`,
        ),
      );
    }
  }
}
