// What a node does when its machine has other addresses, in virtual time.
import { assert, assertEquals } from "@std/assert";
import type { NodeOptions } from "../../src/mesh/options.ts";
import { NETWORK_POLL_MS } from "../../src/mesh/mesh_limits.ts";
import type { LocalNetwork } from "../../src/transport/local_networks.ts";
import { type Member, MemoryMesh } from "../helpers/memory_mesh.ts";
import { network } from "../helpers/networks.ts";
import { relayedBy, viaOf } from "../helpers/relayed.ts";

/** Far longer than anything here may take. */
const NEVER_DEAD = { heartbeatMs: 60_000, deadAfterMs: 600_000 };
const SOON_MS = NETWORK_POLL_MS + 3_000;

/** The networks of one machine, which change. */
class Machine {
  networks: readonly LocalNetwork[] = [network("eth0", "10.0.0.1/24")];

  get options(): NodeOptions {
    return { host: "::", networks: () => this.networks };
  }
}

function addressesAt({ node }: Member, of: Member): readonly string[] {
  return node.peer(of.node.identity.id)?.addresses ?? [];
}

Deno.test("members near a node are told of all its addresses, again when they change", async () => {
  await using mesh = new MemoryMesh();
  const machine = new Machine();
  machine.networks = [network("eth0", "10.0.0.1/24", "fd00::1/64")];
  const alice = await mesh.start([], machine.options);
  const bob = await mesh.start([alice]);
  await mesh.complete();
  assertEquals(addressesAt(bob, alice), ["10.0.0.1:8080", "[fd00::1]:8080"]);
  const carol = await mesh.start([bob]);
  await mesh.complete();
  assertEquals(
    [...addressesAt(carol, alice)].sort(),
    ["10.0.0.1:8080", "[fd00::1]:8080"],
  );

  machine.networks = [network("wlan0", "10.0.0.1/24", "192.168.7.5/24")];
  await mesh.clock.advance(SOON_MS);
  assertEquals(
    addressesAt(bob, alice),
    ["10.0.0.1:8080", "192.168.7.5:8080"],
  );
  assertEquals(alice.log.of("network"), [{
    type: "network",
    added: ["192.168.7.5"],
    removed: ["fd00::1"],
  }]);
  assertEquals(alice.node.status().ownNetwork, {
    watched: true,
    interfaces: ["10.0.0.1", "192.168.7.5"],
    seenAs: [],
    changes: 1,
  });
});

Deno.test("a node that listens on one address tells of no other", async () => {
  await using mesh = new MemoryMesh();
  const machine = new Machine();
  machine.networks = [network("eth0", "10.0.0.1/24", "192.168.7.5/24")];
  const { networks } = machine.options;
  const alice = await mesh.start([], { networks: networks! });
  const bob = await mesh.start([alice]);
  await mesh.complete();
  assertEquals(addressesAt(bob, alice), ["10.0.0.1:8080"]);
});

Deno.test("a session from an address that is gone ends at once, and not after the silence", async () => {
  await using mesh = new MemoryMesh();
  const machine = new Machine();
  const alice = await mesh.start([], { ...machine.options, ...NEVER_DEAD });
  const bob = await mesh.start([alice], NEVER_DEAD);
  await mesh.complete();
  mesh.network.partition([[alice.host], [bob.host]]);
  machine.networks = [network("eth0", "10.0.0.77/24")];
  await mesh.clock.advance(SOON_MS);
  assertEquals(alice.node.sessions(), []);
  const [down] = alice.log.of("peer:down");
  assertEquals(down?.left, false);
  assert(down?.reason.includes("10.0.0.1"), down?.reason);
});

Deno.test("a session from an address that is gone stays while its peer answers, as do others", async () => {
  await using mesh = new MemoryMesh();
  const machine = new Machine();
  const alice = await mesh.start([], machine.options);
  await mesh.start([alice]);
  await mesh.complete();
  for (const address of ["10.0.0.77/24", "10.0.0.1/24", "10.0.0.78/24"]) {
    machine.networks = [network("eth0", address)];
    await mesh.clock.advance(2 * SOON_MS);
  }
  assertEquals(alice.log.of("peer:down"), []);
  assertEquals(alice.log.of("network").length, 3);
  assert(mesh.isComplete());
});

