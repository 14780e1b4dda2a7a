/**
 * Acknowledgements for contestants that have none of their own: the receiver of
 * messages says how many bytes of them, once for all that came together, and what
 * a sender has queued is what was not acknowledged yet.
 */
import type {
  Broadcast,
  Channel,
  Contestant,
  DialOptions,
  Endpoint,
  Listening,
  Receiver,
} from "../contestant.ts";
import { Window } from "./window.ts";

/** First byte of an acknowledgement; no other message begins with it. */
const ACK = 0xff;
const ACK_BYTES = 5;

/** Any contestant, acknowledging. */
export class Acknowledged implements Contestant {
  readonly #plain: Contestant;

  constructor(plain: Contestant) {
    this.#plain = plain;
  }

  listen(accept: (channel: Channel) => Receiver): Promise<Listening> {
    return this.#plain.listen((inner) => {
      const channel = new AcknowledgedChannel();
      channel.inner = inner;
      channel.receiver = accept(channel);
      return channel.take;
    });
  }

  async dial(
    endpoint: Endpoint,
    receiver: Receiver,
    options?: DialOptions,
  ): Promise<Channel> {
    const channel = new AcknowledgedChannel();
    channel.receiver = receiver;
    channel.inner = await this.#plain.dial(endpoint, channel.take, options);
    return channel;
  }

  broadcast(payload: Uint8Array): Broadcast {
    const broadcast = this.#plain.broadcast(payload);
    return {
      sendTo: (channel) =>
        (channel as AcknowledgedChannel).share(broadcast, payload.length),
    };
  }
}

/** A channel that counts what is not acknowledged. */
class AcknowledgedChannel implements Channel {
  inner: Channel | undefined;
  receiver: Receiver = () => {};
  readonly #ack = new Uint8Array(ACK_BYTES);
  readonly #view = new DataView(this.#ack.buffer);
  readonly #window = new Window();
  #taken = 0;

  constructor() {
    this.#ack[0] = ACK;
  }

  get queuedBytes(): number {
    return this.#window.bytes;
  }

  send(payload: Uint8Array): void {
    this.#window.add(payload.length);
    this.inner!.send(payload);
  }

  share(broadcast: Broadcast, size: number): void {
    this.#window.add(size);
    broadcast.sendTo(this.inner!);
  }

  drained(bytes: number): Promise<void> {
    return this.#window.settled(bytes);
  }

  close(): void {
    this.inner!.close();
  }

  /** Takes a message or an acknowledgement. */
  readonly take = (inner: Channel, payload: Uint8Array): void => {
    if (payload[0] === ACK) {
      const { buffer, byteOffset, length } = payload;
      const view = new DataView(buffer, byteOffset, length);
      return this.#window.settle(view.getUint32(1));
    }
    this.inner ??= inner;
    // First, so that it leaves together with what the receiver answers.
    if (this.#taken === 0) queueMicrotask(this.#acknowledge);
    this.#taken += payload.length;
    this.receiver(this, payload);
  };

  readonly #acknowledge = (): void => {
    this.#view.setUint32(1, this.#taken);
    this.#taken = 0;
    this.inner!.send(this.#ack);
  };
}
