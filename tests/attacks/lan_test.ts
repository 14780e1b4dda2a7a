// A host of the local network that sends false, broken or too many announcements and queries: dials,
// memory and answers stay bounded, nothing elsewhere is dialed, and honest nodes are found all
// the same.
import { assert, assertEquals } from "@std/assert";
import type { PeerId } from "../../src/core/peer_id.ts";
import type { Node } from "../../src/mesh/node.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import {
  type LanNode,
  queryFor,
  recordsOf,
} from "../../src/mesh/discovery/lan_records.ts";
import { MemoryLan } from "../../src/testing/memory_lan.ts";
import type { DnsRecord } from "../../src/transport/multicast_dns.ts";
import { MemoryMesh } from "../helpers/memory_mesh.ts";

const EVIL = "10.0.0.200";
const SECRET = "correct horse battery staple";

/** A node, and an attacker that has its address on the same network. */
class Attack extends MemoryMesh {
  readonly lan = new MemoryLan(this.clock);

  async node(options: NodeOptions = {}): Promise<Node> {
    const host = `10.0.0.${this.members.length + 1}`;
    const { node } = await this.start([], {
      discover: true,
      multicast: this.lan.host([host]),
      ...options,
    });
    return node;
  }

  announce(node: Partial<LanNode>, from = EVIL, ttl = 120): void {
    this.records(recordsOf({ ...FALSE, ...node }, ttl), from);
  }

  records(records: readonly DnsRecord[], from = EVIL): void {
    this.lan.send({ isQuery: false, questions: [], records }, from);
  }
}

const FALSE: LanNode = {
  label: "00112233aabbccdd",
  port: 8080,
  addresses: ["10.0.0.66"],
  names: undefined,
};

function labelOf(number: number): string {
  return number.toString(16).padStart(16, "0");
}

function idOf(number: number): PeerId {
  return number.toString(16).padStart(64, "0") as PeerId;
}

function dialsOf(node: Node): number {
  return node.status().counters.dialsAttempted;
}

for (const secret of [undefined, SECRET]) {
  const kind = secret === undefined ? "an open node" : "a node with a secret";
  const options = secret === undefined ? {} : { secret };
  const names = secret === undefined
    ? { network: "main", id: idOf(1) }
    : undefined;

  Deno.test(`an announcement leads ${kind} to no address off the link, of this machine, or of all hosts, and to no privileged port`, async () => {
    await using mesh = new Attack();
    const alice = await mesh.node(options);
    const elsewhere = [
      "127.0.0.1",
      "0.0.0.0",
      "10.0.1.5",
      "192.168.0.1",
      "8.8.8.8",
      "169.254.169.254",
      "10.0.0.0",
      "10.0.0.255",
      "224.0.0.251",
      "255.255.255.255",
      "::1",
      "fe80::1",
      "fd00::1",
      "::ffff:10.0.0.66",
      "2001:4860:4860::8888",
      "not an address",
      "10.0.0.66 ",
      "localhost",
    ];
    let label = 0;
    for (const address of elsewhere) {
      mesh.announce({ names, label: labelOf(++label), addresses: [address] });
      await mesh.clock.advance(200);
    }
    for (const port of [0, 1, 22, 53, 80, 443, 1_023, 65_536]) {
      mesh.announce({ names, label: labelOf(++label), port });
      await mesh.clock.advance(200);
    }
    await mesh.clock.advance(30_000);
    assertEquals(dialsOf(alice), 0);
    const { counters, discovery } = alice.status();
    assertEquals(discovery?.found, []);
    assertEquals(counters.lanNodesDropped, label);
    // The control: one on the link is dialed.
    mesh.announce({ names, label: labelOf(++label) });
    await mesh.clock.advance(30_000);
    assert(dialsOf(alice) > 0);
  });

  Deno.test(`a packet that comes from off the link, or from another port, is not read by ${kind}`, async () => {
    await using mesh = new Attack();
    const alice = await mesh.node(options);
    const { lan } = mesh;
    const packet = {
      isQuery: false,
      questions: [],
      records: recordsOf({ ...FALSE, names }, 120),
    };
    await mesh.clock.advance(5_000);
    const before = alice.status().counters.lanPacketsReceived;
    for (const from of ["10.0.1.1", "8.8.8.8", "127.0.0.1", "fe80::9"]) {
      lan.send(packet, from);
    }
    lan.send(packet, EVIL, 5354);
    await mesh.clock.advance(5_000);
    const { counters, discovery } = alice.status();
    assertEquals(discovery?.found, []);
    assertEquals(counters.lanPacketsReceived, before);
    assertEquals(counters.lanPacketsDropped, 5);
  });

  Deno.test(`a flood of announced nodes costs ${kind} few dials, and an honest one is found meanwhile`, async () => {
    await using mesh = new Attack();
    const alice = await mesh.node(options);
    await mesh.clock.advance(3_000);
    let label = 0;
    const flood = async (seconds: number) => {
      for (let tenth = 0; tenth < 10 * seconds; tenth++) {
        for (let i = 0; i < 50; i++) {
          label++;
          mesh.announce({
            label: labelOf(label),
            names: names && { ...names, id: idOf(label) },
            addresses: [`10.0.0.${100 + label % 100}`],
            port: 2_000 + label % 60_000,
          });
        }
        await mesh.clock.advance(100);
      }
    };
    await flood(10);
    const bob = await mesh.node(options);
    await flood(20);
    assertEquals(
      alice.sessions().map(({ id }) => id),
      [bob.identity.id],
    );
    const { counters, discovery } = alice.status();
    // Of one host 16 are kept, and bob.
    assert(discovery!.found.length <= 17, `${discovery!.found.length} found`);
    assert(
      counters.lanPacketsDropped > 10_000,
      `${counters.lanPacketsDropped}`,
    );
    // 15,000 announcements; the credit of one source of gossip is 128 dials, then one a second.
    assert(dialsOf(alice) <= 200, `${dialsOf(alice)} dials`);
    assert(alice.peers().length <= 300, `${alice.peers().length} peers`);
  });

  Deno.test(`many hosts that announce nodes to ${kind} fill no more than its bounds`, async () => {
    await using mesh = new Attack();
    const alice = await mesh.node(options);
    let label = 0;
    for (let host = 3; host < 250; host++) {
      for (let i = 0; i < 20; i++) {
        label++;
        mesh.announce({
          label: labelOf(label),
          names: names && { ...names, id: idOf(label) },
          addresses: [`10.0.0.${host}`],
          port: 2_000 + i,
        }, `10.0.0.${host}`);
      }
      await mesh.clock.advance(500);
    }
    const { discovery } = alice.status();
    assert(discovery!.found.length <= 256, `${discovery!.found.length}`);
    assert(dialsOf(alice) <= 400, `${dialsOf(alice)} dials`);
  });
}

