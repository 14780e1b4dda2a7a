/** Where a peer may be reached that has moved often. */
import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { MAX_ADDRESSES_PER_PEER } from "../../../src/mesh/mesh_limits.ts";
import {
  ADDRESS_RANK,
  type AddressRank,
  PeerAddresses,
} from "../../../src/mesh/peers/peer_addresses.ts";
import { formatAddress } from "../../../src/transport/address.ts";

const HOST = "10.0.0.1";
const at = (port: number) => ({ host: HOST, port });

/** A peer that has answered at ports 1 to 20, one after the other. */
function mover(): PeerAddresses {
  const addresses = new PeerAddresses();
  for (let port = 1; port <= 20; port++) {
    addresses.add(at(port), "advertised", "private");
    addresses.add(at(port), "verified");
  }
  return addresses;
}

Deno.test("a peer that was proven at many addresses is still heard when it names a new one", () => {
  const addresses = mover();
  assertEquals(addresses.add(at(99), "advertised", "private"), true);
  assertEquals(addresses.get(at(99))?.rank, "advertised");
  assertEquals(addresses.list()[0]?.address, at(20));
});

Deno.test("and is told of there", () => {
  const addresses = mover();
  addresses.add(at(99), "advertised", "private");
  assertEquals(addresses.forGossip().slice(0, 2), [at(20), at(99)]);
});

Deno.test("and others can say where it is now, but not push out where it answered last", () => {
  const addresses = mover();
  for (let port = 100; port < 200; port++) {
    assertEquals(addresses.add(at(port), "gossiped", "private"), true);
    assertEquals(addresses.get(at(port))?.rank, "gossiped");
    assertEquals(addresses.list()[0]?.address, at(20));
  }
  assertEquals(addresses.size, MAX_ADDRESSES_PER_PEER);
});

Deno.test("what a peer names again is new again, also if it answered there long ago", () => {
  const addresses = new PeerAddresses();
  addresses.add(at(1), "verified");
  addresses.add(at(2), "verified");
  addresses.add(at(1), "advertised", "private");
  assertEquals(addresses.list().map(({ address }) => address), [at(1), at(2)]);
  // Others' word makes nothing newer.
  addresses.add(at(2), "gossiped", "private");
  assertEquals(addresses.list().map(({ address }) => address), [at(1), at(2)]);
});

Deno.test("an address that is nearer than the peer that named it is not passed on, until the peer has answered there", () => {
  const addresses = new PeerAddresses();
  const near = { host: "10.0.0.5", port: 22 };
  const name = { host: "db.internal.example", port: 22 };
  const far = { host: "8.8.8.8", port: 8080 };
  for (const it of [near, name, far]) {
    addresses.add(it, "advertised", "public");
  }
  // A name is looked up, and its address checked, by the receiver.
  assertEquals(addresses.forGossip(), [far, name]);
  addresses.add(near, "advertised", "private");
  assertEquals(addresses.forGossip(), [near, far, name]);
  addresses.add(near, "verified");
  assertEquals(addresses.forGossip(), [near, far, name]);
});

Deno.test("gossip is not passed on", () => {
  const addresses = new PeerAddresses();
  addresses.add(at(1), "gossiped", "private");
  assertEquals(addresses.forGossip(), []);
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
