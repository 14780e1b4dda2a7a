// A node compares its clock with those of its peers, which may lie.
import { assertEquals, assertMatch } from "@std/assert";
import type { Clock } from "../../src/core/clock.ts";
import { CLOCK_WRONG_MS } from "../../src/mesh/mesh_limits.ts";
import type { Node } from "../../src/mesh/node.ts";
import { offsetOfMost } from "../../src/mesh/peer_clocks.ts";
import { MemoryMesh } from "../helpers/memory_mesh.ts";

const MINUTE = 60_000;

/** The clock of a mesh, off by some time. */
class WrongClock implements Clock {
  readonly #clock: Clock;
  offsetMs: number;

  constructor(clock: Clock, offsetMs: number) {
    this.#clock = clock;
    this.offsetMs = offsetMs;
  }

  now(): number {
    return this.#clock.now() + this.offsetMs;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.#clock.after(delayMs, callback);
  }
}

function clockFacts(node: Node): string[] {
  return node.status().health.filter(({ code }) => code === "wrong-clock")
    .map(({ message }) => message);
}

Deno.test("a clock that is off from those of all peers is a warning at that node alone, until it is set right", async () => {
  await using mesh = new MemoryMesh();
  const one = await mesh.start();
  const two = await mesh.start([one]);
  const clock = new WrongClock(mesh.clock, -5 * MINUTE);
  const late = await mesh.start([one, two], { clock });
  await mesh.complete();
  await mesh.clock.advance(5_000);
  assertMatch(clockFacts(late.node).join(), /clock is 300 s behind/);
  for (const { node } of [one, two]) assertEquals(clockFacts(node), []);
  const [fact] = late.node.status().health;
  assertEquals(fact?.severity, "warning");

  clock.offsetMs = 0;
  await mesh.clock.advance(5_000);
  assertEquals(clockFacts(late.node), []);
  assertEquals(late.log.of("resolved").map(({ code }) => code), [
    "wrong-clock",
  ]);
  // And when it is set wrong while sessions are open.
  clock.offsetMs = 20 * MINUTE;
  await mesh.clock.advance(5_000);
  assertMatch(clockFacts(late.node).join(), /clock is 1200 s ahead of/);
});

Deno.test("one lying peer with standing raises no alarm, however much it lies", async () => {
  for (const honest of [0, 1, 2]) {
    await using mesh = new MemoryMesh();
    const offset = 50 * 365 * 24 * 60 * MINUTE;
    const liar = await mesh.start([], {
      clock: new WrongClock(mesh.clock, offset),
    });
    const others = [];
    for (let i = 0; i < honest; i++) others.push(await mesh.start([liar]));
    const victim = await mesh.start([liar, ...others]);
    await mesh.complete();
    await mesh.clock.advance(10_000);
    assertEquals(clockFacts(victim.node), [], `${honest} honest`);
  }
});

Deno.test("a crowd of strangers with false clocks raises no alarm, though the same peers would with standing", async () => {
  const offset = 10 * MINUTE;
  for (const areStrangers of [true, false]) {
    await using mesh = new MemoryMesh();
    const clock = new WrongClock(mesh.clock, offset);
    const liars = [];
    const honest = [await mesh.start()];
    honest.push(await mesh.start([honest[0]!]));
    if (!areStrangers) {
      for (let i = 0; i < 3; i++) liars.push(await mesh.start([], { clock }));
    }
    const victim = await mesh.start([...honest, ...liars]);
    if (areStrangers) {
      for (let i = 0; i < 5; i++) {
        liars.push(await mesh.start([victim], { clock }));
      }
    }
    await mesh.complete();
    await mesh.clock.advance(10_000);
    assertEquals(victim.node.sessions().length, areStrangers ? 7 : 5);
    assertEquals(clockFacts(victim.node).length, areStrangers ? 0 : 1);
  }
});

Deno.test("a machine that sleeps again and again, too shortly to lose a session, raises no alarm", async () => {
  await using mesh = new MemoryMesh();
  const one = await mesh.start();
  const two = await mesh.start([one]);
  const clock = new WrongClock(mesh.clock, 0);
  const sleepy = await mesh.start([one, two], { clock });
  await mesh.complete();
  // The others' clocks go on while its monotonic clock stands still.
  for (let i = 0; i < 30; i++) {
    mesh.clock.wallOffsetMs += 2_500;
    await mesh.clock.advance(5_000);
  }
  for (const { node } of [one, two, sleepy]) assertEquals(clockFacts(node), []);
});

Deno.test("the offset is what more than half have in one direction", () => {
  const off = CLOCK_WRONG_MS;
  for (
    const [offsets, expected] of [
      [[off], off],
      [[0, off], 0],
      [[off, 2 * off], off],
      [[-off, off], 0],
      [[-off, -2 * off], -off],
      [[0, off, off], off],
      [[0, 0, off], 0],
      [[-off, off, off], off],
      [[0, 0, off, off], 0],
      [[0, off, off, off], off],
      [[-Infinity, 5, Infinity], 5],
    ] as const
  ) assertEquals(offsetOfMost(offsets), expected, offsets.join());
});
