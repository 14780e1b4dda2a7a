import { assertEquals } from "@std/assert";
import { compareRounds, json, type Row, table, tally } from "./report.ts";

const ROW: Row = {
  line: "broadcast",
  figure: "100 B to 9 others",
  unit: "/s",
  verack: 500,
  aim: { is: "at least", value: 400 },
  comparisons: [
    { with: "bare", doing: "the same", value: 1_000, ratio: 0.5 },
    {
      with: "other",
      doing: "less",
      value: 625,
      ratio: 0.8,
      aim: { is: "at least", value: 1 },
    },
  ],
};

Deno.test("a table has the comparisons of a figure below each other", () => {
  const [, first, second, ...rest] = table([ROW]).split("\n")
    .map((line) => line.trim().split(/\s{2,}/));
  assertEquals(rest, []);
  assertEquals(first, [
    "broadcast",
    "100 B to 9 others",
    "500 /s",
    "≥ 400 /s",
    "ok",
    "bare",
    "1,000 /s",
    "0.50 ×",
    "the same",
  ]);
  assertEquals(second, [
    "other",
    "625 /s",
    "0.80 ×",
    "≥ 1 ×",
    "MISSED",
    "less",
  ]);
});

Deno.test("aims of figures and of ratios are counted alike", () => {
  assertEquals(tally([ROW]), { aims: 2, missed: 1 });
  assertEquals(tally([]), { aims: 0, missed: 0 });
});

Deno.test("JSON says of the figure and of each comparison whether it is reached", () => {
  const { reached, comparisons } = JSON.parse(json(ROW));
  assertEquals(reached, true);
  assertEquals(
    comparisons.map((it: { reached: boolean }) => it.reached),
    [true, false],
  );
});

Deno.test("compareRounds() takes the ratio of rounds, not of medians", () => {
  const { value, ratio } = compareRounds([2, 20, 2], [4, 40, 8], {
    with: "other",
    doing: "the same",
  });
  assertEquals([value, ratio], [8, 0.5]);
});
