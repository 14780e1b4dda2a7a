// Clocks that are wrong by years, or are set while a mesh runs.
import { assertEquals } from "@std/assert";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { Node } from "../../src/mesh/node.ts";
import { EventLog, Mesh } from "../helpers/nodes.ts";
import { until } from "../helpers/until.ts";

const YEAR_MS = 365 * 86_400_000;

/** The real clock of somebody who set it wrong. */
class WrongClock implements Clock {
  offsetMs: number;

  constructor(years: number) {
    this.offsetMs = years * YEAR_MS;
  }

  now(): number {
    return systemClock.now() + this.offsetMs;
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  after(delayMs: number, callback: () => void): () => void {
    return systemClock.after(delayMs, callback);
  }
}

Deno.test("nodes whose clocks differ by twenty years meet, stay, and find each other again", async () => {
  const clocks = [-10, 0, 10].map((years) => new WrongClock(years));
  const nodes: Node[] = [];
  for (const clock of clocks) {
    nodes.push(
      await Node.start({
        clock,
        connect: nodes[0] === undefined ? [] : [nodes[0].address],
        heartbeatMs: 50,
        deadAfterMs: 500,
      }),
    );
  }
  await using mesh = new Mesh(nodes);
  await mesh.complete();
  const logs = nodes.map((node) => new EventLog(node));
  const heard = () => logs.map((log) => log.of("ping").length);
  const ping = async () => {
    const before = heard();
    for (const node of nodes) node.ping("x");
    await until(
      "everybody to hear everybody",
      () => heard().every((count, i) => count === before[i]! + 2),
    );
  };
  await ping();
  // Set back, set ahead, while it runs.
  for (const years of [-20, 20, 0]) {
    for (const clock of clocks) clock.offsetMs += years * YEAR_MS;
    // Some heartbeats and a check for what is dead.
    await new Promise((resolve) => setTimeout(resolve, 600));
    await ping();
  }
  for (const log of logs) assertEquals(log.of("peer:down"), []);
  // A list told by a clock of another year is as good as any.
  const late = await Node.start({
    clock: new WrongClock(-30),
    connect: [nodes[2]!.address],
  });
  nodes.push(late);
  await mesh.complete();
});
