import { assertEquals, assertThrows } from "@std/assert";
import { parseRecords } from "./records.ts";
import {
  json,
  roundsText,
  type Row,
  summarize,
  table,
  tally,
  times,
} from "./report.ts";

const ROW: Row = {
  line: "broadcast",
  figure: "100 B to 9 others",
  unit: "/s",
  better: "higher",
  rounds: [300, 500, 400],
  aim: 400,
  comparisons: [
    { with: "bare", doing: "the same", rounds: [800, 1_000, 900] },
    { with: "other", doing: "less", rounds: [400, 625, 500], aim: 1 },
  ],
};
const RUN = {
  type: "run",
  date: "2026-11-30T00:00:00.000Z",
  deno: "2.9.6",
  cores: 2,
  system: "linux x86_64",
  rounds: 3,
};

Deno.test("a table has the comparisons of a figure below each other", () => {
  const [, first, second, ...rest] = table([ROW]).split("\n")
    .map((line) => line.trim().split(/\s{2,}/));
  assertEquals(rest, []);
  assertEquals(first, [
    ...["broadcast", "100 B to 9 others"],
    ...["500 /s", "400 [300..500]", "≥ 400 /s", "ok"],
    ...["bare", "1,000 /s", "900 [800..1,000]", "0.50 ×", "0.44 ×", "the same"],
  ]);
  assertEquals(second, [
    ...["other", "625 /s", "500 [400..625]"],
    ...["0.80 ×", "≥ 1 ×", "MISSED", "0.80 ×", "less"],
  ]);
});

Deno.test("a table has figures that are compared with nothing", () => {
  const [, line] = table([{ ...ROW, comparisons: [] }]).split("\n");
  assertEquals(line?.includes("500 /s"), true);
});

Deno.test("aims are judged by the best round, which is the lowest where lower is better", () => {
  const row = { ...ROW, aim: 450, comparisons: [] };
  assertEquals(tally([row]), { aims: 1, missed: 0 });
  assertEquals(tally([{ ...row, better: "lower", aim: 299 }]), {
    aims: 1,
    missed: 1,
  });
  assertEquals(summarize([3, 1, 2, 9], "lower"), {
    best: 1,
    median: 2.5,
    least: 1,
    most: 9,
  });
});

Deno.test("aims of figures and of ratios are counted alike", () => {
  assertEquals(tally([ROW]), { aims: 2, missed: 1 });
  assertEquals(tally([]), { aims: 0, missed: 0 });
});

Deno.test("JSON has medians, best rounds and all rounds, and what is reached", () => {
  const { verack, best, reached, comparisons } = JSON.parse(json(ROW));
  assertEquals([verack, best, reached], [400, 500, true]);
  const [bare, other] = comparisons;
  assertEquals([bare.value, bare.best, bare.bestRatio, bare.reached], [
    ...[900, 1_000, 0.5, true],
  ]);
  assertEquals([other.ratio, other.bestRatio, other.reached], [
    0.8,
    0.8,
    false,
  ]);
});

Deno.test("what JSON says can be read again, infinite values too", () => {
  const never = { ...ROW, figure: "never", rounds: [Infinity, 1, 2] };
  const text = [JSON.stringify(RUN), json(ROW), json(never)].join("\n");
  const { run, rows } = parseRecords(text);
  assertEquals(run.date, RUN.date);
  assertEquals(table(rows), table([ROW, never]));
});

Deno.test("of figures that were measured in several runs the last ones count", () => {
  const later = { ...ROW, rounds: [1, 2, 3] };
  const text = [RUN, { ...RUN, deno: "2.9.7" }].flatMap((run, i) => [
    JSON.stringify(run),
    json(i === 0 ? ROW : later),
  ]).join("\n");
  const { run, rows } = parseRecords(text);
  assertEquals(run.deno, "2.9.7");
  assertEquals(rows.map(({ rounds }) => rounds), [later.rounds]);
});

Deno.test("the rounds of several runs are the fewest to the most", () => {
  const of = (...rounds: number[]) =>
    roundsText(
      parseRecords(
        rounds.map((it) => JSON.stringify({ ...RUN, rounds: it })).join("\n"),
      ).run,
    );
  assertEquals([of(1), of(4), of(2, 2)], ["1 round", "4 rounds", "2 rounds"]);
  assertEquals(of(2, 4, 1, 2), "1 to 4 rounds");
});

Deno.test("a file without a run is refused", () => {
  assertThrows(() => parseRecords(json(ROW)), SyntaxError, "no run in it");
});

Deno.test("a line that is no JSON is named", () => {
  const text = [JSON.stringify(RUN), json(ROW), "This takes 1 min"].join("\n");
  const error = assertThrows(() => parseRecords(text), SyntaxError);
  assertEquals(error.message, "Line 3 is no JSON, must be what --json printed");
});

Deno.test("small ratios keep two digits", () => {
  assertEquals([0.0512, 0.512, 5.12, 51.2].map(times), [
    ...["0.051 ×", "0.51 ×", "5.12 ×", "51 ×"],
  ]);
});
