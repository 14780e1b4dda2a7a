/** Options of `respond()`, and what it tells about its connections. */
import type { Clock, Random } from "../core/clock.ts";
import type { Address } from "../transport/address.ts";
import type { Transport } from "../transport/transport.ts";
import type { AddrEntry } from "../wire/messages/bitcoin_messages.ts";
import type { VersionMessage } from "../wire/messages/version.ts";
import type { BehaviourName } from "./behaviours.ts";
import type { NetworkOptions } from "./networks.ts";
import type { PeerMessage, VersionOptions } from "./probe_options.ts";
import type { ProbeError } from "./probe_result.ts";

/** Options of {@linkcode respond}. */
export interface RespondOptions extends NetworkOptions, VersionOptions {
  /** Where to listen. @default {"127.0.0.1"} */
  readonly host?: string;
  /** 0 is any free port. @default {the network's} */
  readonly port?: number;
  /** How it answers, see `BEHAVIOURS`. @default {"normal"} */
  readonly behaviour?: BehaviourName;
  /** Pause of the behaviours that pause, milliseconds. @default {1_000} */
  readonly delayMs?: number;
  /** Told to who asks by `getaddr`, once a connection, at most 1,000. @default {[]} */
  readonly addresses?: readonly AddrEntry[];
  /** Connections at once; more are closed as they come. @default {1_000} */
  readonly maxConnections?: number;
  /** From accepting to `verack`; activity does not extend it. @default {60_000} as in Core */
  readonly handshakeTimeoutMs?: number;
  /** A peer that sends nothing for so long is disconnected. @default {1_200_000} as in Core */
  readonly idleTimeoutMs?: number;
  /** See {@linkcode ProbeOptions.ownNonces}. */
  readonly ownNonces?: Set<bigint>;
  /** Told what happens. What it throws is reported as an uncaught error. */
  readonly onEvent?: (event: ResponderEvent) => void;
  /** Closes the responder when it aborts. */
  readonly signal?: AbortSignal;
  /** Times everything. @default {systemClock} */
  readonly clock?: Clock;
  /** Makes the nonces. @default {systemRandom} */
  readonly random?: Random;
  /** Makes the connections. @default {tcpTransport()} */
  readonly transport?: Transport;
}

/** What happens to the connections of a responder; `id` counts them from 1. */
export type ResponderEvent =
  | { readonly type: "connect"; readonly id: number; readonly remote: Address }
  /** Closed at once: {@linkcode RespondOptions.maxConnections} are open. */
  | { readonly type: "full"; readonly remote: Address }
  | { readonly type: "message"; readonly id: number } & PeerMessage
  | {
    readonly type: "open";
    readonly id: number;
    /** The client's. */
    readonly version: VersionMessage;
    readonly features: readonly string[];
    /** Milliseconds since it connected. */
    readonly atMs: number;
  }
  | {
    readonly type: "close";
    readonly id: number;
    /** Why; absent when the responder itself closed down. */
    readonly error?: ProbeError;
    /** Milliseconds since it connected. */
    readonly atMs: number;
  };

/** Answers like a Bitcoin node until it is closed. */
export interface Responder extends AsyncDisposable {
  /** Where it listens; the port is never 0. */
  readonly address: Address;
  /** Name of its network. */
  readonly network: string;
  /** Connections open now. */
  readonly connections: number;
  /** Connections ever accepted, those closed for being too many not counted. */
  readonly accepted: number;
  /** Handshakes ever completed. */
  readonly completed: number;
  /** Resolves when it has closed. */
  readonly closed: Promise<void>;
  /** Closes the listener and every connection; resolves when all are gone. Idempotent. */
  close(): Promise<void>;
}
