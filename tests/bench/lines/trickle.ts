/** How late small messages come that are not answered. */
import { percentile } from "../stats.ts";
import { type Line, verackAndBare } from "./line.ts";
import { Pair } from "./pair.ts";

const MESSAGES = 150;
const WARM_UPS = 20;
const PAUSE_MS = 10;
const DIRECTIONS = ["to the acceptor", "from the acceptor"] as const;
const SHARES = [{ share: 0.5 }, { share: 0.99, aim: 5 }];
const nameOf = (direction: string, share: number) =>
  `100 B ${direction}, late p${share * 100}`;

/** 100 bytes every 10 ms, in both directions, each on a session of its own. */
export const trickle: Line = {
  name: "trickle",
  description: "one 100-byte message every 10 ms, never answered",
  secondsARound: 5,
  figures: DIRECTIONS.flatMap((direction) =>
    SHARES.map(({ share, ...aim }) => ({
      name: nameOf(direction, share),
      unit: "ms",
      better: "lower",
      ...aim,
    }))
  ),
  contenders: (settings) =>
    verackAndBare(
      "the same messages, without Nagle's algorithm where Deno can",
      async (kind) => {
        await using pair = await Pair.start({ kind }, settings);
        const trickles = (count: number) =>
          pair.call<[number[], number[]]>("trickles", count, PAUSE_MS);
        await trickles(WARM_UPS);
        const times = await trickles(MESSAGES);
        return Object.fromEntries(
          DIRECTIONS.flatMap((direction, i) =>
            SHARES.map(({ share }) => [
              nameOf(direction, share),
              percentile(times[i]!, share),
            ])
          ),
        );
      },
    ),
};
