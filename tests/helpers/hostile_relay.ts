/** Members that relay as a test has them do, and send what it requests of others. */
import { parsePeerId, type PeerId } from "../../src/core/peer_id.ts";
import type { Identity } from "../../src/identity/identity.ts";
import type { Node } from "../../src/mesh/node.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import {
  decodeRelayTarget,
  encodeRelayedHead,
  encodeRelayOffer,
  RELAY_PROTOCOL,
  RELAYED_PROTOCOL,
  type RelayOffer,
} from "../../src/mesh/relay/relay_format.ts";
import type { PeerStream } from "../../src/streams/peer_stream.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodePeers, PEER_FLAG } from "../../src/wire/messages/peers.ts";

/** An offer that no honest relay can match. */
const BEST_OFFER: RelayOffer = { hops: 2, rttMs: 0, load: 0 };

/** A relay that does what it is told instead of relaying. */
export class HostileRelay {
  readonly node: Node;
  /** Streams that asked it, and those that accepted its offer. */
  asked = 0;
  accepted = 0;

  /** `serve` has each stream whose opener accepted the offer; without an offer it has all. */
  constructor(
    node: Node,
    serve: (
      stream: PeerStream,
      target: PeerId,
      relay: HostileRelay,
    ) => void | Promise<void>,
    offer: RelayOffer | null = BEST_OFFER,
  ) {
    this.node = node;
    partsOf(node).relaying.server.stop();
    node.handle(RELAY_PROTOCOL, async (stream) => {
      this.asked++;
      if (offer !== null) {
        await stream.write(encodeRelayOffer(offer));
        const go = await stream.read(new Uint8Array(1));
        if (go === null) return;
        this.accepted++;
      }
      await serve(stream, decodeRelayTarget(stream.metadata), this);
      await stream.closed.catch(() => {});
    });
  }

  /** Opens the stream to the accepting end, for `claimed`. */
  async open(target: PeerId, claimed: PeerId, hops = 2): Promise<PeerStream> {
    return await this.node.open(target, RELAYED_PROTOCOL, {
      metadata: encodeRelayedHead({ from: claimed, hops }),
    });
  }

  /** Joins two streams, as long as `isOpen` says. */
  async join(
    one: PeerStream,
    other: PeerStream,
    isOpen: () => boolean = () => true,
  ): Promise<void> {
    const pipe = async (from: PeerStream, to: PeerStream) => {
      const buffer = new Uint8Array(16_384);
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) return await to.closeWrite();
        if (isOpen()) await to.write(buffer.slice(0, count));
      }
    };
    await Promise.allSettled([pipe(one, other), pipe(other, one)]);
  }
}

/** Reads all, and answers nothing. */
export async function swallow(stream: PeerStream): Promise<void> {
  const buffer = new Uint8Array(16_384);
  try {
    while (await stream.read(buffer) !== null);
  } catch {
    // The other end has given up.
  }
}

/** Has `from` say to `to` that it has sessions with these, at an address where none is. */
export function reportLive(
  from: Node,
  to: Node,
  identities: readonly Identity[],
): void {
  const channel = partsOf(from).table.get(to.identity.id)?.primary?.channel;
  for (let at = 0; at < identities.length; at += 16) {
    const entries = identities.slice(at, at + 16).map((identity, index) => ({
      id: parsePeerId(identity.id),
      certificate: identity.certificate,
      addresses: [{ host: "10.9.9.9", port: 1 + at + index }],
      lastSeen: 1,
      flags: PEER_FLAG.live,
      name: "",
      attestation: new Uint8Array(0),
    }));
    channel?.send(COMMAND.peers, encodePeers({ more: true, entries }));
  }
}
