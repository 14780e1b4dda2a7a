// The pure rules of the mesh, by table.
import { parsePeerId } from "../../src/core/peer_id.ts";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  MAX_ADDRESSES_PER_PEER,
  MAX_PENDING_CONNECTIONS,
  MAX_PENDING_PER_ADDRESS,
} from "../../src/limits.ts";
import {
  duplicateReason,
  duplicateStep,
} from "../../src/mesh/sessions/collisions.ts";
import {
  ADDRESS_RANK,
  type AddressRank,
  PeerAddresses,
} from "../../src/mesh/peers/peer_addresses.ts";
import { parsePeerTarget } from "../../src/mesh/options.ts";
import {
  PendingConnections,
  type PendingEntry,
} from "../../src/mesh/sessions/pending_connections.ts";
import { livenessStep } from "../../src/session/liveness.ts";
import { formatAddress } from "../../src/transport/address.ts";

Deno.test("duplicateStep() lets exactly one of the two nodes decide between sessions of one process", () => {
  const [a, b] = [parsePeerId("1".repeat(64)), parsePeerId("2".repeat(64))];
  const both = { olderInstance: 5n, newerInstance: 5n };
  assertEquals(duplicateStep({ own: a, peer: b, ...both }), "decide");
  assertEquals(duplicateStep({ own: b, peer: a, ...both }), "keep-both");
  assertEquals(duplicateReason({ own: a, peer: b, ...both }), "duplicate");
});

Deno.test("duplicateStep() lets either node decide when another process has the key", () => {
  const [a, b] = [parsePeerId("1".repeat(64)), parsePeerId("2".repeat(64))];
  const other = { olderInstance: 5n, newerInstance: 6n };
  assertEquals(duplicateStep({ own: a, peer: b, ...other }), "decide");
  assertEquals(duplicateStep({ own: b, peer: a, ...other }), "decide");
  assertEquals(
    duplicateReason({ own: b, peer: a, ...other }),
    "identity-in-use",
  );
});

Deno.test("livenessStep() pings an idle peer once a heartbeat and gives it up after three", () => {
  const table: [number, number, string][] = [
    // idle, since the last ping, step
    [0, Infinity, "wait"],
    [999, Infinity, "wait"],
    [1_000, Infinity, "ping"],
    [1_500, 500, "wait"],
    [2_000, 1_000, "ping"],
    [2_999, 100, "wait"],
    [3_000, 1_000, "dead"],
  ];
  for (const [idle, sincePing, step] of table) {
    assertEquals(
      livenessStep({
        now: 10_000,
        lastReceived: 10_000 - idle,
        lastAccepted: -Infinity,
        lastWritten: 10_000,
        lastPing: 10_000 - sincePing,
        heartbeatMs: 1_000,
        deadAfterMs: 3_000,
      }),
      step,
      `idle ${idle}`,
    );
  }
});

Deno.test("livenessStep() takes what a peer's TCP accepts for a sign of life, and speaks to a peer that only sends", () => {
  const table: [number, number, number, string][] = [
    // since the last byte in, the last accepted, the last written, step
    [2_000, 100, 100, "ping"],
    [5_000, 2_999, 100, "ping"],
    [5_000, 3_000, 100, "dead"],
    [100, Infinity, 900, "wait"],
    [100, Infinity, 1_000, "ping"],
    [100, Infinity, 60_000, "ping"],
  ];
  for (const [received, accepted, written, step] of table) {
    const state = {
      now: 100_000,
      lastReceived: 100_000 - received,
      lastAccepted: 100_000 - accepted,
      lastWritten: 100_000 - written,
      lastPing: -Infinity,
      heartbeatMs: 1_000,
      deadAfterMs: 3_000,
    };
    assertEquals(livenessStep(state), step);
    const pinged = livenessStep({ ...state, lastPing: 99_500 });
    assertEquals(pinged, step === "ping" ? "wait" : step);
  }
});

