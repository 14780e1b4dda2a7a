/** How long a new session takes, and how many open when they are dialed at once. */
import { compareRounds, type Row } from "../report.ts";
import { median, percentile } from "../stats.ts";
import {
  alternate,
  type Line,
  type Settings,
  VERACK_AND_BARE,
} from "./line.ts";
import { Pairs } from "./pair.ts";

const PER_ROUND = 150;
/** Fewer, as each takes up to 90 ms. */
const PLAIN_PER_ROUND = 30;
const AT_ONCE = 400;
const AIMS_MS = [[0.5, 3], [0.9, 8], [0.99, 60]] as const;
const WORK = "connect, TLS handshake, 4 messages of the same sizes";

/** One session after the other. */
export const session: Line = {
  name: "session",
  description: "new session between two processes, one after the other",
  async run(settings: Settings, report: (row: Row) => void): Promise<void> {
    await using pairs = await Pairs.start(settings);
    const { verack, bare } = await alternate(
      VERACK_AND_BARE,
      settings.rounds,
      (kind) => pairs[kind].call<number[]>("sessions", PER_ROUND),
    );
    const plain: number[] = [];
    for (let round = 0; round < settings.rounds; round++) {
      plain.push(
        ...await pairs.bare.call<number[]>("sessions", PLAIN_PER_ROUND, {
          nudge: false,
        }),
      );
    }
    for (const [share, value] of AIMS_MS) {
      const ours = percentile(verack.flat(), share);
      const compare = (times: readonly number[], doing: string) => {
        const theirs = percentile(times, share);
        return { with: "bare", doing, value: theirs, ratio: ours / theirs };
      };
      report({
        line: "session",
        figure: `to the second verack, p${share * 100}`,
        unit: "ms",
        verack: ours,
        aim: { is: "at most", value },
        comparisons: [
          compare(bare.flat(), `${WORK}, nudged past Nagle`),
          compare(plain, `${WORK}, not nudged`),
        ],
      });
    }
  },
};

/** Many sessions at once. */
export const burst: Line = {
  name: "burst",
  description: `${AT_ONCE} sessions dialed at once between two processes`,
  async run(settings: Settings, report: (row: Row) => void): Promise<void> {
    await using pairs = await Pairs.start(settings);
    const { verack, bare } = await alternate(
      VERACK_AND_BARE,
      settings.rounds,
      (kind) => pairs[kind].call<number>("burst", AT_ONCE),
    );
    report({
      line: "burst",
      figure: `sessions a second, ${AT_ONCE} at once`,
      unit: "/s",
      verack: median(verack),
      aim: { is: "at least", value: 400 },
      comparisons: [
        compareRounds(verack, bare, { with: "bare", doing: WORK }),
      ],
    });
  },
};
