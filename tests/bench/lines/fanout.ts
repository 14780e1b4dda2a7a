/** One node sending to many others, each message encoded once. */
import { compareRounds, type Row } from "../report.ts";
import { median } from "../stats.ts";
import {
  alternate,
  type Line,
  remoteOf,
  type Settings,
  VERACK_AND_BARE,
} from "./line.ts";

const FLOOD_MS = 600;
const OTHERS = [9, 49];
const SIZES = [
  { bytes: 100, name: "100 B" },
  { bytes: 1_024, name: "1 KiB" },
];

/** Messages delivered a second, all nodes in one process. */
export const fanout: Line = {
  name: "fanout",
  description: "one node sending to 9 and to 49 others, all in one process",
  async run(settings: Settings, report: (row: Row) => void): Promise<void> {
    await using verackHub = remoteOf("hub", { kind: "verack" }, settings);
    await using bareHub = remoteOf("hub", { kind: "bare" }, settings);
    const hubs = { verack: verackHub, bare: bareHub };
    for (const others of OTHERS) {
      for (const { bytes, name } of SIZES) {
        const { verack, bare } = await alternate(
          VERACK_AND_BARE,
          settings.rounds,
          (kind) => hubs[kind].call<number>("fanOut", others, bytes, FLOOD_MS),
        );
        report({
          line: "fanout",
          figure: `${name} to ${others} others, delivered`,
          unit: "/s",
          verack: median(verack),
          comparisons: [compareRounds(verack, bare, {
            with: "bare",
            doing: "encoded once, queued frames in one write",
            aim: { is: "at least", value: 0.5 },
          })],
        });
      }
    }
  },
};
