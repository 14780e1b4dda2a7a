/** How late small messages come that nobody answers. */
import type { Row } from "../report.ts";
import { percentile } from "../stats.ts";
import {
  alternate,
  type Line,
  type Settings,
  VERACK_AND_BARE,
} from "./line.ts";
import { Pairs } from "./pair.ts";

const MESSAGES = 150;
const PAUSE_MS = 10;
const DIRECTIONS = ["to the acceptor", "from the acceptor"] as const;

/** 100 bytes every 10 ms, in both directions, each on a session of its own. */
export const trickle: Line = {
  name: "trickle",
  description: "one 100-byte message every 10 ms, never answered",
  async run(settings: Settings, report: (row: Row) => void): Promise<void> {
    await using pairs = await Pairs.start(settings);
    const { verack, bare } = await alternate(
      VERACK_AND_BARE,
      settings.rounds,
      (kind) =>
        pairs[kind].call<[number[], number[]]>("trickles", MESSAGES, PAUSE_MS),
    );
    DIRECTIONS.forEach((direction, i) => {
      for (const share of [0.5, 0.99]) {
        const ours = percentile(verack.flatMap((round) => round[i]!), share);
        const theirs = percentile(bare.flatMap((round) => round[i]!), share);
        report({
          line: "trickle",
          figure: `100 B ${direction}, late p${share * 100}`,
          unit: "ms",
          verack: ours,
          ...(share === 0.99 && { aim: { is: "at most", value: 5 } as const }),
          comparisons: [{
            with: "bare",
            doing: "the same messages, Nagle off where Deno can",
            value: theirs,
            ratio: ours / theirs,
          }],
        });
      }
    });
  },
};
