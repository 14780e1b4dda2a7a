/**
 * Members that relay, and do not do what a relay must: they offer more than any other, and drop,
 * delay, reorder, repeat or change what they carry, join others than they were asked for, or say
 * that it comes from another.
 */
import { type Clock, sleep } from "../../src/core/clock.ts";
import type { PeerId } from "../../src/core/peer_id.ts";
import {
  decodeRelayTarget,
  encodeRelayedHead,
  encodeRelayOffer,
  RELAY_PROTOCOL,
  RELAYED_PROTOCOL,
} from "../../src/mesh/relay/relay_format.ts";
import type { PeerStream } from "../../src/streams/peer_stream.ts";
import type { SeededRandom } from "../../src/testing/seeded_random.ts";
import type { Life } from "./member.ts";

/** What such a relay does. */
export const CROOKED_WAYS = [
  /** Offers, and opens nothing. */
  "swallow",
  /** Carries the handshake, then nothing more. */
  "drop",
  /** Carries all, late. */
  "delay",
  /** Carries some bytes after those that came later. */
  "reorder",
  /** Carries some bytes twice. */
  "repeat",
  /** Records all, and opens the same again with it. */
  "replay",
  /** Changes a bit now and then. */
  "change",
  /** Ends the pair in the middle. */
  "break",
  /** Joins another member than it was asked for. */
  "swap",
  /** Says that it comes from another member than it does. */
  "pose",
] as const;

/** One of {@linkcode CROOKED_WAYS}. */
export type CrookedWay = typeof CROOKED_WAYS[number];

/** Those that carry a session all the same, so that the pair need not take another relay. */
const HANDSHAKE_BYTES = 3_000;
const MOST_DELAY_MS = 300;
const BREAKS_WITHIN_MS = 20_000;
const HELD_MS = 200;
const READ_BYTES = 8_192;
const MAX_STREAMS = 256;

/** The crooked relaying of one life. */
export class CrookedRelay {
  readonly #life: Life;
  readonly #way: CrookedWay;
  readonly #random: SeededRandom;
  readonly #clock: Clock;
  readonly #others: () => readonly PeerId[];

  /** Takes the place of what relays in a node. `others` are members that it may lead to. */
  constructor(
    life: Life,
    way: CrookedWay,
    random: SeededRandom,
    others: () => readonly PeerId[],
  ) {
    this.#life = life;
    this.#way = way;
    this.#random = random;
    this.#clock = life.clock;
    this.#others = others;
    const { relaying, streaming } = life.context!;
    relaying.server.stop();
    streaming.handle(
      RELAY_PROTOCOL,
      (stream) => this.#serve(stream).catch(() => stream.abort()),
      { maxStreams: MAX_STREAMS, isRelayed: true },
    );
  }

  async #serve(stream: PeerStream): Promise<void> {
    const asked = decodeRelayTarget(stream.metadata);
    await stream.write(encodeRelayOffer({ hops: 2, rttMs: 0, load: 0 }));
    if (await stream.read(new Uint8Array(1)) === null) return;
    if (this.#way === "swallow") return await swallow(stream);
    const target = this.#way === "swap"
      ? this.#other(asked, stream.peer)
      : asked;
    const from = this.#way === "pose"
      ? this.#other(asked, stream.peer)
      : stream.peer;
    const opened = this.#open(target, from);
    const end = () => {
      stream.abort();
      opened.abort();
    };
    if (this.#way === "break") {
      const inMs = this.#random.float() * BREAKS_WITHIN_MS;
      sleep(this.#clock, inMs, this.#life.over).then(end, end);
    }
    const record: Uint8Array[] = [];
    await Promise.all([
      this.#carry(stream, opened, record),
      this.#carry(opened, stream, []),
    ]).finally(end);
    if (this.#way === "replay") await this.#replay(target, from, record);
  }

  #open(target: PeerId, from: PeerId): PeerStream {
    return this.#life.context!.streaming.open(target, RELAYED_PROTOCOL, {
      metadata: encodeRelayedHead({ from, hops: 2 }),
      isRelayed: true,
    });
  }

  /** Resolves when either direction has ended. */
  async #carry(
    from: PeerStream,
    to: PeerStream,
    record: Uint8Array[],
  ): Promise<void> {
    const random = this.#random;
    let carried = 0;
    const buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      const count = await from.read(buffer);
      if (count === null) return await to.closeWrite();
      let bytes = buffer.slice(0, count);
      carried += count;
      const isLate = carried > HANDSHAKE_BYTES;
      const does = isLate && random.below(4) === 0;
      switch (this.#way) {
        case "drop":
          if (isLate) continue;
          break;
        case "delay":
          await sleep(
            this.#clock,
            random.float() * MOST_DELAY_MS,
            this.#life.over,
          );
          break;
        case "reorder":
          if (does) {
            await sleep(this.#clock, HELD_MS, this.#life.over);
            const more = await from.read(buffer);
            if (more === null) return;
            bytes = new Uint8Array([...buffer.subarray(0, more), ...bytes]);
          }
          break;
        case "repeat":
          if (does) await to.write(bytes);
          break;
        case "change":
          if (does) bytes[random.below(count)]! ^= 1 << random.below(8);
          break;
        case "replay":
          record.push(bytes);
          // It is told of the end by that of the pair.
          if (isLate) return;
          break;
      }
      await to.write(bytes);
    }
  }

  async #replay(
    target: PeerId,
    from: PeerId,
    record: readonly Uint8Array[],
  ): Promise<void> {
    const opened = this.#open(target, from);
    for (const bytes of record) await opened.write(bytes);
    await swallow(opened);
  }

  #other(...not: readonly PeerId[]): PeerId {
    const others = this.#others().filter((id) => !not.includes(id));
    return others[this.#random.below(others.length)] ?? not[0]!;
  }
}

async function swallow(stream: PeerStream): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  while (await stream.read(buffer) !== null);
}
