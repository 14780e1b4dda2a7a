/**
 * js-libp2p's publish/subscribe, nodes of one process only: the publisher sees by
 * what was delivered how much is under way, as the protocol itself does not tell.
 *
 * It does what the sessions of the others do and not more: no signature a message,
 * as each comes from its author over an authenticated connection.
 */
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import { join } from "node:path";
import type {
  Broadcast,
  Channel,
  Contestant,
  Endpoint,
  Listening,
  Receiver,
} from "../contestant.ts";
import { createNode, type Libp2pNode } from "./libp2p.ts";
import { Window } from "./window.ts";

const TOPIC = "verack-bench";
/** Before each body, so that no two messages are the same. */
const COUNTER_BYTES = 8;
const POLL_MS = 10;

/** The part of the service that is used. */
interface PubSub {
  subscribe(topic: string): void;
  getSubscribers(topic: string): { toString(): string }[];
  publish(topic: string, data: Uint8Array): Promise<unknown>;
  addEventListener(
    event: "message",
    take: (event: { detail: { data: Uint8Array } }) => void,
  ): void;
}

type PubSubNode = Libp2pNode<{ pubsub: PubSub }>;

/** Channels to those of this process, by the name of their node. */
const channels = new Map<string, DeliveryChannel>();

/** gossipsub as a contestant. */
export class Gossipsub implements Contestant {
  readonly #require: NodeJS.Require;
  readonly #node: PubSubNode;
  #counter = 0n;

  private constructor(require: NodeJS.Require, node: PubSubNode) {
    this.#require = require;
    this.#node = node;
  }

  static async create(folder: string): Promise<Gossipsub> {
    const require = createRequire(join(folder, "package.json"));
    const { gossipsub } = require("@libp2p/gossipsub");
    const { identify } = require("@libp2p/identify");
    const node = await createNode<{ pubsub: PubSub }>(require, {
      identify: identify(),
      pubsub: gossipsub({
        globalSignaturePolicy: "StrictNoSign",
        msgIdFn: ({ data }: { data: Uint8Array }) =>
          data.subarray(0, COUNTER_BYTES),
        // It takes many peers of one host for one attacker.
        scoreParams: { IPColocationFactorWeight: 0 },
        // The quickest it offers, and nothing is passed on: all know the author.
        floodPublish: true,
        batchPublish: true,
        awaitRpcHandler: false,
        gossipFactor: 0,
        D: 0,
        Dlo: 0,
        Dhi: 0,
        Dout: 0,
        Dlazy: 0,
      }),
    });
    return new Gossipsub(require, node);
  }

  listen(accept: (channel: Channel) => Receiver): Promise<Listening> {
    const { pubsub } = this.#node.services;
    const seen = new Set<string>();
    setInterval(() => {
      for (const id of pubsub.getSubscribers(TOPIC).map(String)) {
        const channel = channels.get(id);
        if (channel === undefined || seen.has(id)) continue;
        seen.add(id);
        accept(channel);
      }
    }, POLL_MS);
    const endpoint = this.#node.getMultiaddrs().map(String)[0];
    return Promise.resolve({ endpoint });
  }

  async dial(endpoint: Endpoint, receiver: Receiver): Promise<Channel> {
    const { multiaddr } = this.#require("@multiformats/multiaddr");
    const { pubsub } = this.#node.services;
    const channel = new DeliveryChannel();
    pubsub.addEventListener("message", ({ detail: { data } }) => {
      receiver(channel, data.subarray(COUNTER_BYTES));
      channel.window.settle(data.length - COUNTER_BYTES);
    });
    pubsub.subscribe(TOPIC);
    channels.set(this.#node.peerId.toString(), channel);
    await this.#node.dial(multiaddr(endpoint));
    return channel;
  }

  broadcast(payload: Uint8Array): Broadcast {
    const data = Buffer.alloc(COUNTER_BYTES + payload.length);
    data.writeBigUInt64BE(this.#counter++);
    data.set(payload, COUNTER_BYTES);
    this.#node.services.pubsub.publish(TOPIC, data);
    return {
      sendTo: (channel) =>
        (channel as DeliveryChannel).window.add(payload.length),
    };
  }
}

/** What one node was sent and has not got yet. */
class DeliveryChannel implements Channel {
  readonly window = new Window();

  get queuedBytes(): number {
    return this.window.bytes;
  }

  drained(bytes: number): Promise<void> {
    return this.window.settled(bytes);
  }

  send(): void {
    throw new TypeError("Cannot send: gossipsub only broadcasts");
  }

  close(): void {}
}