Deno.test("PeerAddresses keeps what was proven however much is rumoured", () => {
  fc.assert(fc.property(
    fc.array(fc.record({
      port: fc.integer({ min: 1, max: 30 }),
      rank: fc.constantFrom(...Object.keys(ADDRESS_RANK) as AddressRank[]),
    })),
    (added) => {
      const addresses = new PeerAddresses();
      const proven = { host: "127.0.0.1", port: 9_999 };
      const typed = { host: "example.org", port: 9_998 };
      addresses.add(proven, "verified");
      addresses.add(typed, "configured");
      const ours = new Set(["127.0.0.1:9999", "example.org:9998"]);
      for (const { port, rank } of added) {
        const host = "127.0.0.2";
        // More proven or typed addresses than there is room for may push.
        if (rank === "verified" || rank === "configured") continue;
        addresses.add({ host, port }, rank, "loopback");
        assert(addresses.size <= MAX_ADDRESSES_PER_PEER);
        const kept = addresses.list().map((a) => formatAddress(a.address));
        for (const own of ours) assert(kept.includes(own));
        assertEquals(kept[0], "127.0.0.1:9999");
      }
    },
  ));
});

Deno.test("PeerAddresses never lowers the rank of an address", () => {
  const addresses = new PeerAddresses();
  const address = { host: "10.0.0.1", port: 1 };
  addresses.add(address, "verified");
  addresses.add(address, "gossiped", "private");
  assertEquals(addresses.get(address), {
    address,
    rank: "verified",
    configured: false,
  });
  addresses.remove(address);
  assertEquals(addresses.size, 0);
});

function entry(source: string, evicted: string[], name = source): PendingEntry {
  const evict = () => evicted.push(name);
  return { source, isInTurn: () => false, evict };
}

Deno.test("PendingConnections evicts the oldest of an address that has too many", () => {
  const pending = new PendingConnections();
  const evicted: string[] = [];
  for (let i = 0; i <= MAX_PENDING_PER_ADDRESS; i++) {
    pending.add(entry("a", evicted, `a${i}`), () => false);
  }
  assertEquals(evicted, ["a0"]);
  assertEquals(pending.size, MAX_PENDING_PER_ADDRESS);
});

Deno.test("PendingConnections spares sources at which a peer with standing was", () => {
  const pending = new PendingConnections();
  const evicted: string[] = [];
  const isKnown = (source: string) => source === "known";
  for (let i = 0; i < MAX_PENDING_PER_ADDRESS; i++) {
    pending.add(entry("known", evicted), isKnown);
  }
  for (let i = MAX_PENDING_PER_ADDRESS; i < MAX_PENDING_CONNECTIONS; i++) {
    pending.add(entry(`stranger ${i % 10}`, evicted, "stranger"), isKnown);
  }
  assertEquals(evicted, []);
  pending.add(entry("known", evicted), isKnown);
  assertEquals(evicted, ["stranger"]);
  assertEquals(pending.size, MAX_PENDING_CONNECTIONS);
});

Deno.test("PendingConnections does not let an address that proved itself once push out strangers", () => {
  const pending = new PendingConnections();
  const evicted: string[] = [];
  const isKnown = (source: string) => source === "known";
  for (let i = 0; i < MAX_PENDING_CONNECTIONS - 1; i++) {
    pending.add(entry("known", evicted), isKnown);
  }
  pending.add(entry("stranger", evicted), isKnown);
  assertEquals(evicted, []);
  pending.add(entry("known", evicted), isKnown);
  pending.add(entry("another stranger", evicted), isKnown);
  assertEquals(evicted, ["known", "known"]);
  assertEquals(pending.size, MAX_PENDING_CONNECTIONS);
});

Deno.test("PendingConnections forgets what is deleted, once", () => {
  const pending = new PendingConnections();
  const one = entry("a", []);
  pending.add(one, () => false);
  pending.delete(one);
  pending.delete(one);
  assertEquals(pending.size, 0);
});

Deno.test("parsePeerTarget() takes host:port, [v6]:port and identity@host:port", () => {
  const id = parsePeerId("ab".repeat(32));
  assertEquals(parsePeerTarget("127.0.0.1:1"), {
    address: { host: "127.0.0.1", port: 1 },
  });
  assertEquals(parsePeerTarget("[::1]:65535").address.host, "::1");
  assertEquals(parsePeerTarget(`${id}@example.org:8080`), {
    id,
    address: { host: "example.org", port: 8080 },
  });
});
