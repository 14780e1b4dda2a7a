/**
 * The streams of a node: the protocols that it handles, and a multiplexer for each session.
 * Which session a peer's streams use is decided in `mesh/`.
 */
import type { Clock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import type { NodeCounters } from "../core/node_counters.ts";
import { type PeerId, shortId } from "../core/peer_id.ts";
import { aheadOf } from "../session/send_turns.ts";
import { MAX_STREAM_METADATA_BYTES } from "../wire/wire_limits.ts";
import type { MultiplexedStream } from "./multiplexed_stream.ts";
import {
  Multiplexer,
  type MultiplexerOptions,
  type StreamSink,
} from "./multiplexer.ts";
import type {
  HandleOptions,
  OpenOptions,
  PeerStream,
  RelayedOptions,
  StreamHandler,
} from "./peer_stream.ts";
import { checkProtocol, StreamHandlers } from "./stream_handlers.ts";
import { StreamMemory } from "./stream_memory.ts";

const UTF8 = new TextEncoder();
const NO_BYTES = new Uint8Array(0);

/** Dependencies of a {@linkcode StreamHub}. */
export interface StreamHubOptions {
  readonly clock: Clock;
  readonly counters: NodeCounters;
  readonly hasStanding: (peer: PeerId) => boolean;
  /** A handler has thrown. */
  readonly onFailed: (
    stream: Pick<PeerStream, "peer" | "protocol">,
    error: unknown,
  ) => void;
}

/** All streams of one node. */
export class StreamHub {
  readonly #handlers: StreamHandlers;
  readonly #shared: MultiplexerOptions;
  readonly #multiplexers = new Map<StreamSink, Multiplexer>();
  #closed: VerackError | undefined;

  constructor(options: StreamHubOptions) {
    this.#handlers = new StreamHandlers(options.hasStanding);
    const memory = new StreamMemory();
    const ahead = () => aheadOf(this.#multiplexers.size);
    this.#shared = { ...options, handlers: this.#handlers, memory, ahead };
  }

  /** Streams that have not ended. */
  get size(): number {
    let size = 0;
    for (const { size: its } of this.#multiplexers.values()) size += its;
    return size;
  }

  /** See `Node.handle`. */
  handle(
    protocol: string,
    handler: StreamHandler,
    options?: HandleOptions & RelayedOptions,
  ): Disposable {
    return this.#handlers.handle(protocol, handler, options);
  }

  /** A session with a peer is established, which supports streams. */
  opened(peer: PeerId, sink: StreamSink): void {
    if (this.#multiplexers.has(sink)) return;
    const multiplexer = new Multiplexer(this.#shared, peer, sink);
    if (this.#closed !== undefined) return multiplexer.close(this.#closed);
    this.#multiplexers.set(sink, multiplexer);
  }

  /** A session has ended. */
  closed(sink: StreamSink, error: VerackError): void {
    const multiplexer = this.#multiplexers.get(sink);
    if (multiplexer === undefined) return;
    this.#multiplexers.delete(sink);
    multiplexer.close(
      new VerackError(
        "session-lost",
        `The session with ${
          shortId(multiplexer.peer)
        } has ended: ${error.message}`,
        { cause: error },
      ),
    );
  }

  /** Resolves when a session has no streams, at the latest when it ends. */
  async idle(sink: StreamSink): Promise<void> {
    await this.#multiplexers.get(sink)?.idle();
  }

  /** The node closes, this session before others: its streams end as by {@linkcode close}. */
  closeOn(sink: StreamSink, error: VerackError): void {
    this.#multiplexers.get(sink)?.close(error);
    this.#multiplexers.delete(sink);
  }

  /**
   * Opens a stream on a session; see `Node.open`.
   *
   * @throws {VerackError} `unsupported`, `full`, `aborted`, `stopped`.
   */
  open(
    peer: PeerId,
    sink: StreamSink,
    protocol: string,
    options: OpenOptions & RelayedOptions = {},
  ): PeerStream {
    checkProtocol("open", protocol);
    const metadata = metadataOf(options);
    const { signal } = options;
    if (signal?.aborted) {
      throw new VerackError(
        "aborted",
        `Cannot open stream to ${shortId(peer)}: aborted`,
        { cause: signal.reason },
      );
    }
    this.checkOpen();
    const multiplexer = this.#multiplexers.get(sink);
    if (multiplexer === undefined) {
      throw new VerackError(
        "unsupported",
        `Cannot open stream to ${shortId(peer)}: its version has no streams`,
      );
    }
    const stream = multiplexer.open(protocol, metadata, options.isRelayed);
    if (signal !== undefined) abortWith(stream, signal);
    return stream;
  }

  /** Throws `stopped` once it is closed. */
  checkOpen(): void {
    if (this.#closed !== undefined) throw this.#closed;
  }

  /** Ends all streams; none is opened any more. */
  close(error: VerackError): void {
    this.#closed ??= error;
    for (const multiplexer of this.#multiplexers.values()) {
      multiplexer.close(error);
    }
    this.#multiplexers.clear();
  }
}

function metadataOf({ metadata = NO_BYTES }: OpenOptions): Uint8Array {
  const bytes = typeof metadata === "string" ? UTF8.encode(metadata) : metadata;
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(
      "Cannot open stream: metadata must be a Uint8Array or a string",
    );
  }
  if (bytes.length > MAX_STREAM_METADATA_BYTES) {
    throw new RangeError(
      `Cannot open stream: metadata has ${bytes.length} bytes, must have at most ${MAX_STREAM_METADATA_BYTES}`,
    );
  }
  // A copy also of a `Buffer`, whose `slice` is none.
  return new Uint8Array(bytes);
}

/** Aborts a stream with a signal, for as long as it lives. */
function abortWith(stream: MultiplexedStream, signal: AbortSignal): void {
  const onAbort = () => stream.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  stream.onFinished = () => signal.removeEventListener("abort", onAbort);
}
