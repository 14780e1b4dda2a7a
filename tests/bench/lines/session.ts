/** How long a new session takes, and how many open when they are dialed at once. */
import type { Kind } from "../contestant.ts";
import type { Row } from "../report.ts";
import { median, medianRatio, percentile } from "../stats.ts";
import { alternate, type Line, type Settings } from "./line.ts";
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
      settings.rounds,
      (kind: Kind) => pairs[kind].call<number[]>("sessions", PER_ROUND),
    );
    const plain: number[] = [];
    for (let round = 0; round < settings.rounds; round++) {
      plain.push(
        ...await pairs.bare.call<number[]>("sessions", PLAIN_PER_ROUND, {
          nudge: false,
        }),
      );
    }
    const compare = (share: number, against: readonly number[]) => {
      const ours = percentile(verack.flat(), share);
      const theirs = percentile(against, share);
      return { verack: ours, bare: theirs, ratio: ours / theirs };
    };
    for (const [share, value] of AIMS_MS) {
      report({
        line: "session",
        figure: `to the second verack, p${share * 100}`,
        unit: "ms",
        ...compare(share, bare.flat()),
        against: `${WORK}, nudged past Nagle`,
        aim: { of: "verack", is: "at most", value },
      });
    }
    for (const share of [0.5, 0.99]) {
      report({
        line: "session",
        figure: `the same, p${share * 100}`,
        unit: "ms",
        ...compare(share, plain),
        against: `${WORK}, not nudged`,
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
      settings.rounds,
      (kind: Kind) => pairs[kind].call<number>("burst", AT_ONCE),
    );
    report({
      line: "burst",
      figure: `sessions a second, ${AT_ONCE} at once`,
      unit: "/s",
      verack: median(verack),
      bare: median(bare),
      ratio: medianRatio(verack, bare),
      against: WORK,
      aim: { of: "verack", is: "at least", value: 400 },
    });
  },
};
