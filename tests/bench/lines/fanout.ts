/** One node sending to many others, each message encoded once. */
import { type Line, remoteOf, verackAndBare } from "./line.ts";

const FLOOD_MS = 500;
const WARM_UP_MS = 400;
const RECEIVERS = [9, 49];
const SIZES = [
  { bytes: 100, name: "100 B" },
  { bytes: 1_024, name: "1 KiB" },
];

/** Messages delivered a second by sessions, none acknowledged; one process. */
export const fanout: Line = {
  name: "fanout",
  description: "one session each to 9 and to 49 others, all in one process",
  secondsARound: 11,
  figures: RECEIVERS.flatMap((receivers) =>
    SIZES.map(({ name }) => ({
      name: `${name} to ${receivers} others, delivered`,
      unit: "/s",
      better: "higher",
      ratios: { bare: 0.5 },
    }))
  ),
  contenders: (settings) =>
    verackAndBare(
      "encoded once, queued frames in one write",
      async (kind) => {
        const values: Record<string, number> = {};
        for (const receivers of RECEIVERS) {
          await using hub = remoteOf("hub", { kind }, settings);
          for (const { bytes, name } of SIZES) {
            await hub.call("fanOut", receivers, bytes, WARM_UP_MS);
            values[`${name} to ${receivers} others, delivered`] = await hub
              .call<number>("fanOut", receivers, bytes, FLOOD_MS);
          }
        }
        return values;
      },
    ),
};
