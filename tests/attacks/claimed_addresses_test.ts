// Identities that cost nothing and say that they listen where they do not: they must
// neither keep a node from its friends, nor have it dial others for them.
import { assert, assertEquals } from "@std/assert";
import { serverNameOf } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import { DIAL_TIMEOUT_MS } from "../../src/transport/transport_limits.ts";
import {
  DIALS_PER_TARGET,
  DIALS_PER_TARGET_REFILL_MS,
  GOSSIP_KEPT_MS,
  RECONNECT_CLAIMED_MS,
} from "../../src/mesh/mesh_limits.ts";
import {
  GOSSIP_CREDIT_PER_SOURCE,
  GOSSIP_CREDIT_PER_SOURCE_REFILL_MS,
  MAX_CONCURRENT_DIALS,
} from "../../src/mesh/dialing/dialing_limits.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import type {
  StoredAddress,
  StoredPeer,
} from "../../src/mesh/peers/node_store.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import { type Address, formatAddress } from "../../src/transport/address.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { at } from "../helpers/disguise.ts";
import { type Member, MemoryMesh } from "../helpers/memory_mesh.ts";
import { VIRTUAL_EPOCH_MS } from "../../src/testing/virtual_clock.ts";
import { forge, idOf, keyOf } from "../identity/forgery.ts";
import { times } from "../helpers/crowd.ts";

const STRANGERS = 200;

/** How long a node may take to reach those it knows when nothing is wrong, and much. */
const PROMPT_MS = 2_000;

/** How long it takes until each of the strangers was dialed once, if all of them hang. */
const ROUND_MS = Math.ceil(STRANGERS / MAX_CONCURRENT_DIALS) * DIAL_TIMEOUT_MS;

/** Most dials of one target in `ms`. */
function share(ms: number): number {
  return DIALS_PER_TARGET + Math.ceil(ms / DIALS_PER_TARGET_REFILL_MS);
}

/** A peer on record. */
function onRecord(
  { id, certificate }: Pick<Identity, "id" | "certificate">,
  address: Address,
  fields: Partial<StoredPeer> & {
    readonly rank?: StoredAddress["rank"];
    readonly ageMs: number;
  },
): StoredPeer {
  const { rank = "advertised", ageMs, ...rest } = fields;
  const seen = VIRTUAL_EPOCH_MS - ageMs;
  const configured = rank === "configured";
  return {
    id,
    certificate: Uint8Array.from(certificate),
    name: "",
    trust: "known",
    ephemeral: false,
    addresses: [{
      address,
      rank,
      configured,
      ...(rank === "advertised" && { namedFrom: "private" }),
    }],
    firstSeen: seen,
    lastSeen: seen,
    attestation: new Uint8Array(0),
    earnedStanding: false,
    upForLong: false,
    source: "",
    ...rest,
  };
}

/** A transport that tells of each connection that is begun. */
function counting(inner: Transport, onDial: (to: Address) => void): Transport {
  return {
    secure: inner.secure,
    dial(address, options) {
      onDial(address);
      return inner.dial(address, options);
    },
    fetchCertificate(address, options) {
      onDial(address);
      return inner.fetchCertificate(address, options);
    },
    listen: (address, options) => inner.listen(address, options),
  };
}

/** Peers on record, seen last, at hosts that answer nothing. */
function strangers(
  mesh: MemoryMesh,
  rank: "advertised" | "verified",
): StoredPeer[] {
  return times(STRANGERS, (index) => {
    const host = `10.1.0.${index + 1}`;
    mesh.network.transport(host);
    mesh.network.freeze(host);
    const key = keyOf("Ed25519");
    const identity = { id: idOf(key.spki), certificate: forge(key) };
    return onRecord(identity, at(host, 9), { rank, ageMs: 1_000 });
  });
}

/** A node that starts with what it remembers, and those it should reach. */
interface Restart {
  readonly mesh: MemoryMesh;
  readonly store: MemoryStore;
  /** Has standing; only said where it listens. */
  readonly friend: Member;
  /** Its address was given with `--connect`. */
  readonly seed: Member;
  /** Has no standing, but answered where it is. */
  readonly acquaintance: Member;
}

async function remembered(mesh: MemoryMesh): Promise<Restart> {
  const friend = await mesh.start();
  const seed = await mesh.start();
  const acquaintance = await mesh.start();
  // They must be found, and not hear of each other.
  const store = new MemoryStore();
  const put = (
    { host, node }: Member,
    fields: Partial<StoredPeer> & { readonly rank?: StoredAddress["rank"] },
  ) =>
    store.putPeer(
      onRecord(node.identity, at(host, 8080), { ageMs: 60_000, ...fields }),
    );
  put(friend, { earnedStanding: true });
  put(seed, { rank: "configured" });
  put(acquaintance, { rank: "verified" });
  return { mesh, store, friend, seed, acquaintance };
}

