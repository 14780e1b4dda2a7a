/**
 * Two deliveries with a wire between them that can be slow, cut and replaced: what
 * the pure tests of `delivery/` stand on. Nothing here is TLS, and time is virtual.
 */
import { parsePeerId, type PeerId } from "../../src/core/peer_id.ts";
import { assert } from "@std/assert";
import type { FrameSink } from "../../src/delivery/frame_sink.ts";
import { type Pacing, SendTurns } from "../../src/session/send_turns.ts";
import { Delivery } from "../../src/delivery/delivery.ts";
import type { MessageStore } from "../../src/delivery/message_store.ts";
import type { OutgoingMessage } from "../../src/delivery/outgoing_message.ts";
import {
  type DeliverySettings,
  resolveOutbox,
} from "../../src/delivery/delivery_settings.ts";
import type { PeerQueues } from "../../src/delivery/outbox_usage.ts";
import { NodeHistograms } from "../../src/core/histogram.ts";
import { NodeCounters, SessionTraffic } from "../../src/core/node_counters.ts";
import { VerackError } from "../../src/core/errors.ts";
import type { MessagesOptions } from "../../src/delivery/consumer.ts";
import type { Message } from "../../src/delivery/incoming_message.ts";
import { reasonOf } from "../../src/session/close_reason.ts";
import { joined } from "../../src/wire/bytes.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import type { ReasonName } from "../../src/wire/messages/reason.ts";
import { ACK_DELAY_MS } from "../../src/delivery/delivery_limits.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const MAGIC = new Uint8Array(4);

/** A frame on its way. */
export interface WireFrame {
  readonly command: string;
  readonly payload: Uint8Array;
}

/** One end of a wire: frames wait until the test lets them pass. */
export class FakeFrameSink implements FrameSink {
  isOpen = true;
  /** Frames that the other end has not got. */
  readonly queue: WireFrame[] = [];
  /** Why it was ended, if it was. */
  error: VerackError | undefined;
  reason: ReasonName | undefined;
  /** Sends as fast as the test takes. */
  readonly pacer: Pacing = {
    isFull: false,
    isOverfull: false,
    isShort: false,
    chunkBytes: Infinity,
    sent: () => {},
    ready: () => Promise.resolve(),
  };
  readonly turns = new SendTurns(this);
  readonly traffic = new SessionTraffic(undefined);
  rttMs: number | undefined = 0;
  readonly #handlers = new Map<string, (payload: Uint8Array) => void>();
  #bytes = 0;
  #drained: (() => void)[] = [];

  get queuedBytes(): number {
    return this.#bytes;
  }

  handle(command: string, handler: (payload: Uint8Array) => void): void {
    this.#handlers.set(command, handler);
  }

  /** A frame comes from the other end. */
  receive({ command, payload }: WireFrame): void {
    if (this.isOpen) this.#handlers.get(command)?.(payload);
  }

  send(command: string, head: Uint8Array, rest?: Uint8Array): boolean {
    if (!this.isOpen) return false;
    const payload = joined(head, rest).slice();
    this.queue.push({ command, payload });
    this.#bytes += 24 + payload.length;
    return true;
  }

  sendFrames(frames: Uint8Array): boolean {
    const decoder = new FrameDecoder({
      magic: MAGIC,
      maxPayload: frames.length,
      verifyChecksum: false,
    });
    decoder.push(frames.slice());
    for (let it = decoder.next(); it !== undefined; it = decoder.next()) {
      this.send(it.command, it.payload);
    }
    return this.isOpen;
  }

  check(): void {}

