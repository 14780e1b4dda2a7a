import { assertEquals } from "@std/assert";
import { MAX_QUEUED_EVENTS } from "../../src/mesh/mesh_limits.ts";
import { EventQueue } from "../../src/core/event_queue.ts";
import type { NodeEvent } from "../../src/mesh/events.ts";

function mesh(nodes: number): NodeEvent {
  return { type: "mesh", nodes, sessions: 0, missing: [] };
}

Deno.test("EventQueue delivers events in order, also to a listener that waits first", async () => {
  const queue = new EventQueue<NodeEvent>(MAX_QUEUED_EVENTS);
  const first = queue.next();
  const second = queue.next();
  queue.push(mesh(1));
  queue.push(mesh(2));
  queue.push(mesh(3));
  assertEquals((await first).value, mesh(1));
  assertEquals((await second).value, mesh(2));
  assertEquals((await queue.next()).value, mesh(3));
});

Deno.test("EventQueue drops the oldest when the listener is too slow, and counts them", async () => {
  const queue = new EventQueue<NodeEvent>(MAX_QUEUED_EVENTS);
  for (let i = 0; i < 3 * MAX_QUEUED_EVENTS + 5; i++) queue.push(mesh(i));
  queue.end();
  const seen: NodeEvent[] = [];
  for await (const event of queue) seen.push(event);
  const dropped = 2 * MAX_QUEUED_EVENTS + 5;
  assertEquals(seen[0], { type: "overflow", dropped });
  assertEquals(seen[1], mesh(dropped));
  assertEquals(seen.length, MAX_QUEUED_EVENTS + 1);
});

Deno.test("EventQueue ends when the listener breaks off, and says so once", async () => {
  let closed = 0;
  const queue = new EventQueue<NodeEvent>(MAX_QUEUED_EVENTS, () => closed++);
  queue.push(mesh(1));
  queue.push(mesh(2));
  for await (const _ of queue) break;
  assertEquals(await queue.next(), { value: undefined, done: true });
  queue.push(mesh(3));
  queue.end();
  assertEquals(closed, 1);
});

Deno.test("EventQueue hands out what waits before it ends", async () => {
  const queue = new EventQueue<NodeEvent>(MAX_QUEUED_EVENTS);
  queue.push(mesh(1));
  queue.end();
  assertEquals((await queue.next()).value, mesh(1));
  assertEquals((await queue.next()).done, true);
});
