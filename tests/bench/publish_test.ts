import { assert, assertEquals, assertThrows } from "@std/assert";
import { chart } from "./chart.ts";
import { fill, tables } from "./markdown.ts";
import type { Records } from "./records.ts";
import type { Row } from "./report.ts";

const ROW: Row = {
  line: "messages",
  figure: "100 B, acknowledged",
  unit: "/s",
  better: "higher",
  rounds: [900, 1_000],
  comparisons: [
    { with: "bare", doing: "", rounds: [4_000, 5_000], aim: 0.25 },
    { with: "libp2p", doing: "", rounds: [90, 100], aim: 1 },
  ],
};
const RECORDS: Records = {
  run: {
    date: "2026-11-30T12:00:00.000Z",
    deno: "2.9.6",
    cores: 2,
    system: "linux x86_64",
    rounds: 2,
  },
  rows: [
    ROW,
    {
      ...ROW,
      line: "answers",
      figure: "100 B until acknowledged, p50",
      unit: "µs",
      better: "lower",
      rounds: [100, 120],
      comparisons: [{ with: "libp2p", doing: "", rounds: [50, 70], aim: 1 }],
    },
    { ...ROW, line: "session", figure: "p50", unit: "ms", aim: 2 },
    {
      ...ROW,
      line: "stream",
      figure: "64 KiB by Web Streams",
      comparisons: [],
    },
    { ...ROW, line: "forward", figure: "p50", unit: "µs", comparisons: [] },
    ...[10, 25].map((nodes): Row => ({
      line: "growing",
      figure: `${nodes} nodes: until the mesh is full`,
      unit: "s",
      better: "lower",
      rounds: [nodes / 10],
      comparisons: [],
    })),
  ],
  notes: ["a mesh of 200 nodes is not measured: no room"],
};

/** Cells of a table, without its head. */
function cells(table: string | undefined): string[][] {
  return (table ?? "").split("\n").slice(2).map((line) =>
    line.split("|").slice(1, -1).map((it) => it.trim())
  );
}

Deno.test("other networks have a column each, in bold where verack is behind its aim", () => {
  assertEquals(cells(tables(RECORDS).messages), [
    [
      ...["messages: 100 B, acknowledged", "1,000 /s", "950 [900..1,000]"],
      ...["≥ 0.25 ×", "**0.20 ×** (0.21 ×)", "10 × (10 ×)"],
    ],
    [
      ...["answers: 100 B until acknowledged, p50", "100 µs"],
      ...["110 [100..120]", "", "", "**2.00 ×** (1.86 ×)"],
    ],
  ]);
});

Deno.test("all other lines have a row for each comparison", () => {
  assertEquals(cells(tables(RECORDS).lines), [
    [
      ...["session: p50", "1,000 ms", "950 [900..1,000]", "≥ 2 ms", "bare"],
      ...["5,000 ms", "0.20 ×", "**≥ 0.25 ×**", "0.21 ×"],
    ],
    ["", "", "", "", "libp2p", "100 ms", "10 ×", "≥ 1 ×", "10 ×"],
  ]);
});

Deno.test("streams have a table of their own, and so has what is built on them", () => {
  const { streams, services } = tables(RECORDS);
  const first = (table?: string) => cells(table).map(([what]) => what);
  assertEquals(first(streams), ["stream: 64 KiB by Web Streams"]);
  assertEquals(first(services), ["forward: p50"]);
});

Deno.test("a bar in the name of a contender does not end its cell", () => {
  const comparison = { with: "cat | nc", doing: "", rounds: [1_000, 900] };
  const { services = "" } = tables({
    ...RECORDS,
    rows: [{ ...ROW, line: "file", comparisons: [comparison] }],
  });
  assert(services.includes(" cat \\| nc "), services);
});

Deno.test("meshes that grow have a row each", () => {
  assertEquals(cells(tables(RECORDS).growing), [
    ["10 nodes", "1 s"],
    ["25 nodes", "2.50 s"],
  ]);
});

Deno.test("what was not measured is said", () => {
  const { messages, notes } = tables({ ...RECORDS, rows: [] });
  assertEquals(messages, "Not measured.");
  assertEquals(notes, "- a mesh of 200 nodes is not measured: no room");
});

Deno.test("a page keeps all but what is in its places", () => {
  const page = "a\n<!-- bench: run -->\nold\n<!-- end -->\nb\n";
  const filled = fill(page, { run: "new" });
  assertEquals(filled, "a\n<!-- bench: run -->\n\nnew\n\n<!-- end -->\nb\n");
  assertEquals(fill(filled, { run: "new" }), filled);
  assertThrows(() => fill(page, { lines: "" }), RangeError, "bench: lines");
});

Deno.test("docs/benchmarks.md has a place for each table", () => {
  const url = new URL("../../docs/benchmarks.md", import.meta.url);
  fill(Deno.readTextFileSync(url), tables(RECORDS));
});

Deno.test("a chart has bars as long as contenders are quick, in rates and in times", () => {
  const svg = chart(RECORDS);
  const bars = [
    ...svg.matchAll(/<rect class="(\w+)" x="230" .*?width="(.+?)"/g),
  ]
    .map(([, name, width]) => [name, Number(width)] as const);
  assertEquals(bars.map(([name]) => name), [
    ...["verack", "libp2p", "verack", "libp2p"],
  ]);
  const [ours = 0, slow = 0, alike, quick = 0] = bars.map(([, it]) => it);
  assertEquals(alike, ours);
  assert(Math.abs(slow - ours / 10) < 0.2, `${slow} of ${ours}`);
  assert(Math.abs(quick - 2 * ours) < 0.2, `${quick} of ${ours}`);
});

Deno.test("a chart says in words what it shows, for light and for dark ground, in few bytes", () => {
  const svg = chart(RECORDS);
  assert(svg.includes("100 B to one: verack 1,000 /s, libp2p 0.10."), svg);
  assert(/role="img" aria-labelledby="title desc"/.test(svg));
  assert(svg.includes("prefers-color-scheme:dark"));
  assert(svg.includes("2026-11-30, 2 cores"));
  assert(svg.length < 15_000, `${svg.length} bytes`);
});

Deno.test("a chart has values beside the axis of verack, not across it", () => {
  const of = (speed: number) => {
    const rounds = ROW.rounds.map((it) => it * speed);
    const comparisons = [{ with: "libp2p", doing: "", rounds }];
    const svg = chart({ ...RECORDS, rows: [{ ...ROW, comparisons }] });
    const [axis, value] = [/V\d+M(\S+) /, /x="(\S+)" y="\d+">\d\.\d\d</]
      .map((it) => Number(svg.match(it)?.[1]));
    return value! - axis!;
  };
  assert(of(0.5) < -25, "half as quick");
  assertEquals([of(0.97), of(0.99)], [5, 5]);
});

Deno.test("a chart escapes what is markup", () => {
  const row = { ...ROW, figure: "a < b & c" };
  const svg = chart({ ...RECORDS, rows: [row] });
  assert(svg.includes("a &lt; b &amp; c to one"), svg);
});
