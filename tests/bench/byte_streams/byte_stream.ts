/**
 * What the benchmarks of byte streams ask of a contestant, so that the same load
 * runs on verack's streams, on bare TLS sockets, and on the streams of others.
 *
 * This and what else is loaded by `peers/stream_*.ts` for others runs on Deno and on
 * Node.
 */

/** Names of contestants: a module of this folder each. */
export type StreamKind =
  /** verack's streams between two nodes. */
  | "verack"
  /** Deno's TLS sockets, one a stream. */
  | "bare"
  /** Deno's TCP sockets, one a stream. */
  | "tcp"
  /** js-libp2p's streams. */
  | "libp2p"
  /** Hyperswarm's encrypted stream over TCP, which has one stream a connection. */
  | "secret-stream";

/** Which contestant a process runs, as plain JSON. */
export interface StreamSetup {
  readonly kind: StreamKind;
  /** Whether bytes go through Web Streams, where there is a quicker way. */
  readonly web?: boolean;
  /** Where the listening end puts the files that it receives. */
  readonly receiveDir?: string;
  /** The member through which two nodes of verack's, that accept no connections, are in session. */
  readonly relay?: string;
  /** Where the software of others is installed. */
  readonly folder?: string;
}

/** Takes bytes, which are valid only during the call; null at their end. */
export type Taker = (bytes: Uint8Array | null) => void;

/** One stream of bytes, both ways. */
export interface ByteStream {
  /** Must be called once, before anything comes. */
  receive(take: Taker): void;
  /** Copies or writes all of it; resolves when more may be written. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the own direction. */
  end(): void;
  /** Ends both directions at once. */
  abort(): void;
}

/** Where a contestant listens, as plain JSON. */
export type StreamEndpoint = unknown;

/** A connection with one peer, inside of which streams are opened. */
export interface StreamSession {
  open(): Promise<ByteStream>;
  /** One request by what is made for requests, where a contestant has that. */
  request?(body: Uint8Array): Promise<unknown>;
  /** Sends a file by what is made for files; resolves when the other end has it. */
  sendFile?(path: string): Promise<void>;
}

/** Opens and accepts streams. */
export interface StreamContestant {
  /** `handle` is called with each stream that the other end has opened. */
  listen(handle: (stream: ByteStream) => void): Promise<StreamEndpoint>;
  connect(endpoint: StreamEndpoint): Promise<StreamSession>;
}

/** Loads a contestant; the code of all others stays out of the process. */
export async function streamContestant(
  { kind, folder = "", web = false, receiveDir, relay }: StreamSetup,
): Promise<StreamContestant> {
  switch (kind) {
    case "verack": {
      const { VerackStreams } = await import("./verack.ts");
      return new VerackStreams(web, receiveDir, relay);
    }
    case "bare": {
      const { BareStreams } = await import("./bare.ts");
      return await BareStreams.create(web);
    }
    case "tcp": {
      const { TcpStreams } = await import("./tcp.ts");
      return new TcpStreams();
    }
    case "libp2p": {
      const { Libp2pStreams } = await import("./libp2p.ts");
      return await Libp2pStreams.create(folder);
    }
    case "secret-stream": {
      const { SecretByteStreams } = await import("./secret_stream.ts");
      return new SecretByteStreams(folder);
    }
  }
}
