/**
 * Bitcoin's networks: magic, default port, DNS seeds (bitcoin
 * `src/kernel/chainparams.cpp`, September 2025). Seeds are queried in `seeds.ts`.
 */
import { FRAME_HEADER_BYTES, MAX_PAYLOAD_BYTES } from "../wire/wire_limits.ts";
import { ByteWriter } from "../wire/bytes.ts";
import { frameChecksum } from "../wire/frame.ts";

/** The parameters in which networks differ. */
export interface BitcoinNetwork {
  /** As it is named in results: `mainnet`, or `signet-54d26fbd` for a custom one. */
  readonly name: string;
  /** The four bytes that begin every frame, in the order of the wire; never changed. */
  readonly magic: Uint8Array;
  /** Port of nodes that name none. */
  readonly port: number;
  /** Host names that answer with addresses of nodes; they change from release to release. */
  readonly seeds: readonly string[];
}

/** Name of one of {@linkcode NETWORKS}. */
export type NetworkName =
  | "mainnet"
  | "testnet3"
  | "testnet4"
  | "signet"
  | "regtest";

/** The networks that have a name. */
export const NETWORKS: Readonly<Record<NetworkName, BitcoinNetwork>> = {
  mainnet: network("mainnet", "f9beb4d9", 8333, [
    "seed.bitcoin.sipa.be",
    "dnsseed.bluematt.me",
    "seed.bitcoin.jonasschnelli.ch",
    "seed.btc.petertodd.net",
    "seed.bitcoin.sprovoost.nl",
    "dnsseed.emzy.de",
    "seed.bitcoin.wiz.biz",
    "seed.mainnet.achownodes.xyz",
  ]),
  testnet3: network("testnet3", "0b110907", 18_333, [
    "testnet-seed.bitcoin.jonasschnelli.ch",
    "seed.tbtc.petertodd.net",
    "seed.testnet.bitcoin.sprovoost.nl",
    "testnet-seed.bluematt.me",
    "seed.testnet.achownodes.xyz",
  ]),
  testnet4: network("testnet4", "1c163f28", 48_333, [
    "seed.testnet4.bitcoin.sprovoost.nl",
    "seed.testnet4.wiz.biz",
  ]),
  signet: network("signet", "0a03cf40", 38_333, [
    "seed.signet.bitcoin.sprovoost.nl",
    "seed.signet.achownodes.xyz",
  ]),
  /** Exists on one machine only, and so has no seeds. */
  regtest: network("regtest", "fabfb5da", 18_444, []),
};

/** A network by name, or one of one's own. */
export interface NetworkOptions {
  /** By name, or one of one's own. @default {"mainnet"} */
  readonly network?: NetworkName | BitcoinNetwork;
  /**
   * Replaces the network's magic: four bytes or eight hex digits. With it a network has no DNS
   * seeds, because theirs have nodes of another network.
   */
  readonly magic?: string | Uint8Array;
}

/**
 * A signet of one's own: in everything like signet but for its magic (BIP325),
 * and without seeds.
 *
 * @param magicHex Eight hex digits, in the order of the wire.
 * @throws {RangeError} when it is something else.
 */
export function customSignet(magicHex: string): BitcoinNetwork {
  const magic = parseMagic(magicHex).toHex();
  return network(`signet-${magic}`, magic, NETWORKS.signet.port, []);
}

/**
 * The magic of the signet with this challenge: the first four bytes of the double
 * SHA-256 of the script with its length in front (BIP325).
 *
 * @throws {RangeError} when the script is longer than any message.
 */
export function signetMagic(challenge: Uint8Array): Uint8Array<ArrayBuffer> {
  const script = new ByteWriter(FRAME_HEADER_BYTES + challenge.length)
    .varBytes("challenge", challenge, MAX_PAYLOAD_BYTES);
  return frameChecksum(script.finish());
}

/**
 * The network that options mean.
 *
 * @throws {RangeError} when there is no network of that name or the magic is not
 * four bytes.
 */
export function networkOf(options: NetworkOptions): BitcoinNetwork {
  const { network: wanted = "mainnet", magic } = options;
  const base = typeof wanted === "string" ? byName(wanted) : wanted;
  if (magic === undefined) return base;
  const hex = parseMagic(magic).toHex();
  if (hex === base.magic.toHex()) return base;
  return network(`${base.name}-${hex}`, hex, base.port, []);
}

/** The named network with this magic, eight lower-case hex digits, if there is one. */
export function networkOfMagic(magicHex: string): BitcoinNetwork | undefined {
  return Object.values(NETWORKS).find(({ magic }) =>
    magic.toHex() === magicHex
  );
}

function byName(name: string): BitcoinNetwork {
  if (Object.hasOwn(NETWORKS, name)) return NETWORKS[name as NetworkName];
  throw new RangeError(
    `Cannot use network: it is ${JSON.stringify(name.slice(0, 40))}, must be ${
      Object.keys(NETWORKS).join(", ")
    }`,
  );
}

function parseMagic(magic: string | Uint8Array): Uint8Array {
  if (typeof magic !== "string") {
    if (magic.length === 4) return magic;
    throw new RangeError(
      `Cannot use magic: it has ${magic.length} bytes, must have 4`,
    );
  }
  if (/^[0-9a-fA-F]{8}$/.test(magic)) return Uint8Array.fromHex(magic);
  throw new RangeError(
    `Cannot use magic: it is ${
      JSON.stringify(magic.slice(0, 40))
    }, must be 8 hex digits`,
  );
}

function network(
  name: string,
  magicHex: string,
  port: number,
  seeds: readonly string[],
): BitcoinNetwork {
  return { name, magic: Uint8Array.fromHex(magicHex), port, seeds };
}
