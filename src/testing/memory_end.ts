/**
 * One simulated connection: two ends, a lane of packets each way. Behaves as TCP
 * does towards its users: bytes arrive in order or not at all, a reader
 * that stops fills the window and stops the writer, a close is a FIN after the
 * data, and bytes for an end that is gone are answered by a reset.
 *
 * Hosts, listeners and faults are in `memory_network.ts`.
 */
import type { Clock } from "../core/clock.ts";
import { Deque } from "../core/deque.ts";
import { MEMORY_WINDOW_BYTES } from "../transport/transport_limits.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import { failure } from "../transport/net_errors.ts";
import type { Connection } from "../transport/transport.ts";

/** What a packet carries. */
export type PacketKind =
  | "syn" // requests a connection
  | "hello" // the listener's half of the security handshake
  | "finished" // the dialer's half
  | "data"
  | "credit" // the reader has consumed bytes
  | "fin"
  | "reset";

/** A packet at the moment of its arrival. */
export interface MemoryPacket {
  /** Monotonic time of the network's clock. */
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  readonly kind: PacketKind;
  /** Bytes carried, or consumed by the reader. */
  readonly bytes: number;
  /** The payload, if it is data; must not be changed. */
  readonly data?: Uint8Array;
}

/** What a lane needs of the network around it. */
export interface LaneOwner {
  readonly clock: Clock;
  /** Time on the wire of the next packet, milliseconds. */
  delayMs(): number;
  /** Whether packets from one host reach the other at present. */
  isCut(fromHost: string, toHost: string): boolean;
  /** Whether `host` is running, and so sends anything at all. */
  isUp(host: string): boolean;
  /** A packet has arrived. */
  onPacket(packet: MemoryPacket): void;
}

interface Queued {
  readonly kind: PacketKind;
  readonly bytes: number;
  readonly arrive: () => void;
  readonly data: Uint8Array | undefined;
  dueMs: number;
}

/** Packets one way. Never reordered; held while the way is cut, as TCP would resend them. */
export class Lane {
  readonly from: Address;
  readonly to: Address;
  readonly #owner: LaneOwner;
  readonly #queue = new Deque<Queued>();
  #lastDueMs = 0;
  /** Set while the first packet is timed. */
  #cancelTimer: (() => void) | undefined;

  constructor(owner: LaneOwner, from: Address, to: Address) {
    this.#owner = owner;
    this.from = from;
    this.to = to;
  }

  /** Sends a packet; `arrive` runs at the other end. A crashed host sends none. */
  send(
    kind: PacketKind,
    bytes: number,
    arrive: () => void,
    data?: Uint8Array,
  ): void {
    if (!this.#owner.isUp(this.from.host)) return;
    const dueMs = this.#owner.clock.monotonic() + this.#owner.delayMs();
    this.#lastDueMs = Math.max(this.#lastDueMs, dueMs);
    this.#queue.push({ kind, bytes, arrive, data, dueMs: this.#lastDueMs });
    this.#arm();
  }

  /** Sends what was held, after the way was cut and healed. */
  resume(): void {
    const { first } = this.#queue;
    if (first === undefined || this.#cancelTimer !== undefined) return;
    first.dueMs = this.#owner.clock.monotonic() + this.#owner.delayMs();
    this.#lastDueMs = Math.max(this.#lastDueMs, first.dueMs);
    this.#arm();
  }

  /** Drops all packets under way. */
  clear(): void {
    this.#queue.clear();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #arm(): void {
    const { first } = this.#queue;
    if (first === undefined || this.#cancelTimer !== undefined) return;
    const waitMs = first.dueMs - this.#owner.clock.monotonic();
    let isCancelled = false;
    const deliver = () => {
      if (isCancelled) return;
      this.#cancelTimer = undefined;
      this.#deliver();
    };
    if (waitMs > 0) {
      this.#cancelTimer = this.#owner.clock.after(waitMs, deliver);
    } else {
      // Without latency packets arrive without the clock, so that it need not be advanced.
      this.#cancelTimer = () => isCancelled = true;
      queueMicrotask(deliver);
    }
  }

  #deliver(): void {
    const { clock } = this.#owner;
    for (
      let head = this.#queue.first;
      head !== undefined && head.dueMs <= clock.monotonic();
      head = this.#queue.first
    ) {
      if (this.#owner.isCut(this.from.host, this.to.host)) return; // Until resume().
      this.#queue.shift();
      this.#owner.onPacket({
        atMs: clock.monotonic(),
        from: formatAddress(this.from),
        to: formatAddress(this.to),
        kind: head.kind,
        bytes: head.bytes,
        ...(head.data && { data: head.data }),
      });
      head.arrive();
    }
    this.#arm();
  }
}

/** One end of a simulated connection. */
export class MemoryEnd implements Connection {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  /** Packets from this end to the other. */
  readonly lane: Lane;
  readonly #onGone: () => void;
  #peer: MemoryEnd = this;
  readonly #inbox = new Deque<Uint8Array>();
  /** Bytes that may still be sent before the other end has read some. */
  #credit = MEMORY_WINDOW_BYTES;
  #sawFin = false;
  /** Why this end is unusable; set once. */
  #gone: string | undefined;
  #change = Promise.withResolvers<void>();
  #onHangUp: (() => void) | undefined;