function isLinked(node: Member["node"], others: readonly Member[]): boolean {
  const linked = new Set(node.sessions().map(({ id }) => id));
  return others.every((other) => linked.has(other.node.identity.id));
}

for (const rank of [undefined, "advertised", "verified"] as const) {
  const among = rank === undefined
    ? "alone"
    : `among 200 that were seen last and ${
      rank === "advertised" ? "claimed silent addresses" : "answer no more"
    }`;
  Deno.test(`after a restart a friend and the configured seed are reached at once, ${among}`, async () => {
    await using mesh = new MemoryMesh();
    const { store, friend, seed, acquaintance } = await remembered(mesh);
    const newSeed = await mesh.start();
    if (rank !== undefined) {
      for (const stranger of strangers(mesh, rank)) store.putPeer(stranger);
    }
    const { node } = await mesh.start([seed, newSeed], { store });
    await mesh.clock.runUntil(() => isLinked(node, [friend, seed, newSeed]), {
      limitMs: PROMPT_MS,
    });
    // Those without standing share what they have by turns: a round takes as long as
    // all of them hang.
    await mesh.clock.runUntil(() => isLinked(node, [acquaintance]), {
      limitMs: rank === "verified" ? ROUND_MS : PROMPT_MS,
    });
  });
}

Deno.test("addresses that were only claimed and do not answer are forgotten, those of a friend are not", async () => {
  await using mesh = new MemoryMesh();
  const { store, friend } = await remembered(mesh);
  for (const stranger of strangers(mesh, "advertised")) store.putPeer(stranger);
  await friend.node.close({ abrupt: true });
  await mesh.start([], { store });
  await mesh.clock.advance(5 * GOSSIP_KEPT_MS);
  const kept = store.peers().filter(({ addresses }) => addresses.length > 0);
  assertEquals(
    kept.map(({ id }) => id).sort(),
    mesh.members.slice(0, 3).map(({ node }) => node.identity.id).sort(),
  );
  // Who they are is still known.
  assertEquals(store.peers().length, STRANGERS + 3);
});

Deno.test("what peers claim besides the address where they answered is dialed from the budget of gossip", async () => {
  await using mesh = new MemoryMesh();
  const { store, friend, acquaintance } = await remembered(mesh);
  const target = "10.9.9.9";
  mesh.network.transport(target);
  strangers(mesh, "verified").forEach((stranger, index) =>
    store.putPeer({
      ...stranger,
      addresses: [
        ...stranger.addresses,
        ...times(4, (nth): StoredAddress => ({
          address: at(target, 1_000 + 4 * index + nth),
          rank: "advertised",
          configured: false,
          namedFrom: "private",
        })),
      ],
    })
  );
  let dials = 0;
  const transport = counting(mesh.network.transport("10.0.0.9"), ({ host }) => {
    if (host === target) dials++;
  });
  const { node } = await mesh.start([], {
    host: "10.0.0.9",
    store,
    transport,
  });
  await mesh.clock.runUntil(() => isLinked(node, [friend, acquaintance]), {
    limitMs: ROUND_MS,
  });
  await mesh.clock.advance(ROUND_MS);
  const most = GOSSIP_CREDIT_PER_SOURCE +
    2 * ROUND_MS / GOSSIP_CREDIT_PER_SOURCE_REFILL_MS;
  assert(dials > 0 && dials <= most, `${dials} connections, at most ${most}`);
});

/** A node whose dials to one address are counted, and many that claim to be there. */
class Reflection implements AsyncDisposable {
  readonly mesh = new MemoryMesh();
  readonly store = new MemoryStore();
  readonly target: Address;
  /** Connections that were begun to it. */
  dials = 0;

  constructor(target: Address) {
    this.target = target;
    // It is a host on the network, where nothing listens yet.
    this.mesh.network.transport(target.host);
  }

  async start(host: string, options: NodeOptions = {}): Promise<Member> {
    const transport = counting(this.mesh.network.transport(host), (to) => {
      if (formatAddress(to) === formatAddress(this.target)) this.dials++;
    });
    return await this.mesh.start([], {
      store: this.store,
      transport,
      resolve: () => Promise.resolve([this.target.host]),
      deadAfterMs: 60_000,
      ...options,
    });
  }

