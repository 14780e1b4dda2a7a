import { parsePeerId } from "../../src/core/peer_id.ts";
import { assert, assertEquals } from "@std/assert";
import { EventPrinter } from "../../src/cli/event_printer.ts";
import type { LineOutput } from "../../src/cli/line_writer.ts";
import { palette } from "../../src/cli/terminal.ts";
import type { NodeEvent } from "../../src/mesh/events.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const PING: NodeEvent = {
  type: "ping",
  id: parsePeerId("b".repeat(64)),
  text: "hello",
};

function mesh(nodes: number): NodeEvent {
  return { type: "mesh", nodes, sessions: nodes - 1, missing: [] };
}

const FRIEND = parsePeerId("f".repeat(64));

function open(json: boolean) {
  const lines: string[] = [];
  const output: LineOutput = {
    line: (text) =>
      void lines.push(
        json ? JSON.parse(text).type : text.slice("00:00:00 ".length),
      ),
  };
  const clock = new VirtualClock();
  const colors = palette(false);
  const hasStanding = (id: string) => id === FRIEND;
  const printer = new EventPrinter({
    output,
    json,
    colors,
    clock,
    hasStanding,
  });
  return { printer, clock, lines };
}

Deno.test("EventPrinter tells people the size of the mesh now and then, and all else at once", async () => {
  const { printer, clock, lines } = open(false);
  printer.print(mesh(1));
  printer.print(mesh(2));
  printer.print(PING);
  await clock.advance(150);
  printer.print(mesh(3));
  assertEquals(lines, ["ping   bbbbbbbb: hello"]);
  await clock.advance(50);
  assertEquals(lines.slice(1), ["mesh   3 nodes, 2 sessions here"]);
  printer.print(mesh(4));
  await clock.advance(1_000);
  assertEquals(lines.slice(2), ["mesh   4 nodes, 3 sessions here"]);
  assertEquals(clock.pending, 0);
});

Deno.test("EventPrinter tells the size it held back before the end", () => {
  const { printer, clock, lines } = open(false);
  printer.print(mesh(2));
  printer.print({ type: "stopped" });
  assertEquals(lines, [
    "mesh   2 nodes, 1 session here",
    "stop   left the mesh",
  ]);
  printer.print(mesh(3));
  printer[Symbol.dispose]();
  assertEquals(lines.at(-1), "mesh   3 nodes, 2 sessions here");
  assertEquals(clock.pending, 0);
});

Deno.test("EventPrinter gives programs every event at once", () => {
  const { printer, clock, lines } = open(true);
  for (const event of [mesh(1), mesh(2), PING, mesh(3)]) printer.print(event);
  assertEquals(lines, ["mesh", "mesh", "ping", "mesh"]);
  assertEquals(clock.pending, 0);
});

Deno.test("EventPrinter leaves out what strangers flood it with, says so, and shows all else", () => {
  for (const json of [false, true]) {
    const { printer, lines } = open(json);
    const count = (text: string) =>
      lines.filter((line) => line.startsWith(text)).length;
    for (let round = 0; round < 100; round++) {
      for (let i = 0; i < 1_000; i++) printer.print(PING);
      printer.print({ ...PING, id: FRIEND });
      const down = { type: "peer:down", reason: "gone", left: false } as const;
      const stranger = parsePeerId(round.toString(16).padStart(64, "0"));
      printer.print({ ...down, id: stranger });
      printer.print({ ...down, id: FRIEND });
      printer.print({
        type: "message",
        from: PING.id,
        topic: "",
        id: "0".repeat(32),
        deliveryCount: 1,
        text: "x",
      });
    }
    // Those of the friend, and the burst of the stranger.
    assertEquals(count("ping"), 100 + 20);
    assertEquals(count(json ? "peer:down" : "lost"), 200);
    // What users asked for is never left out.
    assertEquals(count(json ? "message" : "msg"), 100);
    printer.print({ type: "stopped" });
    assertEquals(
      lines.slice(-2),
      json ? ["overflow", "stopped"] : [
        "lag    99980 events not shown: too many pings of bbbbbbbb",
        "stop   left the mesh",
      ],
    );
  }
});

Deno.test("EventPrinter coalesces the sizes of a mesh that changes all the time, for programs too", async () => {
  const { printer, clock, lines } = open(true);
  for (let second = 0; second < 60; second++) {
    for (let i = 0; i < 100; i++) printer.print(mesh(2 + i % 2));
    await clock.advance(1_000);
  }
  assert(lines.length < 300, `${lines.length} lines`);
  await clock.advance(2_000);
  const before = lines.length;
  await clock.advance(60_000);
  assertEquals(lines.length, before, "the last one was told");
  assertEquals(clock.pending, 0);
});