  async drained(bytes: number): Promise<void> {
    while (this.isOpen && this.#bytes > bytes) {
      await new Promise<void>((resolve) => this.#drained.push(resolve));
    }
  }

  leave(error: VerackError): Promise<void> {
    this.reason ??= reasonOf(error);
    this.error ??= error;
    this.close();
    return Promise.resolve();
  }

  /** Takes the oldest frame off the wire. */
  shift(): WireFrame | undefined {
    const frame = this.queue.shift();
    if (frame !== undefined) this.#bytes -= 24 + frame.payload.length;
    this.#wake();
    return frame;
  }

  close(): void {
    this.isOpen = false;
    this.queue.length = 0;
    this.#bytes = 0;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}

/** A delivery and what it reported. */
export interface Party {
  readonly id: PeerId;
  readonly clock: VirtualClock;
  readonly delivery: Delivery;
  readonly givenUp: { outgoing: OutgoingMessage; error: VerackError }[];
}

export interface PartyOptions {
  /** What it remembers of earlier ones. */
  readonly store?: MessageStore;
  readonly seed?: number;
  readonly settings?: Partial<DeliverySettings>;
  readonly queues?: PeerQueues;
}

/** Makes a delivery. */
export function party(
  id: PeerId,
  clock: VirtualClock,
  options: PartyOptions = {},
): Party {
  const givenUp: Party["givenUp"] = [];
  const delivery = new Delivery({
    clock,
    random: new SeededRandom(options.seed ?? 1),
    counters: new NodeCounters(),
    deliveryMs: new NodeHistograms().deliveryMs,
    magic: MAGIC,
    store: options.store,
    limits: resolveOutbox(),
    maxDeliveries: 5,
    onGivenUp: (outgoing, error) => givenUp.push({ outgoing, error }),
    keptNow: () => clock.now(),
    hasStanding: () => true,
    isInMemory: () => false,
    onDeadLetter: () => {},
    ...options.settings,
  }, options.queues);
  return { id, clock, delivery, givenUp };
}

/** Unacknowledged messages of a party, and their bytes. */
export function unacknowledged(
  { delivery: { outbox: { messages, bytes } } }: Party,
): { messages: number; bytes: number } {
  return { messages, bytes };
}

/** A session between two parties. */
export class Wire {
  readonly ends: readonly [FakeFrameSink, FakeFrameSink] = [
    new FakeFrameSink(),
    new FakeFrameSink(),
  ];
  readonly #parties: readonly [Party, Party];
  /** Bytes of payload that have passed, from either end. */
  readonly passedBytes: [number, number] = [0, 0];

  readonly #clock: VirtualClock;

  constructor(a: Party, b: Party) {
    this.#parties = [a, b];
    this.#clock = a.clock;
    a.delivery.opened(b.id, this.ends[0]);
    b.delivery.opened(a.id, this.ends[1]);
    a.delivery.route(b.id, this.ends[0]);
    b.delivery.route(a.id, this.ends[1]);
  }

  /** Lets the oldest frame from one end pass; false if there is none. */
  pass(from: 0 | 1): boolean {
    const to = from === 0 ? 1 : 0;
    const frame = this.ends[from].shift();
    const sink = this.ends[to];
    if (frame === undefined || !sink.isOpen) return false;
    this.passedBytes[from] += frame.payload.length;
    sink.receive(frame);
    return true;
  }

  /** Lets everything pass that there is, and what it gives rise to. */
  async run(): Promise<void> {
    for (let quiet = 0; quiet < 3;) {
      const passed = this.pass(0) || this.pass(1);
      quiet = passed ? 0 : quiet + 1;
      // Acknowledgements wait a little for others.
      if (!passed) await this.#clock.advance(ACK_DELAY_MS);
    }
  }

  /** Loses what is on the way, and the session. */
  cut(): void {
    for (const at of [0, 1] as const) {
      const end = this.ends[at];
      end.close();
      this.#parties[at].delivery.closed(end);
      this.#parties[at].delivery.route(
        this.#parties[1 - at]!.id,
        undefined,
      );
    }
  }
}

/** Ends deliveries, as at a restart; what waits at them is rejected. */
export function end(...parties: Party[]): void {
  const error = new VerackError("stopped", "The test ends it");
  for (const { delivery } of parties) delivery.close(error, { flush: false });
}

/** The next message of a consumer; there must be one. */
export async function next(
  messages: AsyncIterator<Message, undefined>,
): Promise<Message> {
  const { value } = await messages.next();
  assert(value !== undefined, "there is no message");
  return value;
}

/** Acks all that comes; what has come so far. */
export function takeAll(
  { delivery }: Party,
  options?: MessagesOptions,
): Message[] {
  const taken: Message[] = [];
  (async () => {
    for await (const message of delivery.messages(options)) taken.push(message);
  })();
  return taken;
}

/** Lets promises settle that depend on each other. */
export async function turns(count = 30): Promise<void> {
  for (let at = 0; at < count; at++) await Promise.resolve();
}

/** The id of a peer, by number. */
export function peerId(at: number): PeerId {
  return parsePeerId(at.toString(16).padStart(64, "0"));
}

/** Two parties and the wire between them, in virtual time. */
export interface Stage {
  readonly clock: VirtualClock;
  readonly a: Party;
  readonly b: Party;
  readonly wire: Wire;
}

export const A = parsePeerId("a".repeat(64));
export const B = parsePeerId("b".repeat(64));

/** Makes the parties {@linkcode A} and {@linkcode B}. */
export function stage(
  options: { readonly a?: PartyOptions; readonly b?: PartyOptions } = {},
): Stage {
  const clock = new VirtualClock();
  const a = party(A, clock, options.a);
  const b = party(B, clock, { seed: 2, ...options.b });
  return { clock, a, b, wire: new Wire(a, b) };
}
