/**
 * What `connect` may have: an address, a name or a service (`srv:NAME`), each also with the one
 * identity that is accepted there.
 */
import { parsePeerId, type PeerId } from "../core/peer_id.ts";
import {
  type Address,
  isServiceText,
  parseAddress,
  parseService,
} from "../transport/address.ts";

/** An address or a service, and the required identity if one was given. */
export interface PeerTarget {
  readonly address: Address;
  readonly id?: PeerId;
}

/**
 * Parses `host:port`, `[v6]:port` or `srv:NAME`, each also after `identity@`.
 *
 * @throws {SyntaxError} with the text and the expected form.
 */
export function parsePeerTarget(text: string): PeerTarget {
  const at = text.indexOf("@");
  const target = text.slice(at + 1);
  const address = isServiceText(target)
    ? parseService(target)
    : parseAddress(target);
  return at < 0 ? { address } : { id: parsePeerId(text.slice(0, at)), address };
}
