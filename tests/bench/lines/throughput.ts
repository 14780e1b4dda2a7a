/** One session in two processes: how much goes through, and how fast it answers. */
import { percentile, wakefulMedian } from "../stats.ts";
import { type Line, verackAndBare } from "./line.ts";
import { Pair } from "./pair.ts";

const FLOOD_MS = 600;
const WARM_UP_MS = 300;
/** What `unit` counts, from messages a second. */
const SIZES = [
  { bytes: 100, name: "100 B", unit: "/s", scale: 1, aim: 0.5 },
  { bytes: 65_536, name: "64 KiB", unit: "MB/s", scale: 0.065536, aim: 0.75 },
] as const;
const DIRECTIONS = [
  { command: "flood", name: "to the acceptor" },
  { command: "beFlooded", name: "from the acceptor" },
] as const;

/** Messages a second; every one is decoded at the far end, none acknowledged. */
export const throughput: Line = {
  name: "throughput",
  description: "one session, two processes, every frame decoded",
  secondsARound: 8,
  figures: SIZES.flatMap(({ name, unit, aim }) =>
    DIRECTIONS.map((direction) => ({
      name: `${name} ${direction.name}`,
      unit,
      better: "higher",
      ratios: { bare: aim },
    }))
  ),
  contenders: (settings) =>
    verackAndBare("queued frames in one write", async (kind) => {
      await using pair = await Pair.start({ kind }, settings);
      const values: Record<string, number> = {};
      for (const { bytes, name, scale } of SIZES) {
        for (const direction of DIRECTIONS) {
          const flood = (ms: number) =>
            pair.call<number>(direction.command, bytes, ms);
          await flood(WARM_UP_MS);
          values[`${name} ${direction.name}`] = await flood(FLOOD_MS) * scale;
        }
      }
      return values;
    }),
};

const ROUND_TRIPS = 8_000;
const WARM_UPS = 2_000;
const P50 = "100 B request and response, p50 of the quickest quarter";
const P99 = "100 B request and response, p99";

/** Question and answer, one at a time, on one session. */
export const roundtrip: Line = {
  name: "roundtrip",
  description: "100-byte request and response between two processes",
  secondsARound: 4,
  figures: [
    { name: P50, unit: "µs", better: "lower", ratios: { bare: 1.25 } },
    { name: P99, unit: "µs", better: "lower", ratios: { bare: 1.5 } },
  ],
  contenders: (settings) =>
    verackAndBare("the same messages", async (kind) => {
      await using pair = await Pair.start({ kind }, settings);
      await pair.call("roundTrips", WARM_UPS);
      const times = await pair.call<number[]>("roundTrips", ROUND_TRIPS);
      return {
        [P50]: wakefulMedian(times) * 1_000,
        [P99]: percentile(times, 0.99) * 1_000,
      };
    }),
};
