// Local addresses of a peer are tried before those that lead through a router.
import { assertEquals } from "@std/assert";
import { orderAddresses } from "../../../src/mesh/dialing/address_order.ts";
import { MAX_UNVERIFIED_FIRST } from "../../../src/mesh/dialing/dialing_limits.ts";
import type {
  AddressRank,
  PeerAddress,
} from "../../../src/mesh/peers/peer_addresses.ts";
import { at, Disguise } from "../../helpers/disguise.ts";
import { entryOf, stranger } from "../../helpers/forged_messages.ts";
import { network } from "../../helpers/networks.ts";
import { Scene } from "../../helpers/scene.ts";
import { until } from "../../helpers/until.ts";

const HOME = network("wlan0", "192.168.1.5/24", "fd00:1::5/64", "fe80::5/64");
const OWN_PUBLIC = "5.77.0.1";

function entry(host: string, rank: AddressRank = "advertised"): PeerAddress {
  return {
    address: { host, port: 8080 },
    rank,
    configured: rank === "configured",
  };
}

function order(
  addresses: readonly PeerAddress[],
  networks = [HOME],
): string[] {
  const site = { networks, isSeenAt: (ip: string) => ip === OWN_PUBLIC };
  return orderAddresses(addresses, site).map(({ address }) => address.host);
}

Deno.test("an address on a subnet of this machine comes before one that was verified far away", () => {
  assertEquals(
    order([
      entry("8.8.8.8", "verified"),
      entry("peer.example", "configured"),
      entry("192.168.1.9"),
      entry("fd00:1::9"),
    ]),
    ["192.168.1.9", "fd00:1::9", "8.8.8.8", "peer.example"],
  );
});

Deno.test("of two that are near the verified one is first", () => {
  assertEquals(
    order([
      entry("192.168.1.9", "verified"),
      entry("8.8.8.8", "verified"),
      entry("192.168.1.10"),
    ]),
    ["192.168.1.9", "192.168.1.10", "8.8.8.8"],
  );
});

Deno.test("private addresses of other subnets are near if the peer is seen at this node's public address", () => {
  const far = [entry("8.8.8.8", "verified"), entry("10.9.0.9")];
  assertEquals(order(far), ["8.8.8.8", "10.9.0.9"]);
  const behind = [entry(OWN_PUBLIC, "verified"), entry("10.9.0.9")];
  assertEquals(order(behind), ["10.9.0.9", OWN_PUBLIC]);
});

Deno.test("without anything near the order stays", () => {
  const hosts = ["8.8.8.8", "10.9.0.9", "2a00::1", "127.0.0.1", "fe80::9"];
  assertEquals(order(hosts.map((host) => entry(host))), hosts);
  assertEquals(
    order([entry("8.8.8.8"), entry("192.168.1.9")], []),
    ["8.8.8.8", "192.168.1.9"],
  );
});

Deno.test("an address that this machine has, too, is not taken for the peer's", () => {
  assertEquals(
    order([entry("8.8.8.8"), entry("192.168.1.5")]),
    ["8.8.8.8", "192.168.1.5"],
  );
});

Deno.test("false near addresses delay a verified one by few attempts", () => {
  const claims = [1, 2, 3, 4, 6, 7].map((it) => entry(`192.168.1.${it}`));
  const ordered = order([entry("8.8.8.8", "verified"), ...claims]);
  assertEquals(ordered.indexOf("8.8.8.8"), MAX_UNVERIFIED_FIRST);
  assertEquals(ordered.length, 7);
});

Deno.test("a node dials a peer at the address that is near first", async () => {
  const far = ["8.8.8.8:9", "9.9.9.9:9"];
  const near = "192.168.1.9:9";
  const transport = new Disguise("192.168.1.7", { absent: [...far, near] });
  await using scene = await Scene.start({ transport, networks: () => [HOME] });
  using bob = await scene.join();
  const addresses = [...far, near].map((it) => at(it.slice(0, -2), 9));
  await bob.tell([entryOf(stranger(), addresses)]);
  const { tried } = transport;
  await until("dials", () => [...far, near].every((it) => tried.includes(it)));
  const first = tried.find((it) => far.includes(it) || it === near);
  assertEquals(first, near);
});
