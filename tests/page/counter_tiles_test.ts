/** Counters over time: rates between samples, gaps, scales, and figures as text. */
import { assertEquals } from "@std/assert";
import type { SessionRow, StatusAnswer } from "../../src/control/answers.ts";
import { bytesText } from "../../src/cli/files/transfer_lines.ts";
import {
  linePath,
  scaleTop,
  valueAt,
  windowOf,
} from "../../src/page/counter_tiles.js";
import {
  bytes,
  count,
  duration,
  milliseconds,
  rate,
  things,
} from "../../src/page/format.js";
import {
  addSample,
  type Figures,
  figuresOf,
  levels,
  MAX_SAMPLES,
  rates,
  type Sample,
} from "../../src/page/history.js";

function sample(
  time: number,
  figures: Partial<Figures>,
  startedAt = "a",
): Sample {
  return { time, startedAt, figures: figures as Figures };
}

Deno.test("the figures are those of the status, and the round trips those of the sessions", () => {
  const status = {
    counters: {
      messagesSent: 5,
      messagesReceived: 6,
      bytesSent: 7,
      bytesReceived: 8,
    },
    mesh: { nodes: 4, sessions: 3, missing: [] },
    outbox: { messages: 9, bytes: 1 },
  } as unknown as StatusAnswer;
  const sessions = [{ rttMs: 30 }, { rttMs: 1 }, {}, { rttMs: 3 }, {
    rttMs: 2,
  }] as unknown as SessionRow[];
  assertEquals(figuresOf(status, sessions), {
    messagesSent: 5,
    messagesReceived: 6,
    bytesSent: 7,
    bytesReceived: 8,
    peers: 3,
    waiting: 9,
    rttMedianMs: 2.5,
    rttMaxMs: 30,
  });
  assertEquals(figuresOf(status, []).rttMedianMs, undefined);
});

Deno.test("a counter is shown as its growth a second, and not across a restart or a gap", () => {
  const history = [
    sample(0, { bytesSent: 100 }),
    sample(1_000, { bytesSent: 300 }),
    sample(3_000, { bytesSent: 300 }),
    sample(4_000, { bytesSent: 10 }, "b"),
    sample(5_000, { bytesSent: 60 }, "b"),
    sample(65_000, { bytesSent: 9_999 }, "b"),
  ];
  assertEquals(rates(history, "bytesSent").map(({ value }) => value), [
    200,
    0,
    undefined,
    50,
    undefined,
  ]);
  assertEquals(levels(history, "bytesSent").map(({ value }) => value), [
    100,
    300,
    300,
    10,
    60,
    undefined,
    9_999,
  ]);
});

Deno.test("at most ten minutes are kept, and shown once there are so many", () => {
  const history: Sample[] = [];
  for (let second = 0; second < 700; second++) {
    addSample(history, sample(second * 1_000, {}));
  }
  assertEquals(history.length, MAX_SAMPLES);
  assertEquals(history.at(-1)?.time, 699_000);
  assertEquals(windowOf(history).minutes, 10);
  assertEquals(windowOf(history.slice(-90)).minutes, 2);
  assertEquals(windowOf([]), { from: -60_000, to: 0, minutes: 1 });
});

Deno.test("a scale ends at 1, 2 or 5 times a power of ten", () => {
  const tops = [0, 0.3, 1, 1.1, 3, 7, 42, 180, 900_000].map((value) =>
    scaleTop([[{ time: 0, value }]])
  );
  assertEquals(tops, [1, 0.5, 1, 2, 5, 10, 50, 200, 1_000_000]);
});

Deno.test("a line is broken where a value is unknown, and keeps the peak of each column", () => {
  const points = [
    { time: -5, value: 9 },
    { time: 0, value: 0 },
    { time: 10, value: 10 },
    { time: 11, value: 2 },
    { time: 50, value: undefined },
    { time: 90, value: 5 },
    { time: 100, value: 5 },
  ];
  const box = { width: 10, height: 20, from: 0, to: 100, top: 10 };
  assertEquals(linePath(points, box), "M0 20.0L1 0.0M9 10.0L10 10.0");
  assertEquals(valueAt(points, 20), 2);
  assertEquals(valueAt(points, 60), undefined);
});

Deno.test("figures are short, with a unit, and as on the command line", () => {
  for (
    const value of [
      0,
      1,
      999,
      1_000,
      9_949,
      9_951,
      12_345,
      999_499,
      999_500,
      38e9,
      1.2e15,
      5e18,
    ]
  ) {
    assertEquals(bytes(value), bytesText(value));
  }
  assertEquals([0.031, 0.42, 1.26, 9.96, 250, 12_000].map(milliseconds), [
    "0.03 ms",
    "0.42 ms",
    "1.3 ms",
    "10 ms",
    "250 ms",
    "12 s",
  ]);
  assertEquals([0, 0.05, 0.4, 9.96, 1_234.4].map(rate), [
    "0",
    "< 0.1",
    "0.4",
    "10",
    "1,234",
  ]);
  assertEquals([0, 59_000, 60_000, 3_725_000, 90_000_000].map(duration), [
    "0 s",
    "59 s",
    "1 min",
    "1 h 2 min",
    "1 d 1 h",
  ]);
  assertEquals([
    count(undefined),
    bytes(undefined),
    duration(Infinity),
    rate(undefined),
  ], ["–", "–", "–", "–"]);
  assertEquals([things(1, "node"), things(1_200, "node")], [
    "1 node",
    "1,200 nodes",
  ]);
});
