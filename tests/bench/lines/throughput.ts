/** One session in two processes: how much goes through, and how fast it answers. */
import type { Kind } from "../contestant.ts";
import type { Row } from "../report.ts";
import { median, medianRatio, percentile } from "../stats.ts";
import { alternate, type Line, type Settings } from "./line.ts";
import { Pairs } from "./pair.ts";

const FLOOD_MS = 600;
/** Short rounds and many: whether a processor sleeps in between doubles the time. */
const ROUND_TRIPS = 1_000;
const ROUND_TRIP_ROUNDS = 4;
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
          settings.rounds,
          (kind: Kind) =>
            pairs[kind].call<number>(direction.command, bytes, FLOOD_MS),
        );
        const row = {
          line: "throughput",
          ratio: medianRatio(verack, bare),
          against: "queued frames in one write",
          aim: { of: "ratio", is: "at least", value: aim },
        } as const;
        const perSecond = { verack: median(verack), bare: median(bare) };
        report({
          ...row,
          ...perSecond,
          figure: `${name} ${direction.name}, messages`,
          unit: "/s",
        });
        report({
          ...row,
          figure: `${name} ${direction.name}, payload`,
          unit: "MB/s",
          verack: perSecond.verack * bytes / 1e6,
          bare: perSecond.bare * bytes / 1e6,
        });
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
      settings.rounds * ROUND_TRIP_ROUNDS,
      async (kind: Kind) => {
        const times = await pairs[kind].call<number[]>(
          "roundTrips",
          ROUND_TRIPS,
        );
        return [0.5, 0.99].map((share) => percentile(times, share) * 1_000);
      },
    );
    [[50, 1.3], [99, 1.5]].forEach(([share, value], i) => {
      const ours = verack.map((round) => round[i]!);
      const theirs = bare.map((round) => round[i]!);
      report({
        line: "roundtrip",
        figure: `100 B request and response, p${share}`,
        unit: "µs",
        verack: median(ours),
        bare: median(theirs),
        ratio: medianRatio(ours, theirs),
        against: "the same messages",
        aim: { of: "ratio", is: "at most", value: value! },
      });
    });
  },
};