Deno.test("when the network changes peers that are away are dialed at once, whatever their backoff", async () => {
  await using mesh = new MemoryMesh();
  const machine = new Machine();
  const alice = await mesh.start([], {
    ...machine.options,
    connect: ["10.0.0.2:8080"],
  });
  const bob = await mesh.start();
  await mesh.complete();
  mesh.network.partition([[alice.host], [bob.host]]);
  // Until the backoff of both has grown long.
  await mesh.clock.advance(600_000);
  assertEquals(alice.node.sessions(), []);
  mesh.network.heal();
  const before = mesh.clock.monotonic();
  machine.networks = [
    network("eth0", "10.0.0.1/24"),
    network("wg0", "10.1.0.1/24"),
  ];
  await mesh.clock.runUntil(() => mesh.isComplete(), { limitMs: SOON_MS });
  assert(mesh.clock.monotonic() - before < SOON_MS);
});

Deno.test("when an address is gone, a configured one that a dial hangs at is dialed again at once", async () => {
  for (const connect of ["10.0.0.2:8080", "seed.example:8080"]) {
    await using mesh = new MemoryMesh();
    const machine = new Machine();
    const inner = mesh.network.transport("10.0.0.1");
    let isUp = false;
    await mesh.start([], {
      ...machine.options,
      connect: [connect],
      resolve: () => Promise.resolve(["10.0.0.2"]),
      transport: {
        ...inner,
        fetchCertificate: (address, options) =>
          isUp
            ? inner.fetchCertificate(address, options)
            : silence(options.signal),
      },
    });
    await mesh.start();
    await mesh.clock.advance(NETWORK_POLL_MS / 2);
    machine.networks = [network("eth0", "10.0.0.77/24")];
    isUp = true;
    await mesh.clock.runUntil(() => mesh.isComplete(), { limitMs: SOON_MS });
  }
});

/** Nothing answers. */
function silence(signal: AbortSignal | undefined): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal?.addEventListener("abort", () => reject(signal.reason));
  return promise;
}

Deno.test("a network that changes all the time has peers dialed every few seconds, not at each change", async () => {
  await using mesh = new MemoryMesh();
  const machine = new Machine();
  const alice = await mesh.start([], {
    ...machine.options,
    connect: ["10.0.0.2:8080"],
  });
  let count = 0;
  const flap = setFlap(machine, () => ++count);
  await mesh.clock.advance(60_000);
  flap();
  const { dialsAttempted } = alice.node.status().counters;
  // Some six after each of ten changes that are followed.
  assert(dialsAttempted <= 70, `${dialsAttempted}`);
});

/** Each reading is another from now on, two in a row alike; returns what ends that. */
function setFlap(machine: Machine, next: () => number): () => void {
  let ended = false;
  Object.defineProperty(machine, "networks", {
    get: () => [
      network("eth0", `10.0.0.1/24`, `10.5.0.${ended ? 1 : next() >> 1}/24`),
    ],
  });
  return () => ended = true;
}

Deno.test("when the network changes a relayed peer is dialed at once, and the direct session replaces the relayed one", async () => {
  await using mesh = new MemoryMesh();
  mesh.network.unreachable("10.0.0.2", "10.0.0.3");
  const machine = new Machine();
  const alice = await mesh.start();
  const bob = await mesh.start([alice], machine.options);
  const carol = await mesh.start([alice]);
  await relayedBy(mesh, bob, carol, alice);
  // Until the backoff has grown long.
  await mesh.clock.advance(600_000);
  mesh.network.reachable("10.0.0.2", "10.0.0.3");
  machine.networks = [network("eth0", "10.0.0.2/24")];
  await mesh.clock.runUntil(() => viaOf(bob, carol) === "direct", {
    limitMs: SOON_MS,
  });
});
