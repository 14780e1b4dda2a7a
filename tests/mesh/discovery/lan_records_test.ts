// What is announced on the local network, byte for byte where it matters, and how it is read.
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import type { PeerId } from "../../../src/core/peer_id.ts";
import {
  answersFor,
  LAN_SERVICE,
  type LanNode,
  nodesIn,
  queryFor,
  recordsOf,
} from "../../../src/mesh/discovery/lan_records.ts";
import type { DnsRecord } from "../../../src/transport/multicast_dns.ts";

const ID = "ab".repeat(32) as PeerId;
const LABEL = "00112233aabbccdd";

const OPEN: LanNode = {
  label: LABEL,
  port: 8080,
  addresses: ["10.0.0.1", "fd00::1"],
  names: { network: "main", id: ID },
};
const CLOSED: LanNode = { ...OPEN, names: undefined };

function response(records: readonly DnsRecord[]) {
  return { isQuery: false, questions: [], records };
}

Deno.test("an open node is announced with its network and its id", () => {
  const name = `${LABEL}._verack._tcp.local`;
  const target = `${LABEL}.local`;
  assertEquals(recordsOf(OPEN, 120), [
    { name: "_verack._tcp.local", type: "PTR", ttl: 120, target: name },
    { name, type: "SRV", ttl: 120, target, port: 8080 },
    { name, type: "TXT", ttl: 120, texts: ["network=main", `id=${ID}`] },
    { name: target, type: "A", ttl: 120, address: "10.0.0.1" },
    { name: target, type: "AAAA", ttl: 120, address: "fd00::1" },
  ]);
});

Deno.test("of a node that tells no names nothing but port and addresses is announced", () => {
  const text = JSON.stringify(recordsOf(CLOSED, 120));
  assert(!text.includes(ID) && !text.includes("main"), text);
  assertEquals(
    recordsOf(CLOSED, 120).find(({ type }) => type === "TXT"),
    { name: `${LABEL}.${LAN_SERVICE}`, type: "TXT", ttl: 120, texts: [""] },
  );
});

Deno.test("what is announced is read as it was, also with its names in capitals", () => {
  for (const node of [OPEN, CLOSED]) {
    assertEquals(nodesIn(response(recordsOf(node, 120))), {
      nodes: [{ ...node, ttl: 120 }],
      dropped: 0,
    });
  }
  const capitals = recordsOf(OPEN, 120).map((it) => ({
    ...it,
    name: it.name.toUpperCase(),
  }));
  assertEquals(nodesIn(response(capitals)).nodes.length, 1);
});

Deno.test("a node that is gone is read from its pointer alone", () => {
  const [pointer] = recordsOf(OPEN, 0);
  const { nodes } = nodesIn(response([pointer!]));
  assertEquals(nodes.map(({ label, ttl }) => [label, ttl]), [[LABEL, 0]]);
});

Deno.test("announcements that break the form are dropped, and counted", () => {
  const without = (type: string) =>
    recordsOf(OPEN, 120).filter((it) => it.type !== type);
  const texts = (...texts: string[]) =>
    recordsOf(OPEN, 120).map((it) => it.type === "TXT" ? { ...it, texts } : it);
  const renamed = (label: string) => recordsOf({ ...OPEN, label }, 120);
  const table: Record<string, readonly DnsRecord[]> = {
    "no port": without("SRV"),
    "no text": without("TXT"),
    "no address": recordsOf({ ...OPEN, addresses: [] }, 120),
    "an id alone": texts(`id=${ID}`),
    "a network alone": texts("network=main"),
    "an id that is none": texts("network=main", "id=abc"),
    "a network that is none": texts("network=a b", `id=${ID}`),
    "a label that is not random": renamed("printer"),
    "a label with a dot": renamed("0011.2233aabbccdd"),
    "a long label": renamed("0".repeat(64)),
  };
  for (const [what, records] of Object.entries(table)) {
    assertEquals(nodesIn(response(records)), { nodes: [], dropped: 1 }, what);
  }
});

Deno.test("of a packet with many nodes four are read, and of a node with many addresses four", () => {
  const many = Array.from({ length: 60 }, (_, i) => ({
    ...OPEN,
    label: i.toString(16).padStart(16, "0"),
    addresses: Array.from({ length: 9 }, (_, j) => `10.0.0.${j + 1}`),
  }));
  const { nodes, dropped } = nodesIn(
    response(many.flatMap((it) => recordsOf(it, 120))),
  );
  assertEquals([nodes.length, dropped], [4, 56]);
  for (const { addresses } of nodes) assertEquals(addresses.length, 4);
});

Deno.test("a query is no announcement, whatever records it has", () => {
  const packet = { ...response(recordsOf(OPEN, 120)), isQuery: true };
  assertEquals(nodesIn(packet), { nodes: [], dropped: 0 });
});

Deno.test("a query is answered by all records, unless it knows the node for more than half of its time", () => {
  const all = recordsOf(OPEN, 120);
  assertEquals(answersFor(queryFor([]), OPEN, 120), all);
  const known = (ttl: number) => queryFor([{ label: LABEL, ttl }]);
  assertEquals(answersFor(known(59), OPEN, 120), all);
  assertEquals(answersFor(known(60), OPEN, 120), []);
  const about = (name: string, type: string) => ({
    isQuery: true,
    questions: [{ name, type }],
    records: [],
  });
  assertEquals(answersFor(about(`${LABEL}.LOCAL`, "A"), OPEN, 120), all);
  assertEquals(answersFor(about("printer.local", "A"), OPEN, 120), []);
  assertEquals(answersFor(about("local", "ANY"), OPEN, 120), []);
  assertEquals(
    answersFor(about("_services._dns-sd._udp.local", "PTR"), OPEN, 120),
    [{
      name: "_services._dns-sd._udp.local",
      type: "PTR",
      ttl: 120,
      target: LAN_SERVICE,
    }],
  );
});

Deno.test("any records give nodes of the form, and nothing throws", () => {
  const names = fc.constantFrom(
    LAN_SERVICE,
    `${LABEL}.${LAN_SERVICE}`,
    `${LABEL}.local`,
    "",
    ".",
    "_VERACK._tcp.local",
  );
  const text = fc.oneof(names, fc.string());
  const head = { name: text, ttl: fc.integer({ min: 0, max: 2 ** 32 - 1 }) };
  const ttlOf = { ...head };
  const record: fc.Arbitrary<DnsRecord> = fc.oneof(
    fc.record({ ...ttlOf, type: fc.constant("PTR" as const), target: text }),
    fc.record({
      ...ttlOf,
      type: fc.constant("SRV" as const),
      target: text,
      port: fc.integer({ min: 0, max: 65_535 }),
    }),
    fc.record({
      ...ttlOf,
      type: fc.constant("TXT" as const),
      texts: fc.array(
        fc.oneof(
          fc.string(),
          fc.constantFrom("network=main", `id=${ID}`, "id=", "network="),
        ),
      ),
    }),
    fc.record({
      ...ttlOf,
      type: fc.constantFrom("A" as const, "AAAA" as const),
      address: fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()),
    }),
  );
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), (records) => {
      for (const node of nodesIn(response(records)).nodes) {
        assert(/^[0-9a-f]{16,32}$/.test(node.label));
        assert(node.ttl === 0 || node.addresses.length > 0);
        assert(node.addresses.length <= 4);
      }
    }),
    { numRuns: 2_000 },
  );
});
