/**
 * verack's nodes as a contestant, by what an application has: `Node.send`,
 * `Node.broadcast` and `Node.consume`, every message acknowledged when its handler
 * has returned.
 */
import { Node } from "../../../mod.ts";
import type {
  Broadcast,
  Channel,
  Contestant,
  Endpoint,
  Listening,
  Receiver,
} from "../contestant.ts";
import { Window } from "./window.ts";

/** Receivers of a broadcast know each other too, which others do without. */
const QUIET = { heartbeatMs: 10_000, deadAfterMs: 30_000 };

/** A node and a channel to each of its peers. */
export class Messages implements Contestant {
  readonly #channels = new Map<string, MessageChannel>();
  #node: Node | undefined;
  #accept: ((peer: string) => MessageChannel) | undefined;

  async listen(accept: (channel: Channel) => Receiver): Promise<Listening> {
    const node = await this.#start();
    this.#acceptAll(node, accept);
    const endpoint = `${node.identity.id}@${node.address}`;
    return { endpoint };
  }

  async dial(endpoint: Endpoint, receiver: Receiver): Promise<Channel> {
    const address = endpoint as string;
    const [peer = ""] = address.split("@");
    const node = await this.#start(address);
    const channel = this.#channel(node, peer);
    channel.receiver = receiver;
    await until(node, () => isConnected(node, peer));
    return channel;
  }

  async met(peers: number): Promise<void> {
    const node = this.#node!;
    await until(
      node,
      () => node.peers().filter((it) => it.connected).length === peers,
    );
  }

  broadcast(payload: Uint8Array): Broadcast {
    const channels: MessageChannel[] = [];
    this.#node!.broadcast(payload).then(({ delivered, failed }) => {
      if (failed.length > 0) throw failed[0]!.error;
      if (delivered.length !== channels.length) {
        throw new Error("Cannot measure: not all have a message in time");
      }
      for (const { window } of channels) window.settle(payload.length);
    });
    return {
      sendTo: (channel) => {
        const { window } = channel as MessageChannel;
        window.add(payload.length);
        channels.push(channel as MessageChannel);
      },
    };
  }

  async #start(...connect: string[]): Promise<Node> {
    const node = this.#node = await Node.start({ connect, ...QUIET });
    node.consume(({ from, view }) => {
      // A message may be delivered before the event that its sender is up.
      const channel = this.#channels.get(from) ?? this.#accept?.(from);
      channel?.receiver(channel, view);
    });
    return node;
  }

  #channel(node: Node, peer: string): MessageChannel {
    const channel = new MessageChannel(node, peer);
    this.#channels.set(peer, channel);
    return channel;
  }

  async #acceptAll(
    node: Node,
    accept: (channel: Channel) => Receiver,
  ): Promise<void> {
    this.#accept = (peer) => {
      const channel = this.#channel(node, peer);
      channel.receiver = accept(channel);
      return channel;
    };
    for await (const event of node.events()) {
      if (event.type === "peer:up" && !this.#channels.has(event.id)) {
        this.#accept(event.id);
      } else if (event.type === "peer:down") {
        // A dialer closes without acknowledging the last answer.
        this.#channels.get(event.id)?.end();
      }
    }
  }
}

/** Sends to one peer; what waits is what it has not acknowledged. */
class MessageChannel implements Channel {
  receiver: Receiver = () => {};
  readonly window = new Window();
  readonly #node: Node;
  readonly #peer: string;
  #closed = false;

  constructor(node: Node, peer: string) {
    this.#node = node;
    this.#peer = peer;
  }

  get queuedBytes(): number {
    return this.window.bytes;
  }

  send(payload: Uint8Array): void {
    const { length } = payload;
    this.window.add(length);
    this.#node.send(this.#peer, payload).then(
      () => this.window.settle(length),
      (error) => {
        if (!this.#closed) throw error;
      },
    );
  }

  drained(bytes: number): Promise<void> {
    return this.window.settled(bytes);
  }

  /** Expects no acknowledgement any more. */
  end(): void {
    this.#closed = true;
  }

  close(): void {
    this.end();
    this.#node.close({ abrupt: true });
  }
}

function isConnected(node: Node, peer: string): boolean {
  return node.peers().some((it) => it.id === peer && it.connected);
}

async function until(node: Node, holds: () => boolean): Promise<void> {
  if (holds()) return;
  for await (const { type } of node.events()) {
    if (type === "peer:up" && holds()) return;
  }
}
