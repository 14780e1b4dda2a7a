/** One session in two processes: how much goes through, and how fast it answers. */
import type { Row } from "../report.ts";
import { median, medianRatio, percentile } from "../stats.ts";
import {
  alternate,
  type Line,
  type Settings,
  VERACK_AND_BARE,
} from "./line.ts";
import { Pairs } from "./pair.ts";

const FLOOD_MS = 600;
/**
 * Many short slices: an idle processor takes three times as long to answer as a
 * wakeful one, and changes between the two every few milliseconds by itself.
 */
const ROUND_TRIPS = 200;
const SLICES = 12;
/** p50 of the wakeful slices, which are a quarter at least; p99 of the middle one. */
const ROUND_TRIP_FIGURES = [
  { share: 0.5, quantile: 0.25, name: "p50, quickest quarter", aim: 1.3 },
  { share: 0.99, quantile: 0.5, name: "p99", aim: 1.5 },
] as const;
const SIZES = [
  { bytes: 100, name: "100 B", aim: 0.5 },
  { bytes: 65_536, name: "64 KiB", aim: 0.8 },
] as const;
const DIRECTIONS = [
  { command: "flood", name: "to the acceptor" },
  { command: "beFlooded", name: "from the acceptor" },
] as const;

/** Messages a second; every one is decoded at the far end. */
export const throughput: Line = {
  name: "throughput",
  description: "one session, two processes, every frame decoded",
  async run(settings: Settings, report: (row: Row) => void): Promise<void> {
    await using pairs = await Pairs.start(settings);
    for (const { bytes, name, aim } of SIZES) {
      for (const direction of DIRECTIONS) {
        const { verack, bare } = await alternate(
          VERACK_AND_BARE,
          settings.rounds,
          (kind) =>
            pairs[kind].call<number>(direction.command, bytes, FLOOD_MS),
        );
        const units = [
          { name: "messages", unit: "/s", size: 1 },
          { name: "payload", unit: "MB/s", size: bytes / 1e6 },
        ];
        for (const { name: what, unit, size } of units) {
          report({
            line: "throughput",
            figure: `${name} ${direction.name}, ${what}`,
            unit,
            verack: median(verack) * size,
            comparisons: [{
              with: "bare",
              doing: "queued frames in one write",
              value: median(bare) * size,
              ratio: medianRatio(verack, bare),
              aim: { is: "at least", value: aim },
            }],
          });
        }
      }
    }
  },
};

/** Question and answer, one at a time. */
export const roundtrip: Line = {
  name: "roundtrip",
  description: "100-byte request and response between two processes",
  async run(settings: Settings, report: (row: Row) => void): Promise<void> {
    await using pairs = await Pairs.start(settings);
    const { verack, bare } = await alternate(
      VERACK_AND_BARE,
      settings.rounds * SLICES,
      (kind) => pairs[kind].call<number[]>("roundTrips", ROUND_TRIPS),
    );
    for (const { share, quantile, name, aim } of ROUND_TRIP_FIGURES) {
      const of = (slices: number[][]) =>
        percentile(slices.map((times) => percentile(times, share)), quantile) *
        1_000;
      report({
        line: "roundtrip",
        figure: `100 B request and response, ${name}`,
        unit: "µs",
        verack: of(verack),
        comparisons: [{
          with: "bare",
          doing: "the same messages",
          value: of(bare),
          ratio: of(verack) / of(bare),
          aim: { is: "at most", value: aim },
        }],
      });
    }
  },
};
