// Strangers that hold all connections that may wait, and begin handshakes without end.
import { assert, assertEquals } from "@std/assert";
import {
  HANDSHAKE_TURN_MS,
  MAX_HANDSHAKES_AT_ONCE,
  MAX_PENDING_PER_ADDRESS,
} from "../../src/mesh/sessions/connection_limits.ts";
import { MAX_PENDING_CONNECTIONS } from "../../src/mesh/mesh_limits.ts";
import { serverNameOf } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import type { Node } from "../../src/mesh/node.ts";
import { type Member, MemoryMesh } from "../helpers/memory_mesh.ts";
import { MemorySiege } from "../helpers/memory_siege.ts";
import { until } from "../helpers/until.ts";

/** A node and a friend of it that is away, and connections that say nothing. */
class Storm implements AsyncDisposable {
  readonly mesh = new MemoryMesh();
  readonly #over = new AbortController();
  #victim: Member | undefined;
  #friend: Identity | undefined;
  #host = "10.0.0.2";
  #port = 9_000;

  get victim(): Node {
    return this.#victim!.node;
  }

  /** The same after a restart of the node, which had dialed the friend, or the other way. */
  static async restarted(dialed: "friend" | "node"): Promise<Storm> {
    const storm = new Storm();
    const { mesh } = storm;
    const store = new MemoryStore();
    const identity = await Identity.generate({ ephemeral: false });
    let friend, first;
    if (dialed === "friend") {
      friend = await mesh.start();
      first = await mesh.start([friend], { store, identity });
    } else {
      first = await mesh.start([], { store, identity });
      friend = await mesh.start([first]);
    }
    await mesh.complete();
    first.node.admission.allow(friend.node.identity.id);
    storm.#friend = friend.node.identity;
    const closing = Promise.all([friend.node.close(), first.node.close()]);
    await mesh.clock.advance(3_000);
    await closing;
    storm.#host = friend.host;
    storm.#victim = await mesh.start([], { store, identity });
    return storm;
  }

  static async start(): Promise<Storm> {
    const storm = new Storm();
    const victim = storm.#victim = await storm.mesh.start();
    const friend = await storm.mesh.start([victim]);
    storm.#friend = friend.node.identity;
    victim.node.admission.allow(friend.node.identity.id);
    await storm.mesh.complete();
    // Now that it has standing it is seen at its address once more.
    await storm.leave(friend.node);
    await storm.leave(await storm.back());
    return storm;
  }

  async leave(node: Node): Promise<void> {
    await node.close({ abrupt: true });
    await this.mesh.clock.runUntil(
      () => this.victim.sessions().length === 0,
      { limitMs: 10_000 },
    );
  }

  /** The friend is started again, and is connected within so much virtual time. */
  async back(limitMs = 10_000): Promise<Node> {
    const host = this.#host;
    const { node } = await this.mesh.start([this.#victim!], {
      identity: this.#friend!,
      host,
      // Where the node does not look for it, so that it is the friend that dials.
      port: ++this.#port,
      transport: this.mesh.network.transport(host),
    });
    await this.mesh.clock.runUntil(
      () => this.victim.sessions().length === 1,
      { limitMs },
    );
    assertEquals(this.victim.sessions()[0]?.direction, "inbound");
    return node;
  }

  /** `count` connections, from so many addresses. */
  silent(count: number, hosts: number, net = "10.1"): void {
    const { certificate, id } = this.victim.identity;
    const pin = { certificate, serverName: serverNameOf(id) };
    const address = { host: this.#victim!.host, port: 8080 };
    for (let at = 0; at < count; at++) {
      const host = `${net}.${at % hosts >> 8}.${at % hosts & 255}`;
      const transport = this.mesh.network.transport(host);
      const { signal } = this.#over;
      transport.dial(address, { pin, signal }).then(
        (socket) => signal.addEventListener("abort", () => socket.close()),
        () => {},
      );
    }
  }

  get arriving(): number {
    return partsOf(this.victim).pending.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.mesh[Symbol.asyncDispose]();
  }
}

Deno.test("the handshake of a peer with standing does not wait for those of strangers", async () => {
  await using storm = await Storm.start();
  const limitMs = HANDSHAKE_TURN_MS / 2;
  // The control: nothing is in its way.
  await storm.leave(await storm.back(limitMs));
  storm.silent(200, 100);
  await storm.mesh.clock.runUntil(
    () => storm.arriving === 200,
    { limitMs: 100 },
  );
  assert(storm.arriving > 10 * MAX_HANDSHAKES_AT_ONCE);
  // No turn of a stranger is over by then.
  await storm.back(limitMs);
});

for (
  const [dialed, how] of [["friend", "answered"], [
    "node",
    "came from",
  ]] as const
) {
  Deno.test(`a restarted node remembers where peers with standing ${how}`, async () => {
    await using storm = await Storm.restarted(dialed);
    storm.silent(200, 100);
    await storm.mesh.clock.runUntil(
      () => storm.arriving === 200,
      { limitMs: 100 },
    );
    await storm.back(HANDSHAKE_TURN_MS / 2);
  });
}

Deno.test("connections of strangers that come without end do not push out that of a peer with standing", async () => {
  await using storm = await Storm.start();
  const { clock, network } = storm.mesh;
  // A far friend: its handshake takes a second.
  network.setDelay({ latencyMs: 100, jitterMs: 0 });
  await storm.leave(await storm.back());
  storm.silent(MAX_PENDING_CONNECTIONS, 128);
  await clock.runUntil(
    () => storm.arriving === MAX_PENDING_CONNECTIONS,
    { limitMs: 1_000 },
  );
  // In each tenth of a second as many more as may wait, each from an address of its own.
  let net = 0;
  const more = () => {
    storm.silent(MAX_PENDING_CONNECTIONS, 256, `10.2${++net}`);
    if (net < 30) clock.after(100, more);
  };
  more();
  await storm.back(3_000);
  assertEquals(storm.arriving, MAX_PENDING_CONNECTIONS);
});

Deno.test("a key that a stranger proves buys no room for connections that are not proven", async () => {
  const count = MAX_PENDING_PER_ADDRESS + 50;
  for (
    const [hasStanding, wanted] of [
      // The control: at the address of a peer with standing more may wait.
      [true, count],
      [false, MAX_PENDING_PER_ADDRESS],
    ] as const
  ) {
    await using siege = await MemorySiege.start();
    const { victim } = siege;
    const identity = await Identity.generate();
    if (hasStanding) victim.admission.allow(identity.id);
    await siege.open("10.0.1.1", { identity });
    const arriving = () => partsOf(victim).pending.size;
    await until("the proof", () => arriving() === 0);
    let evicted = 0;
    for (let at = 0; at < count; at++) {
      siege.dial("10.0.1.1").catch(() => evicted++);
    }
    await until("all", () => arriving() + evicted === count);
    assertEquals(arriving(), wanted);
  }
});
