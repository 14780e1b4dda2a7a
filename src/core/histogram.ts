/** How durations are distributed: fixed buckets, so that a value costs an addition. */

/** A histogram at one time. */
export interface HistogramReading {
  /** How many values it has. */
  readonly count: number;
  /** Their sum. */
  readonly sum: number;
  /** The upper bound of each bucket, and how many values are at most that; the rest is above all. */
  readonly buckets: readonly (readonly [upTo: number, count: number])[];
}

/** Counts values by size. */
export class Histogram {
  /** Called with each value, for a recorder that has buckets of its own. */
  onValue: ((value: number) => void) | undefined;
  /** Upper bounds, ascending. */
  readonly bounds: readonly number[];
  /** Values in each bucket, and above all. */
  readonly #counts: number[];
  #count = 0;
  #sum = 0;

  /** @throws {RangeError} when the bounds do not ascend. */
  constructor(bounds: readonly number[]) {
    if (bounds.some((bound, index) => !(bound > (bounds[index - 1] ?? 0)))) {
      throw new RangeError(
        `Cannot make histogram: bounds are ${bounds.join()}, must ascend from above 0`,
      );
    }
    this.bounds = bounds;
    this.#counts = new Array(bounds.length + 1).fill(0);
  }

  /** Counts a value. */
  add(value: number): void {
    let low = 0;
    let high = this.bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value <= this.bounds[middle]!) high = middle;
      else low = middle + 1;
    }
    this.#counts[low]!++;
    this.#count++;
    this.#sum += value;
    this.onValue?.(value);
  }

  /** What it has counted. */
  read(): HistogramReading {
    let count = 0;
    const buckets = this.bounds.map((bound, index) =>
      [bound, count += this.#counts[index]!] as const
    );
    return { count: this.#count, sum: this.#sum, buckets };
  }
}

/** From a local network to a line that is hardly usable. */
const SHORT_MS = [
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  25,
  50,
  100,
  250,
  500,
  1_000,
  2_500,
];
const OPENING_MS = [...SHORT_MS.filter((it) => it >= 1), 5_000, 10_000];
/** A receiver may be away for days. */
const DELIVERY_MS = [...OPENING_MS, 60_000, 600_000, 3_600_000, 86_400_000];

/** How long things took at one node, milliseconds. */
export interface HistogramReadings {
  /** Round trips of pings to peers. */
  readonly roundTripMs: HistogramReading;
  /** Handshakes that opened a session, in either direction, without TCP and TLS. */
  readonly handshakeMs: HistogramReading;
  /** Dials that opened a session: TCP, TLS and handshake. */
  readonly dialMs: HistogramReading;
  /** From accepting a message until the application of its receiver has acked it. */
  readonly deliveryMs: HistogramReading;
  /** How late the ticks of the node were, several a heartbeat: its event loop was busy, or it paused. */
  readonly eventLoopDelayMs: HistogramReading;
}

/** The histograms of one node. */
export class NodeHistograms
  implements Record<keyof HistogramReadings, Histogram> {
  readonly roundTripMs: Histogram = new Histogram(SHORT_MS);
  readonly handshakeMs: Histogram = new Histogram(OPENING_MS);
  readonly dialMs: Histogram = new Histogram(OPENING_MS);
  readonly deliveryMs: Histogram = new Histogram(DELIVERY_MS);
  readonly eventLoopDelayMs: Histogram = new Histogram(SHORT_MS);
}

/** Reads all. */
export function readHistograms(
  { roundTripMs, handshakeMs, dialMs, deliveryMs, eventLoopDelayMs }:
    NodeHistograms,
): HistogramReadings {
  return {
    roundTripMs: roundTripMs.read(),
    handshakeMs: handshakeMs.read(),
    dialMs: dialMs.read(),
    deliveryMs: deliveryMs.read(),
    eventLoopDelayMs: eventLoopDelayMs.read(),
  };
}

const histograms = new WeakMap<object, NodeHistograms>();

/** The histograms of a node, for parts that know nothing of it but the object. */
export function histogramsOf(node: object): NodeHistograms {
  let its = histograms.get(node);
  if (its === undefined) histograms.set(node, its = new NodeHistograms());
  return its;
}
