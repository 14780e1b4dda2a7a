// Which addresses are on the link of an interface.
import { assert, assertEquals } from "@std/assert";
import {
  isOnLink,
  systemNetworks,
} from "../../src/transport/local_networks.ts";

const HOME = {
  name: "eth0",
  addresses: [
    { address: "192.168.1.20", prefix: 24 },
    { address: "fd00:1:2:3::20", prefix: 64 },
    { address: "fe80::1", prefix: 64 },
  ],
};

Deno.test("addresses of the subnets of an interface are on its link, others are not", () => {
  const table: [string, boolean][] = [
    ["192.168.1.1", true],
    ["192.168.1.20", true],
    ["192.168.1.254", true],
    ["192.168.1.0", false],
    ["192.168.1.255", false],
    ["192.168.2.1", false],
    ["10.0.0.1", false],
    ["fd00:1:2:3:ffff::1", true],
    ["fd00:1:2:4::1", false],
    ["fe80::abcd", true],
    ["::1", false],
    ["::ffff:192.168.1.1", false],
    ["router.local", false],
    ["", false],
  ];
  for (const [ip, expected] of table) {
    assertEquals(isOnLink(ip, HOME), expected, ip);
  }
});

Deno.test("a prefix that ends within a byte counts to the bit", () => {
  const of = (prefix: number) => ({
    name: "eth0",
    addresses: [{ address: "10.20.30.40", prefix }],
  });
  assert(isOnLink("10.20.31.1", of(23)));
  assert(!isOnLink("10.20.32.1", of(23)));
  assert(isOnLink("10.20.30.41", of(31)));
  assert(!isOnLink("10.20.30.42", of(31)));
  assert(isOnLink("10.20.30.40", of(32)));
  assert(!isOnLink("10.20.30.41", of(32)));
});

Deno.test("an interface whose prefix takes in the internet has no neighbours", () => {
  const addresses = [
    { address: "5.5.5.5", prefix: 0 },
    { address: "2001:db8::1", prefix: 0 },
  ];
  assert(!isOnLink("8.8.8.8", { name: "tun0", addresses }));
  assert(!isOnLink("2001:db8::2", { name: "tun0", addresses }));
});

Deno.test("the networks of this machine have no loopback, and their own addresses on the link", () => {
  for (const network of systemNetworks()) {
    assert(network.name !== "lo");
    for (const { address, prefix } of network.addresses) {
      if (prefix >= 8 && prefix <= 30 && address.includes(".")) {
        assert(isOnLink(address, network), address);
      }
    }
  }
});
