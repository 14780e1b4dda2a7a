/** What one topic moves over long round trips, beside what the line carries. */
import { MESSAGE_HEAD_BYTES } from "../../../src/wire/messages/message_frame.ts";
import { FRAME_HEADER_BYTES } from "../../../src/wire/wire_limits.ts";
import { Remote } from "../remote.ts";
import { type Line, VERACK } from "./line.ts";

/** The line, either way: 10 Mbit/s. */
const BYTES_PER_SECOND = 1_250_000;
const SIZES = [
  { bytes: 100, name: "100 B" },
  { bytes: 30_000, name: "30 kB" },
];
/** In each of these the shortest round trip is measured anew, if it has to be. */
const MEASURE_MS = 10_000;
/** Name of the topic, which is in front of each body. */
const TOPIC_BYTES = "bulk".length;

const CASES = [50, 300, 600].flatMap((rttMs) =>
  SIZES.map(({ bytes, name }) => ({
    rttMs,
    bytes,
    name: `${name} over ${rttMs} ms, acknowledged`,
    carries: BYTES_PER_SECOND /
      (FRAME_HEADER_BYTES + MESSAGE_HEAD_BYTES + TOPIC_BYTES + bytes),
  }))
);

/** Messages in one topic, both nodes in one process with the line between them. */
export const delay: Line = {
  name: "delay",
  description: "messages of one topic over round trips of 50, 300 and 600 ms",
  secondsARound: 98,
  // The line is the bottleneck, and always the same.
  maxRounds: 1,
  figures: CASES.map(({ name }) => ({
    name,
    unit: "/s",
    better: "higher",
    ratios: { "the line": 0.7 },
  })),
  contenders: () => [{
    name: VERACK,
    doing: "",
    measure: async () => {
      const values: Record<string, number> = {};
      for (const { rttMs, bytes, name } of CASES) {
        await using remote = new Remote("long_line", []);
        const args = [rttMs, BYTES_PER_SECOND, bytes, MEASURE_MS];
        values[name] = await remote.call<number>("messages", ...args);
      }
      return values;
    },
  }, {
    name: "the line",
    doing: "as many frames as 10 Mbit/s carry",
    measure: () =>
      Promise.resolve(
        Object.fromEntries(CASES.map(({ name, carries }) => [name, carries])),
      ),
  }],
};
