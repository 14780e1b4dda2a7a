/**
 * What the benchmarks ask of a contestant, so that the same load runs on verack's
 * sessions and messages, on bare TLS sockets, and on the peer networks of others.
 *
 * This and what else is loaded by `peers/` for others runs on Deno and on Node.
 */

/** Names of contestants: a module of `contestants/` each. */
export type Kind =
  /** verack's sessions, without the mesh. */
  | "verack"
  /** verack's nodes, as an application uses them; they acknowledge. */
  | "messages"
  /** Deno's TLS sockets. */
  | "bare"
  /** js-libp2p's streams. */
  | "libp2p"
  /** js-libp2p's publish/subscribe. */
  | "gossipsub"
  /** Hyperswarm's encrypted stream over TCP. */
  | "secret-stream"
  /** The same over UDP, as its distributed hash table opens it. */
  | "hyperdht"
  /** Two clients of a NATS server. */
  | "nats";

/** Which contestant a process runs, as plain JSON. */
export interface Setup {
  readonly kind: Kind;
  readonly opening: OpeningSizes;
  /** Whether the receiver of messages acknowledges them. */
  readonly acknowledged?: boolean;
  /** Where the software of others is installed. */
  readonly folder?: string;
}

/** Where a contestant listens, as plain JSON: it travels between processes. */
export type Endpoint = unknown;

/**
 * Takes one message. `payload` is valid only during the call.
 */
export type Receiver = (channel: Channel, payload: Uint8Array) => void;

/** An open connection that carries messages both ways. */
export interface Channel {
  /** Queues one message; `payload` is copied. */
  send(payload: Uint8Array): void;
  /** Bytes that wait to be written, or to be acknowledged. */
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

/** A listening socket; it stays until the process ends, as all does. */
export interface Listening {
  readonly endpoint: Endpoint;
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
  /** Resolves when it is connected to so many, where it looks for them by itself. */
  met?(peers: number): Promise<void>;
}

/**
 * Bytes on the wire of the four messages that open a session: dialer, acceptor,
 * dialer, acceptor.
 */
export type OpeningSizes = readonly [number, number, number, number];

/** Loads a contestant; the code of all others stays out of the process. */
export async function contestant(setup: Setup): Promise<Contestant> {
  const plain = await load(setup);
  if (setup.acknowledged !== true) return plain;
  const { Acknowledged } = await import("./contestants/acknowledged.ts");
  return new Acknowledged(plain);
}

async function load(
  { kind, opening, folder = "", acknowledged = false }: Setup,
): Promise<Contestant> {
  switch (kind) {
    case "verack": {
      const { Verack } = await import("./contestants/verack.ts");
      return await Verack.create();
    }
    case "messages": {
      const { Messages } = await import("./contestants/messages.ts");
      return new Messages();
    }
    case "bare": {
      const { Bare } = await import("./contestants/bare.ts");
      return await Bare.create(opening, acknowledged);
    }
    case "libp2p": {
      const { Libp2p } = await import("./contestants/libp2p.ts");
      return await Libp2p.create(folder);
    }
    case "gossipsub": {
      const { Gossipsub } = await import("./contestants/gossipsub.ts");
      return await Gossipsub.create(folder);
    }
    case "secret-stream": {
      const { SecretStreams } = await import("./contestants/secret_stream.ts");
      return SecretStreams.create(folder);
    }
    case "nats": {
      const { Nats } = await import("./contestants/nats.ts");
      return new Nats(folder);
    }
    case "hyperdht": {
      const { HyperDht } = await import("./contestants/hyperdht.ts");
      return await HyperDht.create(folder);
    }
  }
}
