/** Options of a probe. What each means to the peer is in `version_fields.ts`. */
import type { Clock, Random } from "../core/clock.ts";
import type { Transport } from "../transport/transport.ts";
import type { NetworkOptions } from "./networks.ts";
import type { ProbeErrorKind, ProbeResult } from "./probe_result.ts";

/** What our `version` says; the rest (time, nonce, addresses) is made for every connection. */
export interface VersionOptions {
  /** Signed 32 bits. @default {70016} */
  readonly protocolVersion?: number;
  /** Unsigned 64 bits. @default {0n} */
  readonly services?: bigint;
  /** Text, or bytes of any kind; at most 256 bytes. @default {"/verack:<version>/"} */
  readonly userAgent?: string | Uint8Array;
  /** Signed 32 bits. @default {0} */
  readonly startHeight?: number;
  /** Whether we want transactions (BIP37). @default {false} for a probe, {true} for a responder */
  readonly relay?: boolean;
}

/** One message, as it comes or goes; also after the handshake. */
export interface PeerMessage {
  /** As seen from us. */
  readonly direction: "in" | "out";
  /** Printable ASCII. */
  readonly command: string;
  /** Valid during the call only; empty when it was too long to be kept. */
  readonly payload: Uint8Array;
  /** Length of the payload, bytes. */
  readonly bytes: number;
  /** Milliseconds since the connection was begun. */
  readonly atMs: number;
  /** Set when the message was dropped, as Core does, and why. */
  readonly dropped?: ProbeErrorKind;
}

/** Options of {@linkcode probe}. */
export interface ProbeOptions extends NetworkOptions, VersionOptions {
  /** One deadline for the whole handshake, from the beginning of dialing. @default {5_000} */
  readonly timeoutMs?: number;
  /** Ends the probe, which then rejects with the signal's reason; with {@linkcode stay} see there. */
  readonly signal?: AbortSignal;
  /**
   * Keeps a session whose handshake is complete and answers its pings until the
   * peer leaves or `signal` aborts; the probe resolves then.
   *
   * @default {false}
   */
  readonly stay?: boolean;
  /** Called once when the handshake is complete. */
  readonly onOpen?: (result: ProbeResult) => void;
  /** Called for every message in both directions. */
  readonly onMessage?: (message: PeerMessage) => void;
  /**
   * Nonces of our own unfinished outbound connections: the probe puts its nonce
   * in and takes it out again. Shared with `respond()`, it finds connections to
   * ourselves from the other end too.
   */
  readonly ownNonces?: Set<bigint>;
  /** Times everything. @default {systemClock} */
  readonly clock?: Clock;
  /** Makes the nonces. @default {systemRandom} */
  readonly random?: Random;
  /** Makes the connections. @default {tcpTransport()} */
  readonly transport?: Transport;
}

/** Options of {@linkcode probeAll}. */
export interface ProbeAllOptions
  extends Omit<ProbeOptions, "onOpen" | "onMessage"> {
  /** Probes under way at once. @default {64} */
  readonly concurrency?: number;
  /** As {@linkcode ProbeOptions.onOpen}, and of which address. */
  readonly onOpen?: (result: ProbeResult) => void;
  /** As {@linkcode ProbeOptions.onMessage}, and of which address: `host:port` as asked for. */
  readonly onMessage?: (message: PeerMessage, address: string) => void;
}
