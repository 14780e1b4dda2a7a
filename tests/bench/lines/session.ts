/** How long a new session takes, and how many open when they are dialed at once. */
import { percentile } from "../stats.ts";
import { type Line, verackAndBare } from "./line.ts";
import { Pair } from "./pair.ts";

const SESSIONS = 150;
/** Fewer, as each takes up to 90 ms. */
const NOT_NUDGED = 30;
const WARM_UPS = 50;
const AT_ONCE = 400;
const PERCENTILES = [
  { share: 0.5, name: "to the second verack, p50", aim: 2.2 },
  { share: 0.9, name: "to the second verack, p90", aim: 4 },
  { share: 0.99, name: "to the second verack, p99", aim: 60 },
];
const WORK = "connect, TLS handshake, 4 messages of the same sizes";

/** One session after the other, none of them resumed. */
export const session: Line = {
  name: "session",
  description: "new session between two processes, one after the other",
  secondsARound: 6,
  figures: PERCENTILES.map(({ name, aim }) => ({
    name,
    aim,
    unit: "ms",
    better: "lower",
  })),
  contenders(settings) {
    const measure = async (
      kind: "verack" | "bare",
      count: number,
      nudge: boolean,
    ) => {
      await using pair = await Pair.start({ kind }, settings);
      const sessions = (count: number) =>
        pair.call<number[]>("sessions", count, { nudge });
      await sessions(Math.min(count, WARM_UPS));
      const times = await sessions(count);
      return Object.fromEntries(
        PERCENTILES.map(({ share, name }) => [name, percentile(times, share)]),
      );
    };
    return [
      ...verackAndBare(
        `${WORK}, nudged past Nagle's algorithm`,
        (kind) => measure(kind, SESSIONS, true),
      ),
      {
        name: "bare, not nudged",
        doing: WORK,
        measure: () => measure("bare", NOT_NUDGED, false),
      },
    ];
  },
};

const BURST = `sessions a second, ${AT_ONCE} at once`;

/** Many sessions at once. */
export const burst: Line = {
  name: "burst",
  description: `${AT_ONCE} sessions dialed at once between two processes`,
  secondsARound: 4,
  figures: [{ name: BURST, unit: "/s", better: "higher", aim: 1_000 }],
  contenders: (settings) =>
    verackAndBare(WORK, async (kind) => {
      await using pair = await Pair.start({ kind }, settings);
      await pair.call("burst", AT_ONCE);
      return { [BURST]: await pair.call<number>("burst", AT_ONCE) };
    }),
};
