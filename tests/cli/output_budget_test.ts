import { assert, assertEquals } from "@std/assert";
import { OutputBudget } from "../../src/cli/output_budget.ts";
import {
  ALL_HOSTS_LINES,
  ALL_STRANGERS_LINES,
  HOST_LINES,
  KNOWN_PEER_LINES,
  LEFT_OUT_TOLD_MS,
  type LineRate,
  MESH_LINES,
  STRANGER_LINES,
} from "../../src/cli/cli_limits.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const FRIEND = "f".repeat(64);

function peerId(number: number): string {
  return number.toString(16).padStart(64, "0");
}

function open() {
  const clock = new VirtualClock();
  const told: string[] = [];
  const budget = new OutputBudget({
    clock,
    what: "pings",
    hasStanding: (cause) => cause === FRIEND,
    tell: ({ dropped, reason }) => void told.push(`${dropped} ${reason}`),
  });
  const admitted = (cause: string, lines: number) =>
    Array.from({ length: lines }, () => budget.admits(cause))
      .filter((it) => it).length;
  return { budget, clock, told, admitted };
}

Deno.test("OutputBudget lets a peer without standing cause a burst, then one line in five seconds", async () => {
  const { clock, admitted } = open();
  assertEquals(admitted(peerId(1), 5_000), STRANGER_LINES.burst);
  await clock.advance(60_000);
  assertEquals(admitted(peerId(1), 5_000), 60_000 / STRANGER_LINES.refillMs);
});

Deno.test("OutputBudget gives all peers without standing one share, and a peer with standing its own", async () => {
  const { clock, admitted } = open();
  // Each of so many stays within its own.
  let strangers = 0;
  for (let i = 0; i < 10_000; i++) strangers += admitted(peerId(i), 1);
  assertEquals(strangers, ALL_STRANGERS_LINES.burst);
  assertEquals(admitted(FRIEND, 500), 500);
  await clock.advance(10_000);
  for (let i = 10_000; i < 20_000; i++) strangers += admitted(peerId(i), 1);
  assertEquals(
    strangers,
    ALL_STRANGERS_LINES.burst + 10_000 / ALL_STRANGERS_LINES.refillMs,
  );
  assertEquals(admitted(FRIEND, 500), 500);
});

Deno.test("OutputBudget bounds what a peer with standing causes when it runs wild", () => {
  const { admitted } = open();
  assertEquals(admitted(FRIEND, 5_000), KNOWN_PEER_LINES.burst);
  assertEquals(admitted(peerId(1), 1), 1);
});

Deno.test("OutputBudget lets one that has used up its own take nothing of what all share", () => {
  const { admitted } = open();
  admitted(peerId(1), 1_000_000);
  let others = 0;
  for (let i = 2; i < 100; i++) others += admitted(peerId(i), 5);
  assertEquals(others, 98 * 5);
});

Deno.test("OutputBudget tells what it left out, and of whose, now and then and at the end", async () => {
  const { budget, clock, told, admitted } = open();
  admitted(peerId(1), STRANGER_LINES.burst);
  await clock.advance(LEFT_OUT_TOLD_MS);
  assertEquals(told, [], "nothing was left out");
  admitted(peerId(1), STRANGER_LINES.burst + 7);
  await clock.advance(LEFT_OUT_TOLD_MS);
  const [first = ""] = told;
  assertEquals(first, "25 too many pings of 00000000");
  admitted(`a${peerId(1).slice(1)}`, STRANGER_LINES.burst + 3);
  admitted("192.0.2.1\x1b", STRANGER_LINES.burst + 4);
  budget[Symbol.dispose]();
  assertEquals(told.slice(1), [
    "7 too many pings of 2 sources, most of them of 192.0.2.1\\u{1b}",
  ]);
  budget[Symbol.dispose]();
  assertEquals(told.length, 2);
  assertEquals(clock.pending, 0);
});

Deno.test("OutputBudget remembers a bounded number of causes", () => {
  const { budget, told } = open();
  for (let i = 0; i < 100_000; i++) budget.admits(peerId(i));
  budget[Symbol.dispose]();
  assertEquals(told.length, 1);
  assert(told[0]?.includes("1024 or more"), told[0]);
});

Deno.test("docs/limits.md says how many lines peers may cause", async () => {
  const text = await Deno.readTextFile(
    new URL("../../docs/limits.md", import.meta.url),
  );
  const number = (value: number) => value.toLocaleString("en");
  const rows: readonly [what: string, rate: LineRate][] = [
    ["events of one stranger in `run`, `chat`, `tail`", STRANGER_LINES],
    ["of all strangers together", ALL_STRANGERS_LINES],
    ["of each peer with standing", KNOWN_PEER_LINES],
    ["the size of the mesh; then the last one, when it is due", MESH_LINES],
    ["events of one host at `respond`", HOST_LINES],
    ["of all hosts together at `respond`", ALL_HOSTS_LINES],
  ];
  for (const [what, { burst, refillMs }] of rows) {
    const cells = text.split("\n").find((line) => line.startsWith(`| ${what} `))
      ?.split("|").map((cell) => cell.trim());
    assertEquals(cells?.slice(2, 4), [
      number(burst),
      `one in ${number(refillMs)} ms`,
    ], what);
  }
});
