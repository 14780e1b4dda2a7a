/** The table of networks, and the magic of signets. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  customSignet,
  networkOf,
  networkOfMagic,
  NETWORKS,
  signetMagic,
} from "../../src/bitcoin/networks.ts";

/** Default challenge of signet (bitcoin `src/kernel/chainparams.cpp`). */
const SIGNET_CHALLENGE =
  "512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be430210359ef5021964fe22d6f8e05b2463c9540ce96883fe3b278760f048f5189f2e6c452ae";

Deno.test("NETWORKS has magic and port of every network as Core has them", () => {
  const rows = Object.values(NETWORKS).map(({ name, magic, port }) =>
    `${name} ${magic.toHex()} ${port}`
  );
  assertEquals(rows, [
    "mainnet f9beb4d9 8333",
    "testnet3 0b110907 18333",
    "testnet4 1c163f28 48333",
    "signet 0a03cf40 38333",
    "regtest fabfb5da 18444",
  ]);
  for (const [name, network] of Object.entries(NETWORKS)) {
    assertEquals(network.name, name);
  }
});

Deno.test("NETWORKS has seeds for every network that is not only on this machine", () => {
  const seeds = Object.values(NETWORKS).map((network) => network.seeds.length);
  assertEquals(seeds, [8, 5, 2, 2, 0]);
});

Deno.test("signetMagic() gives signet's magic for its default challenge", () => {
  const challenge = Uint8Array.fromHex(SIGNET_CHALLENGE);
  assertEquals(signetMagic(challenge), NETWORKS.signet.magic);
  assertEquals(challenge.length, 71);
});

Deno.test("customSignet() differs from signet in magic, name and seeds only", () => {
  assertEquals(customSignet("54D26FBD"), {
    name: "signet-54d26fbd",
    magic: Uint8Array.fromHex("54d26fbd"),
    port: 38_333,
    seeds: [],
  });
});

Deno.test("customSignet() throws RangeError when the magic is not 8 hex digits", () => {
  for (const magic of ["", "54d26fb", "54d26fbd0", "0x54d26f", "54d26fbg"]) {
    assertThrows(() => customSignet(magic), RangeError, "must be 8 hex digits");
  }
});

Deno.test("networkOf() takes a name, a network, a magic, or nothing for mainnet", () => {
  assertEquals(networkOf({}), NETWORKS.mainnet);
  assertEquals(networkOf({ network: "testnet4" }), NETWORKS.testnet4);
  const own = customSignet("01020304");
  assertEquals(networkOf({ network: own }), own);
  assertEquals(networkOf({ network: "signet", magic: "01020304" }), own);
  const bytes = Uint8Array.of(1, 2, 3, 4);
  assertEquals(networkOf({ network: "signet", magic: bytes }), own);
  assertEquals(
    networkOf({ network: "signet", magic: "0A03CF40" }),
    NETWORKS.signet,
  );
});

Deno.test("networkOf() throws RangeError for an unknown name and for a magic that is none", () => {
  for (const network of ["testnet", "__proto__", "toString"]) {
    assertThrows(
      () => networkOf({ network: network as "mainnet" }),
      RangeError,
      "must be mainnet, testnet3, testnet4, signet, regtest",
    );
  }
  assertThrows(
    () => networkOf({ magic: new Uint8Array(5) }),
    RangeError,
    "has 5 bytes, must have 4",
  );
});

Deno.test("networkOfMagic() finds the network, if it has a name", () => {
  assertEquals(networkOfMagic("fabfb5da"), NETWORKS.regtest);
  assertEquals(networkOfMagic("00000000"), undefined);
});
