/** Messages of two nodes in two processes: how many, and how fast they answer. */
import { percentile, wakefulMedian } from "../stats.ts";
import type { Line } from "./line.ts";
import { AHEAD, messengers } from "./messengers.ts";
import { Pair } from "./pair.ts";

/** Until all that runs often is compiled. */
const WARM_UP_MS = 1_200;
/** Until windows and buffers fit the size. */
const WARM_UP_SIZE_MS = 200;
const FLOOD_MS = 400;
const SIZES = [
  { bytes: 100, name: "100 B", ofBare: 0.25 },
  { bytes: 1_024, name: "1 KiB", ofBare: 0.6 },
  { bytes: 65_536, name: "64 KiB", ofBare: 0.6 },
] as const;

/** Messages a second from one application to the other, all acknowledged. */
export const messages: Line = {
  name: "messages",
  description: "node.send() to node.messages(), two processes",
  secondsARound: 19,
  figures: SIZES.map(({ name, ofBare }) => ({
    name: `${name}, acknowledged`,
    unit: "/s",
    better: "higher",
    ratios: { ...AHEAD, bare: ofBare },
  })),
  contenders: (settings) =>
    messengers(settings, async (entrant) => {
      await using pair = await Pair.start(entrant, settings);
      const flood = (bytes: number, ms: number) =>
        pair.call<number>("flood", bytes, ms);
      await flood(SIZES[0].bytes, WARM_UP_MS);
      const values: Record<string, number> = {};
      for (const { bytes, name } of SIZES) {
        await flood(bytes, WARM_UP_SIZE_MS);
        values[`${name}, acknowledged`] = await flood(bytes, FLOOD_MS);
      }
      return values;
    }, { broadcast: false }),
};

const TRIPS = 3_000;
const WARM_UPS = 1_000;
const COMMANDS = [
  {
    command: "acknowledgements",
    name: "100 B until acknowledged",
    ofBare: 1.6,
  },
  { command: "roundTrips", name: "100 B request and response" },
] as const;
const FIGURES = [
  { name: "p50 of the quickest quarter", of: wakefulMedian },
  { name: "p99", of: (times: number[]) => percentile(times, 0.99) },
];

/**
 * How long an application waits for the other one. A response is a message in the
 * other direction; contenders that do not acknowledge have no first figure.
 */
export const answers: Line = {
  name: "answers",
  description: "until a message is acknowledged, or answered by another",
  secondsARound: 16,
  figures: COMMANDS.flatMap(({ name, ...aims }) =>
    FIGURES.map((figure, i) => ({
      name: `${name}, ${figure.name}`,
      unit: "µs",
      better: "lower",
      ratios: {
        ...AHEAD,
        ...("ofBare" in aims && i === 0 && { bare: aims.ofBare }),
      },
    }))
  ),
  contenders: (settings) =>
    messengers(settings, async (entrant) => {
      await using pair = await Pair.start(entrant, settings);
      await pair.call("flood", 100, WARM_UP_MS);
      const values: Record<string, number> = {};
      const acknowledges = entrant.acknowledged ?? entrant.kind === "messages";
      for (const { command, name } of COMMANDS) {
        if (command === "acknowledgements" && !acknowledges) continue;
        await pair.call(command, WARM_UPS);
        const times = await pair.call<number[]>(command, TRIPS);
        for (const { name: figure, of } of FIGURES) {
          values[`${name}, ${figure}`] = of(times) * 1_000;
        }
      }
      return values;
    }, { broadcast: false }),
};
