/**
 * The messages of one kept topic, in memory without their bodies: those of each sender in order,
 * and whose turn is next.
 */
import { Deque } from "../core/deque.ts";
import type { PeerId } from "../core/peer_id.ts";
import { STANDING_TURNS } from "./delivery_limits.ts";
import type { SenderUsage } from "./kept_usage.ts";

/** A message that waits for a consumer, or that one has. */
export interface KeptEntry {
  /** Of the store; a later message has a larger one. */
  readonly key: number;
  /** Length of the body. */
  readonly bytes: number;
  /** When it came, wall clock, milliseconds. */
  readonly at: number;
  /** Deliveries that ended without an ack. */
  deliveryCount: number;
  /** Monotonic clock, milliseconds; it is not delivered before. */
  restsUntil: number;
}

/** Which messages a consumer gets. */
export interface KeptFilter {
  /** Monotonic clock, milliseconds. */
  readonly now: number;
  /** Only messages that came at this time or later, wall clock, milliseconds. */
  readonly since: number;
  /** Also messages with predecessors that are not settled. */
  readonly anyOrder: boolean;
  /** Only messages of senders for which it returns true. */
  readonly from: ((sender: PeerId) => boolean) | undefined;
  /** The consumer, which may go on with a sender of which it has messages. */
  readonly consumer: object;
}

/** The messages of one sender. */
export class KeptStream {
  readonly topic: KeptStreams;
  readonly sender: SenderUsage;
  /** Messages that consumers have, and the consumer if that is one. */
  outstanding = 0;
  #holder: object | undefined;
  /** Never delivered, oldest first. */
  readonly #fresh = new Deque<KeptEntry>();
  /** So many of them, the first ones, came before `#passedSince`. */
  #passed = 0;
  #passedSince = -Infinity;
  /** Delivered and not acked, oldest first. */
  readonly #returned: KeptEntry[] = [];

  constructor(topic: KeptStreams, sender: SenderUsage) {
    this.topic = topic;
    this.sender = sender;
  }

  /** Whether nothing waits, nor is with a consumer. */
  get isEmpty(): boolean {
    return this.outstanding + this.#returned.length + this.#fresh.length === 0;
  }

  /** Counts a message that a consumer has. */
  lease(consumer: object): void {
    const isAlone = this.outstanding++ === 0 || this.#holder === consumer;
    this.#holder = isAlone ? consumer : undefined;
  }

  /** Adds a message that came after all others. */
  push(entry: KeptEntry): void {
    this.#fresh.push(entry);
  }

  /** Returns a message that was taken. */
  putBack(entry: KeptEntry): void {
    const at = this.#returned.findIndex(({ key }) => key > entry.key);
    this.#returned.splice(at < 0 ? this.#returned.length : at, 0, entry);
  }

  /** The next message that may be delivered, which stays until it is removed. */
  next(filter: KeptFilter): KeptEntry | undefined {
    const { now, since, anyOrder, consumer } = filter;
    const isFree = anyOrder || this.outstanding === 0 ||
      this.#holder === consumer;
    if (!isFree) return undefined;
    const isRipe = ({ at, restsUntil }: KeptEntry) =>
      at >= since && (!anyOrder || restsUntil <= now);
    const returned = this.#returned.find(isRipe);
    const fresh = this.#firstSince(since);
    const next = returned === undefined || fresh === undefined
      ? returned ?? fresh
      : returned.key < fresh.key
      ? returned
      : fresh;
    return next !== undefined && next.restsUntil <= now ? next : undefined;
  }

