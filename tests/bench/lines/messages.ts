/** Messages of two nodes in two processes: how many, and how fast they answer. */
import type { Row } from "../report.ts";
import { median, percentile } from "../stats.ts";
import { others, reportBoth, VERACK } from "./entrants.ts";
import { Field } from "./field.ts";
import type { Line, Settings } from "./line.ts";
import { Pair } from "./pair.ts";

const FLOOD_MS = 400;
/** Once for each process, until all that runs often is compiled. */
const WARM_UP_MS = 3_000;
const SIZES = [
  { bytes: 100, name: "100 B" },
  { bytes: 1_024, name: "1 KiB" },
  { bytes: 65_536, name: "64 KiB" },
] as const;
/** Short slices, as in `throughput.ts`. */
const ROUND_TRIPS = 200;
const SLICES = 5;
const SHARES = [0.5, 0.99];

/** Messages a second from one application to the other. */
export const messages: Line = {
  name: "messages",
  description: "node.send() to node.messages(), two processes",
  async run(settings: Settings, report: (row: Row) => void): Promise<void> {
    const among = others(settings, { broadcast: false });
    await using field = new Field((it) => Pair.start(it, settings));
    await field.alternate(among, 0, "flood", SIZES[0].bytes, WARM_UP_MS);
    for (const { bytes, name } of SIZES) {
      const rounds = await field.alternate<number>(
        among,
        settings.rounds,
        "flood",
        bytes,
        FLOOD_MS,
      );
      const row = {
        line: "messages",
        figure: name,
        unit: "/s",
        verack: median(rounds[VERACK]!),
      };
      reportBoth(row, rounds, among, "at least", report);
    }
  },
};

/** How long an application waits for the other one. */
export const answers: Line = {
  name: "answers",
  description: "until a message is acknowledged, or answered by another",
  async run(settings: Settings, report: (row: Row) => void): Promise<void> {
    const all = others(settings, { broadcast: false });
    await using field = new Field((it) => Pair.start(it, settings));
    await field.alternate(all, 0, "flood", SIZES[0].bytes, WARM_UP_MS);
    const trips = [
      {
        command: "acknowledgements",
        name: "100 B until acknowledged",
        among: all.filter(({ entrant }) => entrant.acknowledged),
      },
      {
        command: "roundTrips",
        name: "100 B request and response",
        among: all,
      },
    ];
    for (const { command, name, among } of trips) {
      const slices = await field.alternate<number[]>(
        among,
        settings.rounds * SLICES,
        command,
        ROUND_TRIPS,
      );
      for (const share of SHARES) {
        const rounds = Object.fromEntries(
          Object.entries(slices).map(([who, times]) => [
            who,
            times.map((it) => percentile(it, share) * 1_000),
          ]),
        );
        const row = {
          line: "answers",
          figure: `${name}, p${share * 100}`,
          unit: "µs",
          verack: median(rounds[VERACK]!),
        };
        reportBoth(row, rounds, among, "at most", report);
      }
    }
  },
};
