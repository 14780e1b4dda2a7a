/**
 * The first message on a session in each direction: the sender's own entry, with its addresses
 * and its name.
 */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { equalBytes } from "../../identity/der.ts";
import type { Identity } from "../../identity/identity.ts";
import type { Address } from "../../transport/address.ts";
import {
  AS_SEEN_HOST,
  decodePeers,
  encodePeers,
  PEER_FLAG,
  type PeerEntry,
} from "../../wire/messages/peers.ts";
import type { PeerSession } from "../peers/peer_session.ts";

/** The data of a node's own entry. */
export interface OwnEntryOptions {
  readonly clock: Clock;
  readonly identity: Identity;
  /** May be empty. */
  readonly name: string;
  /** The advertised address, if others see another one. */
  readonly advertise: Address | undefined;
  readonly listenAddress: Address;
}

/** Makes this node's own entry. */
export class OwnEntry {
  readonly #options: OwnEntryOptions;

  constructor(options: OwnEntryOptions) {
    this.#options = options;
  }

  /** The entry as it is now. */
  encode(): Uint8Array<ArrayBuffer> {
    const { clock, identity, name, advertise, listenAddress } = this.#options;
    const asSeen = { host: AS_SEEN_HOST, port: listenAddress.port };
    return encodePeers({
      more: false,
      entries: [{
        id: identity.id,
        certificate: identity.certificate,
        addresses: [advertise ?? asSeen],
        // A clock before 1970 is not sent.
        lastSeen: Math.max(0, Math.floor(clock.now() / 1_000)),
        flags: PEER_FLAG.live |
          (identity.ephemeral ? PEER_FLAG.ephemeral : 0),
        name,
        attestation: new Uint8Array(0),
      }],
    });
  }
}

/**
 * The entry of the peer at the other end; throws `malformed`, `protocol` or
 * `bad-certificate`.
 */
export function decodeOwnEntry(
  { remote }: PeerSession,
  payload: Uint8Array,
): PeerEntry {
  const { entries, skipped, more, fault } = decodePeers(payload);
  if (fault !== undefined) throw fault;
  const [own] = entries;
  if (
    own === undefined || own.id !== remote.id ||
    entries.length + skipped !== 1 || more
  ) {
    throw new VerackError(
      "protocol",
      "Cannot accept peers: the first entry of a session must be the sender's own, alone and with no more to follow",
    );
  }
  if (!equalBytes(own.certificate, remote.certificate.der)) {
    throw new VerackError(
      "bad-certificate",
      "Cannot accept peers: the certificate in the sender's own entry must be the one that it has shown in this session",
    );
  }
  return own;
}
