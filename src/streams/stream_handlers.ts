/**
 * The protocols that a node handles, and how many streams of each run at the same time: one
 * peer has at most as many as it leaves to others, and peers without standing half of all.
 */
import { FairShare } from "../core/fair_share.ts";
import type { PeerId } from "../core/peer_id.ts";
import { isProtocolName } from "../wire/messages/stream_frames.ts";
import { MAX_PROTOCOL_NAME_BYTES } from "../wire/wire_limits.ts";
import type {
  HandleOptions,
  RelayedOptions,
  StreamHandler,
} from "./peer_stream.ts";
import {
  MAX_HANDLED_STREAMS,
  STRANGERS_HANDLED_SHARE,
} from "./streams_limits.ts";

/** One protocol. */
interface HandledProtocol {
  readonly handler: StreamHandler;
  readonly isRelayed: boolean;
  /** Streams that are handled at present. */
  readonly running: FairShare;
}

/** A stream that may be handled. */
export interface AdmittedStream {
  readonly handler: StreamHandler;
  readonly isRelayed: boolean;
  /** Until its handler has settled. */
  readonly place: Disposable;
}

/** The protocols of one node. */
export class StreamHandlers {
  readonly #hasStanding: (peer: PeerId) => boolean;
  readonly #protocols = new Map<string, HandledProtocol>();

  constructor(hasStanding: (peer: PeerId) => boolean) {
    this.#hasStanding = hasStanding;
  }

  /** See `Node.handle`. */
  handle(
    protocol: string,
    handler: StreamHandler,
    options: HandleOptions & RelayedOptions = {},
  ): Disposable {
    checkProtocol("handle", protocol);
    if (typeof handler !== "function") {
      throw new TypeError(
        `Cannot handle ${protocol}: handler must be a function`,
      );
    }
    const { maxStreams = MAX_HANDLED_STREAMS, isRelayed = false } = options;
    if (!(Number.isInteger(maxStreams) && maxStreams >= 1)) {
      throw new RangeError(
        `Cannot handle ${protocol}: maxStreams is ${maxStreams}, must be a positive integer`,
      );
    }
    if (this.#protocols.has(protocol)) {
      throw new TypeError(
        `Cannot handle ${protocol}: it has a handler, must be disposed of before`,
      );
    }
    const running = new FairShare({
      total: maxStreams,
      strangers: Math.max(1, STRANGERS_HANDLED_SHARE * maxStreams),
      hasStanding: this.#hasStanding,
    });
    const handled = { handler, isRelayed, running };
    this.#protocols.set(protocol, handled);
    return {
      [Symbol.dispose]: () => {
        if (this.#protocols.get(protocol) === handled) {
          this.#protocols.delete(protocol);
        }
      },
    };
  }

  /** Whether a stream of a peer may be handled now. */
  admit(
    protocol: string,
    peer: PeerId,
  ): AdmittedStream | "unknown-protocol" | "full" {
    const handled = this.#protocols.get(protocol);
    if (handled === undefined) return "unknown-protocol";
    const place = handled.running.take(peer);
    if (place === undefined) return "full";
    const { handler, isRelayed } = handled;
    return { handler, isRelayed, place };
  }
}

/** Throws `RangeError` unless it may be the name of a protocol. */
export function checkProtocol(action: string, protocol: string): void {
  if (typeof protocol === "string" && isProtocolName(protocol)) return;
  throw new RangeError(
    `Cannot ${action} stream: protocol is ${
      JSON.stringify(String(protocol).slice(0, 80))
    }, must be 1 to ${MAX_PROTOCOL_NAME_BYTES} characters of printable ASCII without spaces`,
  );
}
