// Meshes that are large enough for what everybody says to everybody to count.
import { assert, assertEquals } from "@std/assert";
import { Node } from "../../../src/mesh/node.ts";
import { MemoryNetwork } from "../../../src/testing/memory_network.ts";
import { identities } from "../../helpers/identities.ts";
import { SeededRandom } from "../../../src/testing/seeded_random.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";

/** Members in virtual time, and the bytes that arrive at each host. */
class Crowd implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly received = new Map<string, number>();
  readonly network = new MemoryNetwork({
    clock: this.clock,
    random: new SeededRandom(1),
    latencyMs: 1,
    jitterMs: 4,
    onPacket: ({ to, bytes }) => {
      const host = to.split(":")[0]!;
      this.received.set(host, (this.received.get(host) ?? 0) + bytes);
    },
  });
  readonly nodes: Node[] = [];
  /** Dials with a certificate as pin, of all nodes. */
  dials = 0;

  /** Starts another node, which joins through these. */
  async join(...through: number[]): Promise<void> {
    const index = this.nodes.length;
    const transport = this.network.transport(hostOf(index));
    const node = await Node.start({
      identity: (await identities(index + 1))[index]!,
      host: hostOf(index),
      port: 8080,
      connect: through.map((other) => `${hostOf(other)}:8080`),
      transport: {
        ...transport,
        dial: (address, options) => {
          this.dials++;
          return transport.dial(address, options);
        },
      },
      clock: this.clock,
      random: new SeededRandom(index),
      // A second of silence of a hundred pairs is most of the work of the test.
      heartbeatMs: 10_000,
      deadAfterMs: 30_000,
    });
    this.nodes.push(node);
  }

  async whole(limitMs: number, nodes: readonly Node[] = this.nodes) {
    const links = nodes.length - 1;
    await this.clock.runUntil(
      () => nodes.every((node) => node.sessions().length === links),
      { limitMs },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = Promise.all(this.nodes.map((node) => node.close()));
    await this.clock.advance(3_000);
    await closing;
  }
}

function hostOf(index: number): string {
  return `10.0.0.${index + 1}`;
}

/** Bytes that come to the last of `members` until it has met all and all is said. */
async function bytesToJoin(members: number): Promise<number> {
  await using crowd = new Crowd();
  await crowd.join();
  for (let i = 1; i < members - 1; i++) await crowd.join(0);
  await crowd.whole(30_000);
  await crowd.clock.advance(3_000);
  await crowd.join(0);
  await crowd.whole(10_000);
  await crowd.clock.advance(2_000);
  return crowd.received.get(hostOf(members - 1))!;
}

Deno.test("a node that joins many gets each entry once, not from each member", async () => {
  const few = await bytesToJoin(25);
  const many = await bytesToJoin(50);
  // Twice as many members are twice as many sessions and entries, and four times
  // as many if each tells of all the others.
  assert(many < 2.4 * few, `${many} bytes to join 49, ${few} to join 24`);
});

Deno.test("members that start at the same moment are whole in a moment", async () => {
  await using crowd = new Crowd();
  await crowd.join();
  for (let i = 1; i < 25; i++) await crowd.join(0);
  // Two round trips: none waits for another to dial in vain.
  await crowd.whole(200);
  // Of two that learn of each other at the same time, only the one that was told first dials.
  await crowd.clock.advance(3_000);
  assertEquals(crowd.dials, 25 * 24 / 2);
});

Deno.test("two crowds that meet by one member each become one", async () => {
  await using crowd = new Crowd();
  const half = 20;
  const hosts = Array.from({ length: 2 * half }, (_, i) => hostOf(i));
  crowd.network.partition([hosts.slice(0, half), hosts.slice(half)]);
  await crowd.join();
  for (let i = 1; i < half; i++) await crowd.join(0);
  // It has heard of one of the others, too.
  await crowd.join(3);
  for (let i = 1; i < half; i++) await crowd.join(half);
  await crowd.whole(30_000, crowd.nodes.slice(0, half));
  await crowd.whole(30_000, crowd.nodes.slice(half));
  crowd.network.heal();
  const meet = () => crowd.nodes.some((node) => node.sessions().length >= half);
  await crowd.clock.runUntil(meet, { limitMs: 70_000 });
  await crowd.whole(3_000);
});
