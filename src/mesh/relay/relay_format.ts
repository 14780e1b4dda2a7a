/**
 * What is sent beside relayed bytes: the metadata of a stream to a relay (`relay/1`), the
 * relay's offer, the byte that accepts it, and the metadata of the stream from the relay to the
 * other end (`relayed/1`). Pure; `docs/protocol.md` describes all four.
 */
import { VerackError } from "../../core/errors.ts";
import { PEER_ID_BYTES, type PeerId } from "../../core/peer_id.ts";
import { ByteReader, ByteWriter } from "../../wire/bytes.ts";
import { MAX_RELAY_HOPS } from "./relay_limits.ts";

/** The protocol of the stream from the dialing end to the relay. */
export const RELAY_PROTOCOL = "relay/1";

/** The protocol of the stream from the relay to the accepting end. */
export const RELAYED_PROTOCOL = "relayed/1";

/** Sessions that a direct session consists of, and the fewest of a relayed one. */
const DIRECT_HOPS = 1;
const MIN_RELAYED_HOPS = 2 * DIRECT_HOPS;

const MAX_U8 = 0xff;
const MAX_U32 = 0xffff_ffff;

/** What a relay tells the dialing end before that decides. */
export interface RelayOffer {
  /** Direct sessions that the bytes would go through: 2 to `MAX_RELAY_HOPS`. */
  readonly hops: number;
  /** Round trip between the relay and the other end, milliseconds; the largest is "not known". */
  readonly rttMs: number;
  /** How much of its bounds the relay uses, from 0 to 1. */
  readonly load: number;
}

/** The metadata of `relayed/1`. */
export interface RelayedHead {
  /** The dialing end, as the relay claims: the session on the stream proves it. */
  readonly from: PeerId;
  /** As in {@linkcode RelayOffer}. */
  readonly hops: number;
}

/** Length of an offer, bytes. */
export const RELAY_OFFER_BYTES = 6;

/** Accepts an offer: what follows in both directions are bytes of the ends. */
export const RELAY_GO: Uint8Array<ArrayBuffer> = Uint8Array.of(1);

/** The metadata of `relay/1`: the other end. */
export function encodeRelayTarget(target: PeerId): Uint8Array<ArrayBuffer> {
  return new ByteWriter(PEER_ID_BYTES).hex("target", target, PEER_ID_BYTES)
    .finish();
}

/**
 * Reads the metadata of `relay/1`.
 *
 * @throws {VerackError} `malformed`.
 */
export function decodeRelayTarget(metadata: Uint8Array): PeerId {
  const reader = new ByteReader("metadata of relay/1", metadata);
  const target = reader.hex("target", PEER_ID_BYTES) as PeerId;
  reader.end();
  return target;
}

/**
 * An offer; a round trip that is not a number of milliseconds is "not known".
 *
 * @throws {RangeError} when the hops are out of range.
 */
export function encodeRelayOffer(offer: RelayOffer): Uint8Array<ArrayBuffer> {
  requireHops("offer", offer.hops);
  return new ByteWriter(RELAY_OFFER_BYTES)
    .u8(offer.hops)
    .u32(Math.round(within(offer.rttMs, MAX_U32)))
    .u8(Math.round(MAX_U8 * within(offer.load, 1)))
    .finish();
}

/**
 * Reads an offer.
 *
 * @throws {VerackError} `malformed`.
 */
export function decodeRelayOffer(bytes: Uint8Array): RelayOffer {
  const reader = new ByteReader("offer of relay/1", bytes);
  const hops = readHops(reader);
  const rttMs = reader.u32("round trip");
  const load = reader.u8("load") / MAX_U8;
  reader.end();
  return { hops, rttMs: rttMs === MAX_U32 ? Infinity : rttMs, load };
}

/**
 * Reads the byte after an offer.
 *
 * @throws {VerackError} `malformed`, if it does not accept it.
 */
export function decodeRelayGo(byte: number): void {
  if (byte === RELAY_GO[0]) return;
  throw new VerackError(
    "malformed",
    `Cannot read answer to an offer of relay/1: it is ${byte}, must be ${
      RELAY_GO[0]
    }`,
  );
}

/**
 * The metadata of `relayed/1`.
 *
 * @throws {RangeError} when the hops are out of range.
 */
export function encodeRelayedHead(
  { from, hops }: RelayedHead,
): Uint8Array<ArrayBuffer> {
  requireHops("metadata of relayed/1", hops);
  return new ByteWriter(PEER_ID_BYTES + 1)
    .hex("from", from, PEER_ID_BYTES).u8(hops).finish();
}

/**
 * Reads the metadata of `relayed/1`.
 *
 * @throws {VerackError} `malformed`.
 */
export function decodeRelayedHead(metadata: Uint8Array): RelayedHead {
  const reader = new ByteReader("metadata of relayed/1", metadata);
  const from = reader.hex("from", PEER_ID_BYTES) as PeerId;
  const hops = readHops(reader);
  reader.end();
  return { from, hops };
}

function readHops(reader: ByteReader): number {
  const hops = reader.u8("hops");
  if (hops < MIN_RELAYED_HOPS || hops > MAX_RELAY_HOPS) {
    reader.refuse(
      "hops",
      `${hops}`,
      `${MIN_RELAYED_HOPS} to ${MAX_RELAY_HOPS}`,
      reader.offset - 1,
    );
  }
  return hops;
}

function requireHops(what: string, hops: number): void {
  const isValid = Number.isInteger(hops) && hops >= MIN_RELAYED_HOPS &&
    hops <= MAX_RELAY_HOPS;
  if (isValid) return;
  throw new RangeError(
    `Cannot encode ${what}: hops is ${hops}, must be an integer from ${MIN_RELAYED_HOPS} to ${MAX_RELAY_HOPS}`,
  );
}

/** From 0 to `most`, which also stands for what is no number. */
function within(value: number, most: number): number {
  return value >= 0 && value <= most ? value : most;
}
