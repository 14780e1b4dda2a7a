/** What one topic moves over long round trips, beside what the line carries. */
import { MESSAGE_HEAD_BYTES } from "../../../src/wire/messages/message_frame.ts";
import { FRAME_HEADER_BYTES } from "../../../src/wire/wire_limits.ts";
import { Remote } from "../remote.ts";
import type { Row } from "../report.ts";
import { median } from "../stats.ts";
import type { Line, Settings } from "./line.ts";

/** The line, either way: 10 Mbit/s. */
const BYTES_PER_SECOND = 1_250_000;
const ROUND_TRIPS_MS = [50, 300, 600];
const SIZES = [
  { bytes: 100, name: "100 B" },
  { bytes: 30_000, name: "30 kB" },
];
/** In each of these the shortest round trip is measured anew, if it has to be. */
const MEASURE_MS = 10_000;

/** Its name, which is in front of each body. */
const TOPIC_BYTES = "bulk".length;

/** Messages in one topic, both nodes in one process with the line between them. */
export const delay: Line = {
  name: "delay",
  description: "messages of one topic over round trips of 50, 300 and 600 ms",
  async run({ rounds }: Settings, report: (row: Row) => void): Promise<void> {
    for (const rttMs of ROUND_TRIPS_MS) {
      for (const { bytes, name } of SIZES) {
        const rates: number[] = [];
        for (let round = 0; round < rounds; round++) {
          await using remote = new Remote("long_line", []);
          const args = [rttMs, BYTES_PER_SECOND, bytes, MEASURE_MS];
          rates.push(await remote.call<number>("messages", ...args));
        }
        const frame = FRAME_HEADER_BYTES + MESSAGE_HEAD_BYTES + TOPIC_BYTES;
        const carries = BYTES_PER_SECOND / (frame + bytes);
        const ours = median(rates);
        report({
          line: "delay",
          figure: `${name} over ${rttMs} ms, acknowledged`,
          unit: "/s",
          verack: ours,
          comparisons: [{
            with: "the line",
            doing: "as many frames as 10 Mbit/s carry",
            value: carries,
            ratio: ours / carries,
            aim: { is: "at least", value: 0.7 },
          }],
        });
      }
    }
  },
};
