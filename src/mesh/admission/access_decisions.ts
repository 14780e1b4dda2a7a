/** Carries out `allow`, `deny` and `forget`, whether the node runs or not. */
import type { PeerId } from "../../core/peer_id.ts";
import type { AccessRules } from "../peers/access_rules.ts";
import type {
  AccessRule,
  JoinRequest,
  NodeStore,
  StoredAddress,
  StoredPeer,
} from "../peers/node_store.ts";
import { formatAddress } from "../../transport/address.ts";
import type { Invites } from "./invites.ts";
import type { JoinRequests } from "./join_requests.ts";

/** Dependencies of {@linkcode AccessDecisions}. */
export interface AccessDecisionsOptions {
  /** This node; absent if a store has none yet. */
  readonly own: PeerId | undefined;
  readonly store: NodeStore;
  readonly rules: AccessRules;
  readonly invites: Invites;
  readonly joinRequests: JoinRequests;
  readonly names: {
    /** Throws `RangeError` if a peer cannot be given the name. */
    check(name: string): void;
    bind(name: string, id: PeerId): void;
    release(id: PeerId): void;
  };
}

/** The decisions about the peers of one node; durable when a call returns. */
export class AccessDecisions {
  readonly #options: AccessDecisionsOptions;

  constructor(options: AccessDecisionsOptions) {
    this.#options = options;
  }

  /**
   * Allows a peer, and names it. If it has a join request from where it was dialed, it is on
   * record with that address from then on, and the request is returned. `at` is by the wall
   * clock, here and below.
   */
  allow(id: PeerId, at: number, name?: string): JoinRequest | undefined {
    const { joinRequests, names, store } = this.#options;
    this.#check(id, "allow");
    if (name !== undefined) names.check(name);
    const request = joinRequests.get(id);
    // Only what this node dialed can be dialed again.
    const dialed = request?.direction === "outbound" ? request : undefined;
    this.#decide(id, "allowed", at, () => {
      if (name !== undefined) names.bind(name, id);
      if (dialed === undefined) return;
      const known = store.peers().find((peer) => peer.id === id);
      store.putPeer(recordOf(dialed, known));
    });
    return dialed;
  }

  /** Denies a peer, until it is allowed. */
  deny(id: PeerId, at: number): void {
    this.#check(id, "deny");
    this.#decide(id, "denied", at, () => this.#options.names.release(id));
  }

  /** Takes a peer off the record, and ignores gossip about it from then on. */
  forget(id: PeerId, at: number): void {
    const { names, store } = this.#options;
    this.#check(id, "forget");
    this.#decide(id, "forgotten", at, () => {
      names.release(id);
      store.deletePeer(id);
    });
  }

  #decide(id: PeerId, rule: AccessRule, at: number, then: () => void): void {
    const { invites, joinRequests, rules, store } = this.#options;
    try {
      rules.set({ id, rule, at });
    } finally {
      // Else a guest would be admitted by its invite again.
      if (rule !== "allowed") invites.endOf(id);
    }
    then();
    joinRequests.delete(id);
    store.commit();
  }

  #check(id: PeerId, action: string): void {
    if (id !== this.#options.own) return;
    throw new RangeError(
      `Cannot ${action}: ${id} is this node itself, must be another`,
    );
  }
}

/** The record of a peer that is allowed after a join request where it was dialed. */
function recordOf(
  { id, certificate, address, firstSeen, lastSeen }: JoinRequest,
  known: StoredPeer | undefined,
): StoredPeer {
  const peer: StoredPeer = known ?? {
    id,
    certificate,
    name: "",
    trust: "known",
    ephemeral: false,
    addresses: [],
    firstSeen,
    lastSeen,
    attestation: new Uint8Array(0),
    earnedStanding: false,
    upForLong: false,
    source: "",
  };
  const asText = formatAddress(address);
  const isSame = (it: StoredAddress) => formatAddress(it.address) === asText;
  const others = peer.addresses.filter((it) => !isSame(it));
  // An address that has answered stays one.
  const rank = peer.addresses.find(isSame)?.rank === "verified"
    ? "verified"
    : "configured";
  return {
    ...peer,
    addresses: [{ address, rank, configured: true }, ...others],
  };
}
