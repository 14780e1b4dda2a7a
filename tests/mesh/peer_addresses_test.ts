/** Where a peer may be reached that has moved often. */
import { assertEquals } from "@std/assert";
import { MAX_ADDRESSES_PER_PEER } from "../../src/limits.ts";
import { PeerAddresses } from "../../src/mesh/peers/peer_addresses.ts";

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
  assertEquals(addresses.told().slice(0, 2), [at(20), at(99)]);
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

Deno.test("rumours are told to nobody", () => {
  const addresses = new PeerAddresses();
  addresses.add(at(1), "gossiped", "private");
  assertEquals(addresses.told(), []);
});
