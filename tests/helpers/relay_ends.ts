/** Ends of relayed pairs that speak `relay/1` and `relayed/1` by hand, on the streams of a node. */
import { assertEquals, assertRejects } from "@std/assert";
import { type ErrorCode, VerackError } from "../../src/core/errors.ts";
import type { Node } from "../../src/mesh/node.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import {
  decodeRelayOffer,
  encodeRelayTarget,
  RELAY_GO,
  RELAY_OFFER_BYTES,
  RELAY_PROTOCOL,
  RELAYED_PROTOCOL,
  type RelayOffer,
} from "../../src/mesh/relay/relay_format.ts";
import type { PeerStream } from "../../src/streams/peer_stream.ts";
import { readExactly } from "../contract/pair.ts";

/** Requests an offer of `relay` to lead to `target`. */
export async function requestOffer(
  node: Node,
  relay: Node,
  target: string,
): Promise<{ stream: PeerStream; offer: RelayOffer }> {
  const stream = await node.open(relay.identity.id, RELAY_PROTOCOL, {
    metadata: encodeRelayTarget(target as Node["identity"]["id"]),
  });
  const offer = decodeRelayOffer(await readExactly(stream, RELAY_OFFER_BYTES));
  return { stream, offer };
}

/** The same, and accepts it. */
export async function relayTo(
  node: Node,
  relay: Node,
  target: Node,
): Promise<PeerStream> {
  const { stream } = await requestOffer(node, relay, target.identity.id);
  await stream.write(RELAY_GO);
  return stream;
}

/** The streams that relays open to a node; each stays open until the test ends it. */
export class RelayedStreams {
  readonly #waiting: PeerStream[] = [];
  readonly #takers: ((stream: PeerStream) => void)[] = [];

  constructor(node: Node) {
    // In the place of the node's own sessions.
    partsOf(node).relaying.arrivals.stop();
    node.handle(RELAYED_PROTOCOL, async (stream) => {
      const taker = this.#takers.shift();
      if (taker === undefined) this.#waiting.push(stream);
      else taker(stream);
      await stream.closed.catch(() => {});
    });
  }

  /** How many have come and were not taken. */
  get size(): number {
    return this.#waiting.length;
  }

  /** The next. */
  next(): Promise<PeerStream> {
    const stream = this.#waiting.shift();
    if (stream !== undefined) return Promise.resolve(stream);
    return new Promise((resolve) => this.#takers.push(resolve));
  }
}

/** Asserts that it is refused with this code; returns the error. */
export async function assertRefused(
  promise: Promise<unknown>,
  code: ErrorCode,
): Promise<VerackError> {
  const error = await assertRejects(() => promise, VerackError);
  assertEquals(error.code, code, error.message);
  return error;
}
