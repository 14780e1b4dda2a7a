import { assertEquals } from "@std/assert";
import { EventPrinter } from "../../src/cli/event_printer.ts";
import type { LineOutput } from "../../src/cli/line_writer.ts";
import { palette } from "../../src/cli/terminal.ts";
import type { NodeEvent } from "../../src/mesh/events.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

const PING: NodeEvent = {
  type: "ping",
  identity: "b".repeat(64),
  text: "hello",
};

function mesh(nodes: number): NodeEvent {
  return { type: "mesh", nodes, links: nodes - 1, missing: [] };
}

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
  const printer = new EventPrinter({
    output,
    json,
    colors,
    clock,
    hasStanding: () => false,
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
  assertEquals(lines.slice(1), ["mesh   3 nodes, 2 links here"]);
  printer.print(mesh(4));
  await clock.advance(1_000);
  assertEquals(lines.slice(2), ["mesh   4 nodes, 3 links here"]);
  assertEquals(clock.pending, 0);
});

Deno.test("EventPrinter tells the size it held back before the end", () => {
  const { printer, clock, lines } = open(false);
  printer.print(mesh(2));
  printer.print({ type: "stopped" });
  assertEquals(lines, [
    "mesh   2 nodes, 1 link here",
    "stop   left the mesh",
  ]);
  printer.print(mesh(3));
  printer[Symbol.dispose]();
  assertEquals(lines.at(-1), "mesh   3 nodes, 2 links here");
  assertEquals(clock.pending, 0);
});

Deno.test("EventPrinter gives programs every event at once", () => {
  const { printer, clock, lines } = open(true);
  for (const event of [mesh(1), mesh(2), PING, mesh(3)]) printer.print(event);
  assertEquals(lines, ["mesh", "mesh", "ping", "mesh"]);
  assertEquals(clock.pending, 0);
});