  /** `onGone` is called once, when this end has become unusable. */
  private constructor(lane: Lane, onGone: () => void) {
    this.lane = lane;
    this.#onGone = onGone;
    this.localAddress = lane.from;
    this.remoteAddress = lane.to;
  }

  /** Both ends of a connection, each with its lane to the other. */
  static pair(
    lanes: readonly [Lane, Lane],
    onGone: () => void,
  ): readonly [MemoryEnd, MemoryEnd] {
    const [a, b] = lanes;
    const ends = [new MemoryEnd(a, onGone), new MemoryEnd(b, onGone)] as const;
    [ends[0].#peer, ends[1].#peer] = [ends[1], ends[0]];
    return ends;
  }

  /** Whether this end can no longer be used, whatever the state of the other one. */
  get gone(): boolean {
    return this.#gone !== undefined;
  }

  /** Calls `callback` when this end breaks or the other one closes, for an end that is not read yet. */
  onHangUp(callback: (() => void) | undefined): void {
    this.#onHangUp = callback;
    if (this.#gone !== undefined || this.#sawFin) callback?.();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#inbox.length === 0) {
      if (this.#gone !== undefined) throw this.#error("read");
      if (this.#sawFin) return null;
      await this.#change.promise;
    }
    return this.#take(buffer);
  }

  async write(data: Uint8Array): Promise<number> {
    while (this.#gone === undefined && this.#credit === 0) {
      await this.#change.promise;
    }
    if (this.#gone !== undefined) throw this.#error("write");
    const bytes = data.slice(0, this.#credit);
    this.#credit -= bytes.length;
    this.lane.send(
      "data",
      bytes.length,
      () => this.#peer.#onData(bytes),
      bytes,
    );
    return bytes.length;
  }

  close(): void {
    if (this.#gone !== undefined) return;
    // As TCP does: unread bytes are lost, and a reset is sent.
    if (this.#inbox.length > 0) {
      this.lane.send("reset", 0, () => this.#peer.reset());
    } else this.lane.send("fin", 0, () => this.#peer.#onFin());
    this.vanish("the connection was closed here");
  }

  /** Breaks this end at once; nothing is sent to the other end. */
  vanish(reason: string): void {
    if (this.#gone !== undefined) return;
    this.#inbox.clear();
    this.#break(reason);
  }

  /** A reset arrived, or the connection was broken. Bytes that arrived before can still be read. */
  reset(): void {
    if (this.#gone !== undefined) return;
    this.#break("the other end reset the connection");
  }

  #break(reason: string): void {
    this.#gone = reason;
    this.#wake();
    this.#onHangUp?.();
    this.#onGone();
  }

  #take(buffer: Uint8Array): number {
    const chunk = this.#inbox.first;
    if (chunk === undefined) return 0;
    const count = Math.min(chunk.length, buffer.length);
    buffer.set(chunk.subarray(0, count));
    if (count === chunk.length) this.#inbox.shift();
    else this.#inbox.replaceFirst(chunk.subarray(count));
    if (this.#gone === undefined) {
      this.lane.send("credit", count, () => this.#peer.#onCredit(count));
    }
    return count;
  }

  #onData(bytes: Uint8Array): void {
    if (this.#gone !== undefined) {
      this.lane.send("reset", 0, () => this.#peer.reset());
      return;
    }
    if (bytes.length > 0) this.#inbox.push(bytes);
    this.#wake();
  }

  #onCredit(count: number): void {
    this.#credit += count;
    this.#wake();
  }

  #onFin(): void {
    this.#sawFin = true;
    this.#wake();
    this.#onHangUp?.();
  }

  #wake(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  #error(action: "read" | "write"): Error {
    const detail = this.#gone ?? "the connection is gone";
    return failure("closed", action, this.remoteAddress, detail);
  }
}
