/**
 * One end of a channel under load. Both ends run the same code, in all
 * contestants; the first byte of each message says what to do with it.
 */
import type { Channel } from "./contestant.ts";

/** What a message is for. */
const OP = {
  /** Count it. */
  data: 0,
  /** All data was sent: say how much came. */
  end: 1,
  /** So many messages came (u32). */
  count: 2,
  /** Send it back. */
  echo: 3,
  /** The echo. */
  reply: 4,
  /** Send data for a while: size (u32), milliseconds (u32). */
  flood: 5,
  /** When it was sent, milliseconds since the epoch (f64). */
  stamp: 6,
  /** Send stamps: messages (u32), pause in milliseconds (u32). */
  trickle: 7,
  /** All stamps were sent: say how late they were. */
  latencies: 8,
  /** How late they were, milliseconds (f64 each). */
  result: 9,
} as const;

const SMALL_BYTES = 100;
/** Sending stops when so much waits, and goes on when half of it has left. */
const HIGH_WATER_BYTES = 524_288;

/** Milliseconds since the epoch, finer than `Date.now()`; one clock a machine. */
export function machineClock(): number {
  return performance.timeOrigin + performance.now();
}

/** One end of a channel. */
export class Station {
  readonly #bytes = new Uint8Array(SMALL_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  #channel: Channel | undefined;
  #received = 0;
  #latencies: number[] = [];
  #resolve: (value: number | number[]) => void = () => {};

  /** Must be called before anything arrives. */
  attach(channel: Channel): void {
    this.#channel = channel;
  }

  /** Takes one message. */
  receive(channel: Channel, payload: Uint8Array): void {
    switch (payload[0]) {
      case OP.data:
        this.#received++;
        return;
      case OP.echo:
        this.#bytes.set(payload);
        this.#bytes[0] = OP.reply;
        return channel.send(this.#bytes);
      case OP.reply:
        return this.#resolve(0);
      case OP.stamp:
        this.#latencies.push(
          machineClock() - viewOf(payload).getFloat64(8),
        );
        return;
      default:
        this.#control(channel, payload);
    }
  }

  /** Floods the other end; messages a second, all of them taken there. */
  async flood(size: number, milliseconds: number): Promise<number> {
    const started = performance.now();
    const sent = await this.#send(size, milliseconds);
    const received = await this.#ask(OP.end) as number;
    if (received !== sent) {
      throw new Error(
        `Cannot measure: ${sent} messages sent, ${received} came`,
      );
    }
    return received / (performance.now() - started) * 1_000;
  }

  /** Lets the other end flood this one; messages a second. */
  async beFlooded(size: number, milliseconds: number): Promise<number> {
    const started = performance.now();
    this.#received = 0;
    const sent = await this.#ask(OP.flood, size, milliseconds) as number;
    if (this.#received !== sent) {
      throw new Error(
        `Cannot measure: ${sent} messages sent, ${this.#received} came`,
      );
    }
    return sent / (performance.now() - started) * 1_000;
  }

  /** Asks and waits for the answer, so many times; milliseconds each. */
  async roundTrips(count: number): Promise<number[]> {
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const started = performance.now();
      await this.#ask(OP.echo);
      times.push(performance.now() - started);
    }
    return times;
  }

  /** Sends and waits until it is acknowledged, so many times; milliseconds each. */
  async acknowledgements(count: number): Promise<number[]> {
    const channel = this.#attached();
    const payload = new Uint8Array(SMALL_BYTES);
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const started = performance.now();
      channel.send(payload);
      await channel.drained(0);
      times.push(performance.now() - started);
    }
    return times;
  }

  /** Sends a message every so often, unanswered; how late each came, milliseconds. */
  async trickle(count: number, pauseMs: number): Promise<number[]> {
    await this.#stamps(count, pauseMs);
    return await this.#ask(OP.latencies) as number[];
  }

  /** Lets the other end do that; how late each came here, milliseconds. */
  async beTrickled(count: number, pauseMs: number): Promise<number[]> {
    this.#latencies = [];
    await this.#ask(OP.trickle, count, pauseMs);
    return this.#latencies;
  }

  #control(channel: Channel, payload: Uint8Array): void {
    const view = viewOf(payload);
    const [first, second] = [view.getUint32(4), view.getUint32(8)];
    switch (payload[0]) {
      case OP.end:
        this.#say(channel, OP.count, this.#received);
        this.#received = 0;
        return;
      case OP.count:
        return this.#resolve(first);
      case OP.flood:
        this.#send(first, second).then((sent) =>
          this.#say(channel, OP.count, sent)
        );
        return;
      case OP.trickle:
        this.#stamps(first, second).then(() =>
          this.#say(channel, OP.count, first)
        );
        return;
      case OP.latencies: {
        const late = new Float64Array([0, ...this.#latencies]);
        const bytes = new Uint8Array(late.buffer);
        bytes[0] = OP.result;
        this.#latencies = [];
        return channel.send(bytes);
      }
      case OP.result: {
        const values = new Float64Array(payload.slice().buffer);
        return this.#resolve([...values.subarray(1)]);
      }
    }
  }

  async #send(size: number, milliseconds: number): Promise<number> {
    const channel = this.#attached();
    const payload = new Uint8Array(size);
    const until = performance.now() + milliseconds;
    let sent = 0;
    do {
      while (channel.queuedBytes < HIGH_WATER_BYTES) {
        channel.send(payload);
        sent++;
      }
      await channel.drained(HIGH_WATER_BYTES / 2);
    } while (performance.now() < until);
    await channel.drained(0);
    return sent;
  }

  #stamps(count: number, pauseMs: number): Promise<void> {
    const channel = this.#attached();
    const { promise, resolve } = Promise.withResolvers<void>();
    let left = count;
    const timer = setInterval(() => {
      if (left-- > 0) {
        this.#bytes[0] = OP.stamp;
        this.#view.setFloat64(8, machineClock());
        return channel.send(this.#bytes);
      }
      clearInterval(timer);
      resolve();
    }, pauseMs);
    return promise;
  }

  #ask(op: number, first = 0, second = 0): Promise<number | number[]> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#say(this.#attached(), op, first, second);
    });
  }

  #say(channel: Channel, op: number, first: number, second = 0): void {
    this.#bytes[0] = op;
    this.#view.setUint32(4, first);
    this.#view.setUint32(8, second);
    channel.send(this.#bytes);
  }

  #attached(): Channel {
    if (this.#channel === undefined) {
      throw new TypeError("Station has no channel yet");
    }
    return this.#channel;
  }
}

function viewOf(payload: Uint8Array): DataView {
  return new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
}
