/** Messages of two nodes in two processes: how many, and how fast they answer. */
import type { Row } from "../report.ts";
import { median, percentile } from "../stats.ts";
import { others, type Participant, reportBoth, VERACK } from "./entrants.ts";
import { alternate, type Line, type Settings } from "./line.ts";
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

/** Every participant's two processes. */
class Field implements AsyncDisposable {
  readonly others: readonly Participant[];
  readonly names: readonly string[];
  readonly #pairs: ReadonlyMap<string, Pair>;

  private constructor(
    others: readonly Participant[],
    pairs: ReadonlyMap<string, Pair>,
  ) {
    this.others = others;
    this.names = [...pairs.keys()];
    this.#pairs = pairs;
  }

  static async start(settings: Settings): Promise<Field> {
    const among = others(settings, { broadcast: false });
    const pairs = new Map<string, Pair>();
    pairs.set(VERACK, await Pair.start({ kind: "messages" }, settings));
    for (const { name, entrant } of among) {
      pairs.set(name, await Pair.start(entrant, settings));
    }
    for (const pair of pairs.values()) {
      await pair.call("flood", SIZES[0].bytes, WARM_UP_MS);
    }
    return new Field(among, pairs);
  }

  call<Answer>(name: string, command: string, ...args: unknown[]) {
    return this.#pairs.get(name)!.call<Answer>(command, ...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pairs = [...this.#pairs.values()];
    await Promise.all(pairs.map((it) => it[Symbol.asyncDispose]()));
  }
}

/** Messages a second from one application to the other. */
export const messages: Line = {
  name: "messages",
  description: "node.send() to node.messages(), two processes",
  async run(settings: Settings, report: (row: Row) => void): Promise<void> {
    await using field = await Field.start(settings);
    for (const { bytes, name } of SIZES) {
      const rounds = await alternate(
        field.names,
        settings.rounds,
        (who) => field.call<number>(who, "flood", bytes, FLOOD_MS),
      );
      const row = {
        line: "messages",
        figure: name,
        unit: "/s",
        verack: median(rounds[VERACK]!),
      };
      reportBoth(row, rounds, field.others, "at least", report);
    }
  },
};

/** How long an application waits for the other one. */
export const answers: Line = {
  name: "answers",
  description: "until a message is acknowledged, or answered by another",
  async run(settings: Settings, report: (row: Row) => void): Promise<void> {
    await using field = await Field.start(settings);
    const acknowledging = field.others
      .filter(({ entrant }) => entrant.acknowledged);
    const trips = [
      {
        command: "acknowledgements",
        name: "100 B until acknowledged",
        among: acknowledging,
      },
      {
        command: "roundTrips",
        name: "100 B request and response",
        among: field.others,
      },
    ];
    for (const { command, name, among } of trips) {
      const slices = await alternate(
        [VERACK, ...among.map((it) => it.name)],
        settings.rounds * SLICES,
        (who) => field.call<number[]>(who, command, ROUND_TRIPS),
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
