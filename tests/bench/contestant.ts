/**
 * What the benchmarks ask of a contestant, so that the same load runs on verack's
 * sessions (`contestants/verack.ts`) and on bare TLS sockets (`contestants/bare.ts`).
 */

/** Name of a contestant. */
export type Kind = "verack" | "bare";

/** Where a contestant listens, as plain JSON: it travels between processes. */
export interface Endpoint {
  readonly port: number;
  /** X.509, PEM. */
  readonly certificate: string;
  /** DNS name in the certificate. */
  readonly serverName: string;
}

/**
 * Takes one message. `payload` is valid only during the call.
 */
export type Receiver = (channel: Channel, payload: Uint8Array) => void;

/** An open connection that carries messages both ways. */
export interface Channel {
  /** Queues one message; `payload` is copied. */
  send(payload: Uint8Array): void;
  /** Bytes that wait to be written. */
  readonly queuedBytes: number;
  /** Resolves when at most `bytes` wait. */
  drained(bytes: number): Promise<void>;
  /** Closes at once. */
  close(): void;
}

/** One message, encoded once for many channels. */
export interface Broadcast {
  sendTo(channel: Channel): void;
}

/** A listening socket. */
export interface Listening {
  readonly endpoint: Endpoint;
  close(): void;
}

/** How a channel is opened, where contestants allow for it. */
export interface DialOptions {
  /** Whether to free the acceptor's first message from Nagle's algorithm. */
  readonly nudge?: boolean;
}

/** Opens channels. */
export interface Contestant {
  /** `accept` is called with each channel once it is open, and gives its receiver. */
  listen(accept: (channel: Channel) => Receiver): Promise<Listening>;
  /** Resolves when the opening exchange is complete. */
  dial(
    endpoint: Endpoint,
    receiver: Receiver,
    options?: DialOptions,
  ): Promise<Channel>;
  broadcast(payload: Uint8Array): Broadcast;
}

/**
 * Bytes on the wire of the four messages that open a session: dialer, acceptor,
 * dialer, acceptor.
 */
export type OpeningSizes = readonly [number, number, number, number];

/** Loads a contestant; the other one's code stays out of the process. */
export async function contestant(
  kind: Kind,
  opening: OpeningSizes,
): Promise<Contestant> {
  if (kind === "bare") {
    const { Bare } = await import("./contestants/bare.ts");
    return await Bare.create(opening);
  }
  const { Verack } = await import("./contestants/verack.ts");
  return await Verack.create();
}
