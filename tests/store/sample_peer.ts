/** Peers for stores, whose certificates are none, and places for stores. */
import type { PeerId } from "../../src/core/peer_id.ts";
import type { StoredPeer } from "../../src/mesh/peers/node_store.ts";

/** An identity of one repeated byte. */
export function peerId(byte: number): PeerId {
  return byte.toString(16).padStart(2, "0").repeat(32) as PeerId;
}

/** A peer with one address of each kind. */
export function samplePeer(
  byte: number,
  changes: Partial<StoredPeer> = {},
): StoredPeer {
  return {
    id: peerId(byte),
    certificate: Uint8Array.of(1, 2, byte),
    name: `peer ${byte} ☃\0!`,
    trust: "known",
    ephemeral: false,
    addresses: [
      { address: { host: "::1", port: 1 }, rank: "verified", configured: true },
      {
        address: { host: "a.test", port: 2 },
        rank: "configured",
        configured: true,
      },
      {
        address: { host: "127.0.0.1", port: 65_535 },
        rank: "advertised",
        configured: false,
        namedFrom: "loopback",
      },
    ],
    firstSeen: 1_000 + byte,
    lastSeen: 2_000 + byte,
    attestation: Uint8Array.of(9, byte),
    earnedStanding: byte % 2 === 0,
    upForLong: byte % 3 === 0,
    source: `10.0.0.${byte}`,
    ...changes,
  };
}

/** A path in a new directory, which is gone at the end. */
export function place(
  name = "node.db",
): { readonly path: string } & Disposable {
  const directory = Deno.makeTempDirSync({ prefix: "verack-store-" });
  return {
    path: `${directory}/${name}`,
    [Symbol.dispose]: () => Deno.removeSync(directory, { recursive: true }),
  };
}