Deno.test("queries by the thousand are answered once a second, by multicast to the link alone", async () => {
  await using mesh = new Attack();
  const alice = await mesh.node();
  await mesh.clock.advance(10_000);
  const sent = () => alice.status().counters.lanPacketsSent;
  const before = sent();
  for (let tenth = 0; tenth < 100; tenth++) {
    for (let i = 0; i < 50; i++) mesh.lan.send(queryFor([]), EVIL);
    // A query with the address of a victim elsewhere as its source.
    mesh.lan.send(queryFor([]), "203.0.113.7");
    await mesh.clock.advance(100);
  }
  assert(sent() - before <= 11, `${sent() - before} packets`);
});

Deno.test("a closed mesh and one with a secret announce neither id nor name nor network, whatever is asked", async () => {
  for (
    const options of [{ secret: SECRET }, { admission: "closed" as const }]
  ) {
    await using mesh = new Attack();
    const network = "our-network";
    const alice = await mesh.node({ ...options, network, name: "alice" });
    const types = ["PTR", "SRV", "TXT", "ANY", "A"];
    await mesh.clock.advance(3_000);
    const own = mesh.lan.sent.find(({ packet }) => !packet.isQuery)!;
    const names = own.packet.records.map(({ name }) => name);
    for (const name of [...names, "_services._dns-sd._udp.local"]) {
      const questions = types.map((type) => ({ name, type }));
      mesh.lan.send({ isQuery: true, questions, records: [] }, EVIL);
      await mesh.clock.advance(2_000);
    }
    const said = JSON.stringify(
      mesh.lan.sent.filter(({ from }) => from !== EVIL),
    );
    assert(mesh.lan.sent.length > 6);
    for (const word of [alice.identity.id.slice(0, 8), network, "alice"]) {
      assert(!said.includes(word), word);
    }
    assert(said.includes('"texts":[""]'));
  }
});

Deno.test("labels are new at each start, so that a closed node is not recognised by them", async () => {
  const labels = new Set<string>();
  for (let seed = 1; seed <= 5; seed++) {
    await using mesh = new (class extends Attack {
      constructor() {
        super(seed);
      }
    })();
    await mesh.node({ secret: SECRET });
    await mesh.clock.advance(3_000);
    const [record] = mesh.lan.sent.flatMap(({ packet }) => packet.records);
    labels.add(JSON.stringify(record));
  }
  assertEquals(labels.size, 5);
});

Deno.test("a false announcement of a known id neither moves a peer nor keeps it from its own address", async () => {
  await using mesh = new Attack();
  const alice = await mesh.node();
  const bob = await mesh.node();
  await mesh.clock.advance(5_000);
  assertEquals(alice.sessions().length, 1);
  const id = bob.identity.id;
  for (let i = 0; i < 20; i++) {
    mesh.announce({
      label: labelOf(i),
      names: { network: "main", id },
      addresses: ["10.0.0.66"],
    });
    await mesh.clock.advance(500);
  }
  const peer = alice.peer(id)!;
  assert(!peer.addresses.includes("10.0.0.66:8080"), peer.addresses.join());
  assertEquals(alice.sessions().length, 1);
});

Deno.test("a goodbye of another host does not remove a node", async () => {
  await using mesh = new Attack();
  const alice = await mesh.node();
  await mesh.node();
  await mesh.clock.advance(3_000);
  const packet =
    mesh.lan.sent.find(({ from, packet }) =>
      from === "10.0.0.2" && !packet.isQuery
    )!.packet;
  mesh.records(packet.records.map((it) => ({ ...it, ttl: 0 })));
  await mesh.clock.advance(100);
  assertEquals(alice.status().discovery?.found.length, 1);
});
