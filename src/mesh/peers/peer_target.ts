/** What a person types to name a peer: `[identity@]host:port`. */
import { parsePeerId, type PeerId } from "../../identity/identity.ts";
import {
  type Address,
  formatAddress,
  parseAddress,
} from "../../transport/address.ts";

/** An address, and the identity that must be there if the person knew. */
export interface PeerTarget {
  readonly address: Address;
  readonly id?: PeerId;
}

/**
 * Parses `host:port`, `[v6]:port` or `identity@host:port`.
 *
 * @throws {SyntaxError} naming the text and what was wanted.
 */
export function parsePeerTarget(text: string): PeerTarget {
  const at = text.indexOf("@");
  if (at < 0) return { address: parseAddress(text) };
  return {
    id: parsePeerId(text.slice(0, at)),
    address: parseAddress(text.slice(at + 1)),
  };
}

/** The text {@linkcode parsePeerTarget} reads. */
export function formatPeerTarget(target: PeerTarget): string {
  const address = formatAddress(target.address);
  return target.id === undefined ? address : `${target.id}@${address}`;
}
