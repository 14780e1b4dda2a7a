import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import type { Clock } from "../../../src/core/clock.ts";
import type { DemoEvent } from "../../../src/cli/demo/demo_event.ts";
import { jsonPrinter, textPrinter } from "../../../src/cli/demo/printer.ts";
import { palette } from "../../../src/cli/terminal.ts";

/** A clock that is set by hand. */
function handClock(): Clock & { ms: number } {
  const clock = {
    ms: 0,
    now: () => clock.ms,
    monotonic: () => clock.ms,
    after: () => () => {},
  };
  return clock;
}

function print(
  events: readonly DemoEvent[],
  options: { names?: string[]; columns?: number; color?: boolean } = {},
): string[] {
  const lines: string[] = [];
  const show = textPrinter({
    line: (text) => lines.push(text),
    colors: palette(options.color ?? false),
    columns: options.columns ?? 80,
    names: options.names ?? ["alice", "bob"],
    clock: handClock(),
  });
  for (const event of events) show(event);
  return lines;
}

const OPENING: DemoEvent = {
  type: "demo",
  nodes: 2,
  inProcess: false,
  period: 1,
  discover: false,
};

const LOST: DemoEvent = {
  type: "lost",
  name: "alice",
  peer: "bob",
  reason: "Cannot read from 127.0.0.1:12345: the other end hung up",
  links: 6,
  of: 10,
};

Deno.test("the first line says whether others on the local network find the nodes", () => {
  assertStringIncludes(
    JSON.stringify(print([OPENING])),
    "over TLS on 127.0.0.1",
  );
  assertStringIncludes(
    JSON.stringify(print([{ ...OPENING, discover: true }])),
    "over TLS announced on the local network",
  );
});

Deno.test("jsonPrinter() prints an object a line with the time in front", () => {
  const lines: string[] = [];
  const clock = handClock();
  clock.ms = 1_000;
  const show = jsonPrinter((text) => lines.push(text), clock);
  show({ ...LOST, reason: "a\nb\u202e" });
  assertEquals(lines.length, 1);
  const [line = ""] = lines;
  assert(!/[\n\u202e]/.test(line));
  assertEquals(JSON.parse(line), {
    time: "1970-01-01T00:00:01.000Z",
    ...LOST,
    reason: "a\nb\u202e",
  });
});

Deno.test("textPrinter() keeps every line within the columns", () => {
  for (const columns of [80, 90, 100, 200]) {
    const lines = print([
      OPENING,
      { type: "phase", phase: "start" },
      { type: "phase", phase: "impostor", name: "alice", peer: "bob" },
      { type: "phase", phase: "keep" },
      LOST,
      {
        type: "refused",
        name: "bob",
        address: "127.0.0.1:65535",
        reason: "word ".repeat(60),
      },
    ], { columns });
    for (const line of lines) {
      assert(line.length <= Math.min(columns, 100), line);
    }
  }
});

Deno.test("textPrinter() escapes and bounds what nodes say", () => {
  const lines = print([{ ...LOST, reason: `\x1b[2J\n${"x".repeat(9_999)}` }]);
  assertMatch(lines.join("\n"), /\\u\{1b\}\[2J\\u\{a\}/);
  assert(lines.join("").length < 600);
});

Deno.test("textPrinter() gives a name the same colour everywhere, and words that hold it none", () => {
  const [line = ""] = print([{ ...LOST, reason: "bobsleigh, bob" }], {
    color: true,
  });
  const [before = ""] = line.split("bob");
  const style = before.slice(before.lastIndexOf("\x1b"));
  assert(style.startsWith("\x1b["));
  assertEquals(line.split(`${style}bob\x1b`).length - 1, 2);
  assert(line.includes(" bobsleigh,"));
});

Deno.test("textPrinter() counts what many nodes do instead of telling each", () => {
  const names = Array.from({ length: 20 }, (_, i) => `node-${i + 1}`);
  const pings = names.map((name): DemoEvent => ({
    type: "pings",
    name,
    from: names.filter((other) => other !== name),
  }));
  const lines = print(pings, { names });
  assertEquals(lines.length, 1, lines.join("\n"));
  assertMatch(lines[0] ?? "", /20 of 20 nodes/);
});

Deno.test("textPrinter() tells a failed demo's missing things a line each", () => {
  const lines = print([{
    type: "summary",
    ok: false,
    interrupted: false,
    seconds: 12.34,
    nodes: 2,
    links: 0,
    of: 1,
    pingPairs: 0,
    shown: [],
    missing: ["links: alice-bob", "all of part pings"],
  }]);
  assertEquals(lines, [
    "",
    "Not all of it happened (12.3 s), missing:",
    "  - links: alice-bob",
    "  - all of part pings",
  ]);
});
