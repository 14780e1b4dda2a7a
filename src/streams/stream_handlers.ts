/**
 * The protocols that a node handles, and how many streams of each run at the same time: one
 * peer has at most as many as it leaves to others, and peers without standing have half.
 */
import type { PeerId } from "../core/peer_id.ts";
import { isProtocolName } from "../wire/messages/stream_frames.ts";
import { MAX_PROTOCOL_NAME_BYTES } from "../wire/wire_limits.ts";
import type { HandleOptions, StreamHandler } from "./peer_stream.ts";
import {
  MAX_HANDLED_STREAMS,
  STRANGERS_HANDLED_SHARE,
} from "./streams_limits.ts";

/** One protocol. */
class HandledProtocol {
  readonly handler: StreamHandler;
  readonly #max: number;
  #running = 0;
  #strangers = 0;
  readonly #byPeer = new Map<PeerId, number>();

  constructor(handler: StreamHandler, max: number) {
    this.handler = handler;
    this.#max = max;
  }

  /** Takes room for a stream of a peer, and returns what gives it back; none if there is none. */
  take(peer: PeerId, hasStanding: boolean): (() => void) | undefined {
    const free = this.#max - this.#running;
    const count = this.#byPeer.get(peer) ?? 0;
    const most = Math.max(1, STRANGERS_HANDLED_SHARE * this.#max);
    if (count >= free || !hasStanding && this.#strangers >= most) {
      return undefined;
    }
    this.#running++;
    if (!hasStanding) this.#strangers++;
    this.#byPeer.set(peer, count + 1);
    return () => {
      this.#running--;
      if (!hasStanding) this.#strangers--;
      const left = this.#byPeer.get(peer)! - 1;
      if (left === 0) this.#byPeer.delete(peer);
      else this.#byPeer.set(peer, left);
    };
  }
}

/** A stream that may be handled. */
export interface AdmittedStream {
  readonly handler: StreamHandler;
  /** Gives its room back. */
  readonly release: () => void;
}

/** The protocols of one node. */
export class StreamHandlers {
  readonly #protocols = new Map<string, HandledProtocol>();

  /** See `Node.handle`. */
  handle(
    protocol: string,
    handler: StreamHandler,
    options: HandleOptions = {},
  ): Disposable {
    checkProtocol("handle", protocol);
    if (typeof handler !== "function") {
      throw new TypeError(
        `Cannot handle ${protocol}: handler must be a function`,
      );
    }
    const { maxStreams = MAX_HANDLED_STREAMS } = options;
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
    const handled = new HandledProtocol(handler, maxStreams);
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
    hasStanding: () => boolean,
  ): AdmittedStream | "unknown-protocol" | "full" {
    const handled = this.#protocols.get(protocol);
    if (handled === undefined) return "unknown-protocol";
    const release = handled.take(peer, hasStanding());
    return release === undefined
      ? "full"
      : { handler: handled.handler, release };
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