  /** Identities are there for five seconds, and say that they listen at the target. */
  async visit(victim: Member, count = STRANGERS): Promise<void> {
    const { target } = this;
    const { clock, network } = this.mesh;
    const { certificate, id } = victim.node.identity;
    const visitors: RawPeer[] = [];
    const identities = await Promise.all(
      times(count, () => Identity.generate({ ephemeral: false })),
    );
    const opened = Promise.all(identities.map(async (identity, index) => {
      const connection = await network.transport(`10.2.0.${index}`).dial(
        at(victim.host, 8080),
        { pin: { certificate, serverName: serverNameOf(id) } },
      );
      const visitor = new RawPeer(connection, identity, id, {
        // Half of them by a name that leads there.
        addresses: [index % 2 ? target : at("target.example", target.port)],
      });
      visitors.push(visitor);
      await visitor.shake();
    }));
    let isDone = false;
    const done = () => {
      isDone = true;
    };
    opened.then(done, done);
    while (!isDone) {
      // No faster than real time, in which they are waited for.
      await clock.advance(1);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await opened;
    await clock.advance(5_000);
    for (const visitor of visitors) visitor.close();
    await clock.runUntil(() => victim.node.sessions().length === 0, {
      limitMs: 1_000,
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.mesh[Symbol.asyncDispose]();
  }
}

for (const kind of ["refuses", "is silent"] as const) {
  Deno.test(`200 identities that were there for five seconds cause few connections to the address they claimed, none later, which ${kind}`, async () => {
    await using scene = new Reflection(at("10.9.9.9", 443));
    const { clock, network } = scene.mesh;
    if (kind === "is silent") network.freeze(scene.target.host);
    const victim = await scene.start("10.0.0.1");
    await scene.visit(victim);
    // They are known, and were to be dialed.
    assertEquals(victim.node.peers().length, STRANGERS);
    await clock.advance(2 * GOSSIP_KEPT_MS);
    assert(scene.dials > 0, "the test must see a dial");
    assert(
      scene.dials <= share(2 * GOSSIP_KEPT_MS),
      `${scene.dials} connections`,
    );
    const { dials } = scene;
    await clock.advance(10 * GOSSIP_KEPT_MS);
    assertEquals(scene.dials, dials);
  });
}

Deno.test("nor after a restart", async () => {
  await using scene = new Reflection(at("10.9.9.9", 443));
  const { clock, members } = scene.mesh;
  const victim = await scene.start("10.0.0.1");
  await scene.visit(victim);
  // Before any of the addresses is forgotten.
  const closing = victim.node.close();
  await clock.advance(1_000);
  await closing;
  members.pop();
  scene.dials = 0;
  const again = await scene.start("10.0.0.1", {
    identity: victim.node.identity,
  });
  assertEquals(again.node.peers().length, STRANGERS);
  await clock.advance(3 * GOSSIP_KEPT_MS);
  assert(scene.dials > 0, "the test must see a dial");
  assert(
    scene.dials <= share(3 * GOSSIP_KEPT_MS),
    `${scene.dials} connections`,
  );
  const { dials } = scene;
  await clock.advance(10 * GOSSIP_KEPT_MS);
  assertEquals(scene.dials, dials);
});

Deno.test("a peer is shown where it is connected from, and where it says that it listens as its word", async () => {
  await using scene = new Reflection(at("10.9.9.9", 443));
  const victim = await scene.start("10.0.0.1");
  await scene.visit(victim, 2);
  const ups = victim.log.of("peer:up");
  assertEquals(
    ups.map(({ address }) => address.split(":")[0]).sort(),
    ["10.2.0.0", "10.2.0.1"],
  );
  assertEquals(
    ups.map(({ advertised }) => advertised).sort(),
    ["10.9.9.9:443", "target.example:443"],
  );
});

Deno.test("a peer that dialed us is not dialed at once when it is lost, where it says that it listens", async () => {
  await using scene = new Reflection(at("10.9.9.9", 443));
  const { clock } = scene.mesh;
  const victim = await scene.start("10.0.0.1");
  await scene.visit(victim, 1);
  await clock.advance(RECONNECT_CLAIMED_MS / 2 - 1_000);
  assertEquals(scene.dials, 0);
  await clock.advance(RECONNECT_CLAIMED_MS);
  assert(scene.dials > 0, "the test must see a dial");
});

for (const isAttacked of [false, true]) {
  Deno.test(`a peer that comes back where it said it listens is dialed and found${isAttacked ? ", also if 200 others claimed the same address" : ""}`, async () => {
    await using scene = new Reflection(at("10.0.0.2", 8080));
    const { clock, members } = scene.mesh;
    const victim = await scene.start("10.0.0.1");
    const bob = await scene.mesh.start([victim]);
    await scene.mesh.complete();
    await bob.node.close({ abrupt: true });
    await clock.runUntil(() => victim.node.sessions().length === 0, {
      limitMs: 120_000,
    });
    if (isAttacked) await scene.visit(victim);
    else await clock.advance(5_000);
    await clock.advance(5_000);
    members.pop();
    // It knows nothing any more, so that the other one must find it.
    const back = await scene.mesh.start();
    await clock.runUntil(() => isLinked(victim.node, [back]), {
      limitMs: 30_000,
    });
    assert(scene.dials <= share(GOSSIP_KEPT_MS), `${scene.dials} connections`);
  });
}
