// Which addresses of this machine others are told of.
import { assertEquals } from "@std/assert";
import {
  addressesOf,
  outerNetworks,
  reachableAddresses,
} from "../../src/transport/interface_addresses.ts";
import type { LocalNetwork } from "../../src/transport/local_networks.ts";
import type { Scope } from "../../src/transport/scope.ts";
import { network } from "../helpers/networks.ts";

const NETWORKS: readonly LocalNetwork[] = [
  network("docker0", "172.17.0.1/16"),
  network(
    "eth0",
    "203.0.114.7/24",
    "169.254.1.1/16",
    "2a00:1::7/64",
    "fe80::7/64",
  ),
  network("wlan0", "192.168.1.5/24", "fd00::5/64"),
];

function reached(scope: Scope, ...hosts: string[]): string[] {
  const listens = hosts.map((host) => ({ host, port: 8080 }));
  return reachableAddresses(listens, NETWORKS, scope).map(({ host }) => host);
}

Deno.test("a peer near is told of near addresses first, one far away of public ones alone", () => {
  const all = ["192.168.1.5", "fd00::5", "203.0.114.7", "2a00:1::7"];
  assertEquals(reached("private", "::"), all);
  assertEquals(reached("loopback", "::"), all);
  assertEquals(reached("public", "::"), ["203.0.114.7", "2a00:1::7"]);
  assertEquals(reached("never", "::"), []);
});

Deno.test("each family is told of where it is listened on", () => {
  assertEquals(reached("private", "0.0.0.0"), ["192.168.1.5", "203.0.114.7"]);
  assertEquals(reached("private", "127.0.0.1", "192.168.1.5"), ["192.168.1.5"]);
  assertEquals(reached("public", "192.168.1.5", "2a00:1::7"), ["2a00:1::7"]);
  assertEquals(reached("private", "localhost", "::1"), []);
});

Deno.test("of many addresses of one interface two of each family are told", () => {
  const many = network(
    "eth0",
    ...[1, 2, 3].flatMap((it) => [`10.0.0.${it}/8`, `2a00:1::${it}/64`]),
  );
  const listens = [{ host: "::", port: 1 }];
  assertEquals(
    reachableAddresses(listens, [many], "private").map(({ host }) => host),
    ["10.0.0.1", "10.0.0.2", "2a00:1::1", "2a00:1::2"],
  );
});

Deno.test("addresses of a link alone and bridges of containers do not count", () => {
  assertEquals(addressesOf(outerNetworks(NETWORKS)), [
    "203.0.114.7",
    "2a00:1::7",
    "192.168.1.5",
    "fd00::5",
  ]);
});
