/**
 * Names for the bits of a node's services (bitcoin `src/protocol.h`,
 * `ServiceFlags`). They are bigints, since any peer can set all 64.
 */

/** What a node offers, as bits of 64. */
export const SERVICE_FLAG = {
  /** All blocks. */
  NETWORK: 1n << 0n,
  /** Unspent outputs on request (BIP64). */
  GETUTXO: 1n << 1n,
  /** Bloom filters (BIP111). */
  BLOOM: 1n << 2n,
  /** Blocks and transactions with witnesses (BIP144). */
  WITNESS: 1n << 3n,
  /** Xtreme thin blocks; never in Core. */
  XTHIN: 1n << 4n,
  /** Compact block filters (BIP157). */
  COMPACT_FILTERS: 1n << 6n,
  /** The last 288 blocks (BIP159). */
  NETWORK_LIMITED: 1n << 10n,
  /** The encrypted v2 transport (BIP324). */
  P2P_V2: 1n << 11n,
} as const;

/** Name of a known bit. */
export type ServiceName = keyof typeof SERVICE_FLAG;

const BITS = 64;

/** Of all bits, the lowest first. */
const NAMES = Array.from({ length: BITS }, (_, bit) => {
  const flags = Object.entries(SERVICE_FLAG);
  const [name] = flags.find(([, flag]) => flag === 1n << BigInt(bit)) ?? [];
  return name ?? `UNKNOWN[2^${bit}]`;
});

/**
 * The names of all bits that are set, lowest first; one without a name is
 * `UNKNOWN[2^n]`. There are at most 64.
 *
 * @throws {RangeError} when `services` is not 0 to 2^64 - 1.
 */
export function serviceNames(services: bigint): string[] {
  checkServices(services);
  // By halves: numbers of 32 bits are much faster than bigints.
  const low = Number(services & 0xffff_ffffn);
  const high = Number(services >> 32n);
  return NAMES.filter((_, bit) => ((bit < 32 ? low : high) >>> bit % 32) & 1);
}

/**
 * All 64 bits as 16 lower-case hex digits, as Core shows them.
 *
 * @throws {RangeError} when `services` is not 0 to 2^64 - 1.
 */
export function servicesHex(services: bigint): string {
  checkServices(services);
  return services.toString(16).padStart(BITS / 4, "0");
}

function checkServices(services: bigint): void {
  if (services < 0n || services >= 1n << BigInt(BITS)) {
    throw new RangeError(
      `Cannot name services: they are ${services}, must be 0 to 2^64 - 1`,
    );
  }
}
