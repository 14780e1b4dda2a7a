// Two halves that cannot reach each other both take in somebody; then they can.
import { assert, assertEquals } from "@std/assert";
import { REVIVE_SPREAD_MS } from "../../../src/mesh/dialing/dialing_limits.ts";
import { Node } from "../../../src/mesh/node.ts";
import { formatAddress, parseAddress } from "../../../src/transport/address.ts";
import { tlsTransport } from "../../../src/transport/tls.ts";
import type { Transport } from "../../../src/transport/transport.ts";
import { identities } from "../../helpers/identities.ts";
import { type Member, MemoryMesh } from "../../helpers/memory_mesh.ts";
import { Mesh } from "../../helpers/nodes.ts";
import { TcpProxy } from "../../helpers/tcp_proxy.ts";
import { until } from "../../helpers/until.ts";

for (const minutes of [0.1, 10]) {
  Deno.test(`a split of ${minutes} minutes in which both sides gained a member heals by itself`, async () => {
    await using mesh = new MemoryMesh(minutes);
    const a = await mesh.start();
    const b = await mesh.start([a]);
    const c = await mesh.start([a]);
    const d = await mesh.start([a]);
    await mesh.complete();
    mesh.network.partition([
      ["10.0.0.1", "10.0.0.2", "10.0.0.5"],
      ["10.0.0.3", "10.0.0.4", "10.0.0.6"],
    ]);
    const e = await mesh.start([b]);
    const f = await mesh.start([c]);
    await mesh.clock.advance(minutes * 60_000);
    assert(mesh.isComplete([a, b, e]) && mesh.isComplete([c, d, f]));
    // Each side is whole in its own eyes.
    assertEquals(mesh.members.flatMap(({ node }) => node.unreachable()), []);
    mesh.network.heal();
    const meet = () =>
      [a, b, e].some(({ node }) => node.sessions().length > 2) &&
      [c, d, f].some(({ node }) => node.sessions().length > 2);
    // The longest backoff; then nobody waits for a backoff of their own.
    await mesh.clock.runUntil(meet, { limitMs: 60_500 });
    await mesh.complete(mesh.members, 3_000);
    await mesh.clock.advance(5_000);
    assertEquals(mesh.members.flatMap(({ node }) => node.unreachable()), []);
  });
}

Deno.test("a split of a closed mesh in which both sides admitted a guest heals by itself", async () => {
  await using mesh = new MemoryMesh(3);
  const join = (host: Member) =>
    mesh.start([], { invite: host.node.admission.invite() });
  const a = await mesh.start([], { admission: "closed" });
  const b = await join(a);
  // A guest invites others once it is welcomed.
  await mesh.clock.advance(1_000);
  const c = await join(b);
  await mesh.clock.advance(1_000);
  const d = await join(c);
  await mesh.complete();
  mesh.network.partition([
    ["10.0.0.1", "10.0.0.2", "10.0.0.5"],
    ["10.0.0.3", "10.0.0.4", "10.0.0.6"],
  ]);
  const e = await join(b);
  const f = await join(c);
  await mesh.clock.advance(60_000);
  assert(mesh.isComplete([a, b, e]) && mesh.isComplete([c, d, f]));
  mesh.network.heal();
  const meet = () =>
    [a, b, e].some(({ node }) => node.sessions().length > 2) &&
    [c, d, f].some(({ node }) => node.sessions().length > 2);
  await mesh.clock.runUntil(meet, { limitMs: 60_500 });
  // Whoever is not known yet knocks, and is asked after.
  await mesh.complete(mesh.members, 10_000);
  assertEquals(
    mesh.members.flatMap(({ node }) => node.admission.joinRequests()),
    [],
  );
});

Deno.test("when each was alone, the first session has the others dialed at once", async () => {
  for (let seed = 1; seed <= 6; seed++) {
    await using mesh = new MemoryMesh(seed, 3);
    // Each knows where the others are: of peers without standing, where they only said
    // that they listen is forgotten by then.
    const hosts = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    for (const own of hosts) {
      const others = hosts.filter((host) => host !== own);
      await mesh.start([], { connect: others.map((host) => `${host}:8080`) });
    }
    await mesh.complete();
    mesh.network.partition(mesh.members.map(({ host }) => [host]));
    await mesh.clock.advance(10 * 60_000);
    assert(mesh.members.every(({ node }) => node.sessions().length === 0));
    mesh.network.heal();
    const met = () =>
      mesh.members.some(({ node }) => node.sessions().length > 0);
    await mesh.clock.runUntil(met, { limitMs: 60_500 });
    await mesh.complete(mesh.members, REVIVE_SPREAD_MS + 1_000);
  }
});

/** All ways from some nodes to others, which can be shut and opened. */
class Bridge implements AsyncDisposable {
  readonly #proxies = new Map<string, TcpProxy>();
  /** Addresses on each side. */
  readonly #sides: readonly [Set<string>, Set<string>] = [
    new Set(),
    new Set(),
  ];
  #isShut = false;

  /** The network as a node on one side sees it. */
  transport(side: 0 | 1): Transport {
    const inner = tlsTransport();
    const far = this.#sides[1 - side]!;
    const via = (shown: ReturnType<typeof parseAddress>) => {
      const address = formatAddress(shown);
      if (!far.has(address)) return shown;
      const proxy = this.#proxies.getOrInsertComputed(address, () => {
        const made = TcpProxy.start(address);
        if (this.#isShut) made.freeze();
        return made;
      });
      return parseAddress(proxy.address);
    };
    return {
      secure: true,
      dial: (address, options) => inner.dial(via(address), options),
      fetchCertificate: (address, options) =>
        inner.fetchCertificate(via(address), options),
      listen: async (address, options) => {
        const listener = await inner.listen(address, options);
        this.#sides[side].add(formatAddress(listener.address));
        return listener;
      },
    };
  }

  /** Nothing passes, and nobody is told. */
  shut(): void {
    this.#isShut = true;
    for (const proxy of this.#proxies.values()) proxy.freeze();
  }

  /** The ways are free again; connections that hung are lost. */
  open(): void {
    this.#isShut = false;
    for (const proxy of this.#proxies.values()) {
      proxy.cut();
      proxy.thaw();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of this.#proxies.values()) {
      await proxy[Symbol.asyncDispose]();
    }
  }
}

/** Whether one of the two has a session with the other. */
function linked(one: Node, other: Node): boolean {
  const has = (node: Node, id: string) =>
    node.sessions().some((it) => it.id === id);
  return has(one, other.identity.id) || has(other, one.identity.id);
}

Deno.test("a split heals over TLS, too", async () => {
  await using bridge = new Bridge();
  const ids = await identities(6);
  const nodes: Node[] = [];
  await using mesh = new Mesh(nodes);
  const start = async (side: 0 | 1, through?: Node) => {
    const node = await Node.start({
      identity: ids[nodes.length]!,
      connect: through === undefined ? [] : [through.address],
      transport: bridge.transport(side),
      heartbeatMs: 100,
      deadAfterMs: 400,
    });
    nodes.push(node);
    return node;
  };
  const a = await start(0);
  const b = await start(0, a);
  const c = await start(1, a);
  const d = await start(1, b);
  await mesh.complete();
  bridge.shut();
  await until(
    "each to have lost the other side",
    // On a starved machine those of one side lose each other now and then, too.
    () => ![a, b].some((node) => linked(node, c) || linked(node, d)),
  );
  const e = await start(0, a);
  const f = await start(1, d);
  await new Mesh([a, b, e]).complete();
  await new Mesh([c, d, f]).complete();
  bridge.open();
  await mesh.complete();
});