  /** The first one that came at a time or later; those before it are not looked at each time. */
  #firstSince(since: number): KeptEntry | undefined {
    const { first } = this.#fresh;
    if (first === undefined || first.at >= since) return first;
    let at = since >= this.#passedSince ? this.#passed : 0;
    for (let one = this.#fresh.at(at); one !== undefined && one.at < since;) {
      one = this.#fresh.at(++at);
    }
    this.#passed = at;
    this.#passedSince = since;
    return this.#fresh.at(at);
  }

  /** Removes a message that waits. */
  remove(entry: KeptEntry): void {
    // What `next` has returned last is at one of these.
    for (const at of [0, this.#passed]) {
      if (this.#fresh.at(at) !== entry) continue;
      this.#fresh.removeAt(at);
      if (at < this.#passed) this.#passed--;
      return;
    }
    const at = this.#returned.indexOf(entry);
    if (at >= 0) this.#returned.splice(at, 1);
    else {
      this.#fresh.retain((one) => one !== entry);
      this.#passed = 0;
    }
  }

  /** All that wait, in no order. */
  *[Symbol.iterator](): IterableIterator<KeptEntry> {
    yield* this.#returned;
    yield* this.#fresh;
  }

  /** When the oldest that waits came, wall clock, milliseconds. */
  get oldestAt(): number {
    return Math.min(
      this.#returned[0]?.at ?? Infinity,
      this.#fresh.first?.at ?? Infinity,
    );
  }
}

/** The senders of one topic, by turns. */
export class KeptStreams {
  readonly name: string;
  messages = 0;
  bytes = 0;
  /** Messages that consumers have. */
  leased = 0;
  /** Of senders with standing and of others; the one whose turn was longest ago first. */
  readonly #standing = new Map<PeerId, KeptStream>();
  readonly #others = new Map<PeerId, KeptStream>();
  /** Turns of senders with standing since the last one of the others. */
  #run = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** The stream of a sender, which is made if there is none. */
  stream(sender: SenderUsage): KeptStream {
    const { from } = sender;
    const known = this.#standing.get(from) ?? this.#others.get(from);
    if (known !== undefined) return known;
    const stream = new KeptStream(this, sender);
    this.#group(stream).set(from, stream);
    return stream;
  }

  /** Drops a stream that has become empty. */
  prune({ isEmpty, sender: { from } }: KeptStream): void {
    if (!isEmpty) return;
    this.#standing.delete(from);
    this.#others.delete(from);
  }

  /** Moves the streams of senders that have gained or lost standing. */
  refresh(): void {
    for (const group of [this.#standing, this.#others]) {
      for (const [from, stream] of group) {
        if (this.#group(stream) === group) continue;
        group.delete(from);
        this.#group(stream).set(from, stream);
      }
    }
  }

  /**
   * The message whose turn it is: senders take turns, those with standing come first, and the
   * others after `STANDING_TURNS` of them.
   */
  next(filter: KeptFilter): Turn | undefined {
    const standing = nextOf(this.#standing, filter);
    const other = nextOf(this.#others, filter);
    const isTheirs = this.#run < STANDING_TURNS;
    const next = isTheirs ? standing ?? other : other ?? standing;
    if (next === undefined) return undefined;
    const othersWait = other !== undefined;
    this.#run = next === standing && othersWait ? this.#run + 1 : 0;
    // Its turn is over.
    const [stream] = next;
    const { from } = stream.sender;
    this.#standing.delete(from);
    this.#others.delete(from);
    this.#group(stream).set(from, stream);
    return next;
  }

  /** All streams. */
  *[Symbol.iterator](): IterableIterator<KeptStream> {
    yield* this.#standing.values();
    yield* this.#others.values();
  }

  #group({ sender }: KeptStream): Map<PeerId, KeptStream> {
    return sender.hasStanding ? this.#standing : this.#others;
  }
}

/** A message, and the stream that it is of. */
type Turn = readonly [KeptStream, KeptEntry];

function nextOf(
  streams: ReadonlyMap<PeerId, KeptStream>,
  filter: KeptFilter,
): Turn | undefined {
  for (const stream of streams.values()) {
    if (filter.from?.(stream.sender.from) === false) continue;
    const entry = stream.next(filter);
    if (entry !== undefined) return [stream, entry];
  }
  return undefined;
}
