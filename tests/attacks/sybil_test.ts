// Identities cost nothing. An open mesh lets them all in, as docs/security.md says;
// a closed one keeps a short list of them and nothing else.
import { assert, assertEquals } from "@std/assert";
import { parsePeerId } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import {
  MAX_PENDING_PEERS,
  MAX_PENDING_PEERS_PER_HOST,
} from "../../src/mesh/mesh_limits.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { Node } from "../../src/mesh/node.ts";
import { JoinRequests } from "../../src/mesh/admission/join_requests.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { EventLog } from "../helpers/nodes.ts";

const CROWD = MAX_PENDING_PEERS_PER_HOST + 8;

Deno.test("a crowd of fresh identities leaves a closed node a short list, and a member comes in", async () => {
  await using node = await Node.start({ admission: "closed" });
  const log = new EventLog(node);
  const member = await Identity.generate();
  node.admission.allow(member.id);
  const sybils: Identity[] = [];
  for (let i = 0; i < CROWD; i++) sybils.push(await Identity.generate());
  for (const identity of sybils) {
    // Twice each: it is listed, and said, once.
    for (let time = 0; time < 2; time++) {
      using peer = await RawPeer.open(node, { identity }, "proof");
      assertEquals((await peer.refusal())?.name, "not-admitted");
    }
  }
  assertEquals(node.peers(), []);
  // The oldest gave way.
  assertEquals(
    node.admission.joinRequests().map((peer) => peer.id),
    sybils.slice(-MAX_PENDING_PEERS_PER_HOST).map((identity) => identity.id),
  );
  const said = log.of("join-request").map((event) => event.id);
  assertEquals(said, sybils.map((identity) => identity.id));
  using peer = await RawPeer.open(node, { identity: member });
  assert(peer.told().length > 0);
});

Deno.test("the list of join requests is bounded, from however many hosts they come", () => {
  const store = new MemoryStore();
  const pending = new JoinRequests(store);
  const peer = (n: number) => ({
    id: parsePeerId(n.toString(16).padStart(64, "0")),
    certificate: new Uint8Array(1),
    address: { host: `10.0.${n >> 8}.${n & 255}`, port: 1 },
    direction: "inbound" as const,
    lastSeen: n,
  });
  const count = MAX_PENDING_PEERS + 50;
  for (let n = 0; n < count; n++) assert(pending.add(peer(n)));
  const kept = pending.list();
  assertEquals(kept.length, MAX_PENDING_PEERS);
  assertEquals(kept[0]?.id, peer(50).id);
  assertEquals(store.joinRequests(), kept);
  // Whoever comes again is not new, and does not make us write each time.
  assert(!pending.add({ ...peer(count - 1), lastSeen: count }));
  assertEquals(pending.list().at(-1)?.lastSeen, count);
  assertEquals(store.joinRequests().at(-1)?.lastSeen, count - 1);
});

Deno.test("peers that wait from one network of IPv6 push out each other only, and a start drops what is too much", () => {
  const store = new MemoryStore();
  const peer = (n: number, host: string) => ({
    id: parsePeerId(n.toString(16).padStart(64, "0")),
    certificate: new Uint8Array(1),
    address: { host, port: 1 },
    direction: "inbound" as const,
    lastSeen: n,
  });
  const pending = new JoinRequests(store);
  const honest = peer(1, "2001:db8:1::1");
  pending.add(honest);
  const flood = (list: JoinRequests) => {
    for (let n = 2; n < 2 + 2 * MAX_PENDING_PEERS; n++) {
      list.add(peer(n, `2001:db8:2::${n.toString(16)}`));
    }
  };
  flood(pending);
  assertEquals(pending.list().length, 1 + MAX_PENDING_PEERS_PER_HOST);
  assert(pending.get(honest.id) !== undefined);
  // An older version counted each of these addresses by itself.
  for (let n = 1_000; n < 1_000 + MAX_PENDING_PEERS; n++) {
    const late = peer(n, `2001:db8:3::${n.toString(16)}`);
    store.putJoinRequest({ ...late, firstSeen: n });
  }
  const again = new JoinRequests(store);
  assertEquals(again.list().length, 1 + 2 * MAX_PENDING_PEERS_PER_HOST);
  assertEquals(store.joinRequests(), again.list());
  assert(again.get(honest.id) !== undefined);
});

Deno.test("when the list of join requests is full, the oldest of the source that has most gives way", () => {
  const pending = new JoinRequests(new MemoryStore());
  let made = 0;
  const add = (host: string) => {
    const id = parsePeerId((++made).toString(16).padStart(64, "0"));
    pending.add({
      id,
      certificate: new Uint8Array(1),
      address: { host, port: 1 },
      direction: "inbound",
      lastSeen: made,
    });
    return id;
  };
  const honest = add("10.0.0.1");
  const sources = MAX_PENDING_PEERS / MAX_PENDING_PEERS_PER_HOST + 1;
  for (let at = 0; at < sources * MAX_PENDING_PEERS_PER_HOST; at++) {
    add(`10.0.1.${at % sources}`);
  }
  assertEquals(pending.list().length, MAX_PENDING_PEERS);
  assert(pending.get(honest) !== undefined);
});
