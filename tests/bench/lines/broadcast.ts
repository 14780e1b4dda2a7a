/** One node's messages to many others, taken by their applications. */
import type { Row } from "../report.ts";
import { median } from "../stats.ts";
import { others, reportBoth, VERACK } from "./entrants.ts";
import { Field } from "./field.ts";
import { type Line, remoteOf, type Settings } from "./line.ts";

const FLOOD_MS = 400;
/** Once for each number, until all that runs often is compiled and a mesh is quiet. */
const WARM_UP_MS = 3_000;
const RECEIVERS = [9, 49] as const;
const SIZES = [
  { bytes: 100, name: "100 B" },
  { bytes: 1_024, name: "1 KiB" },
] as const;

/** Messages delivered a second, all nodes in one process. */
export const broadcast: Line = {
  name: "broadcast",
  description: "node.broadcast() to 9 and to 49 others, all in one process",
  async run(settings: Settings, report: (row: Row) => void): Promise<void> {
    await using field = new Field((it) => remoteOf("hub", it, settings));
    const among = others(settings, { broadcast: true });
    const fanOut = (rounds: number, ...args: [number, number, number]) =>
      field.alternate<number>(among, rounds, "fanOut", ...args);
    for (const receivers of RECEIVERS) {
      await fanOut(0, receivers, SIZES[0].bytes, WARM_UP_MS);
      for (const { bytes, name } of SIZES) {
        const rounds = await fanOut(
          settings.rounds,
          receivers,
          bytes,
          FLOOD_MS,
        );
        const row = {
          line: "broadcast",
          figure: `${name} to ${receivers} others, delivered`,
          unit: "/s",
          verack: median(rounds[VERACK]!),
        };
        reportBoth(row, rounds, among, "at least", report);
      }
    }
  },
};
