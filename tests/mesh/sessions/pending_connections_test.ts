/** Room for those who are not let in yet: connections, and peers that wait. */
import { parsePeerId } from "../../../src/core/peer_id.ts";
import { assertEquals } from "@std/assert";
import {
  MAX_PENDING_CONNECTIONS,
  MAX_PENDING_PEERS,
  MAX_PENDING_PEERS_PER_HOST,
} from "../../../src/mesh/mesh_limits.ts";
import { MAX_PENDING_PER_ADDRESS } from "../../../src/mesh/sessions/connection_limits.ts";
import { MemoryStore } from "../../../src/mesh/peers/memory_store.ts";
import {
  PendingConnections,
  type PendingEntry,
} from "../../../src/mesh/sessions/pending_connections.ts";
import { JoinRequests } from "../../../src/mesh/admission/join_requests.ts";

/** Adds `count` connections; the numbers of those that were evicted, in order. */
function crowd(
  pending: PendingConnections,
  count: number,
  sourceOf: (index: number) => string,
  isInTurn: (index: number) => boolean = () => false,
): number[] {
  const evicted: number[] = [];
  for (let index = 0; index < count; index++) {
    const evict = () => void evicted.push(index);
    const entry = {
      source: sourceOf(index),
      isInTurn: () => isInTurn(index),
      evict,
    };
    pending.add(entry, () => false);
  }
  return evicted;
}

Deno.test("one address has room for so many unproven connections, then its oldest go", () => {
  const pending = new PendingConnections();
  const evicted = crowd(pending, MAX_PENDING_PER_ADDRESS + 3, () => "a");
  assertEquals(evicted, [0, 1, 2]);
  assertEquals(pending.size, MAX_PENDING_PER_ADDRESS);
  assertEquals(crowd(pending, 1, () => "b"), []);
});

Deno.test("a node has room for so many unproven connections, then the oldest of the busiest address go", () => {
  const pending = new PendingConnections();
  const sourceOf = (index: number) => index < 2 ? "busy" : `host ${index}`;
  const evicted = crowd(pending, MAX_PENDING_CONNECTIONS + 1, sourceOf);
  assertEquals(evicted, [0]);
  assertEquals(pending.size, MAX_PENDING_CONNECTIONS);
});

Deno.test("a connection whose handshake has just begun is evicted after those that wait", () => {
  const pending = new PendingConnections();
  const count = MAX_PENDING_PER_ADDRESS + 2;
  const evicted = crowd(pending, count, () => "a", (index) => index === 0);
  assertEquals(evicted, [1, 2]);
  const all = new PendingConnections();
  assertEquals(crowd(all, count, () => "a", () => true), [0, 1]);
});

/** Lists `count` peers that knock one after another. */
function knock(
  pending: JoinRequests,
  count: number,
  hostOf: (index: number) => string,
): void {
  for (let index = 0; index < count; index++) {
    pending.add({
      id: parsePeerId(index.toString(16).padStart(64, "0")),
      certificate: new Uint8Array(0),
      address: { host: hostOf(index), port: 1 },
      direction: "inbound",
      lastSeen: index,
    });
  }
}

Deno.test("one address may list so many peers that wait, then its oldest give way", () => {
  const pending = new JoinRequests(new MemoryStore());
  knock(pending, MAX_PENDING_PEERS_PER_HOST + 2, () => "a");
  assertEquals(pending.list().length, MAX_PENDING_PEERS_PER_HOST);
  assertEquals(pending.list()[0]?.lastSeen, 2);
});

Deno.test("a node lists so many peers that wait, then the oldest give way", () => {
  const pending = new JoinRequests(new MemoryStore());
  knock(pending, MAX_PENDING_PEERS + 2, (index) => `host ${index}`);
  assertEquals(pending.list().length, MAX_PENDING_PEERS);
  assertEquals(pending.list()[0]?.lastSeen, 2);
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
