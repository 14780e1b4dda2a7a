/**
 * The records of a store whose node does not run, and access decisions made meanwhile. A
 * running node has its own. A peer that is allowed must be named in full, because an attacker
 * can make a key whose identity begins like another's. To deny or forget one, its first digits
 * are enough if they are unique.
 */
import { type Clock, systemClock } from "../core/clock.ts";
import { parsePeerId, type PeerId } from "../core/peer_id.ts";
import {
  foldName,
  namesOf,
  parsePeerName,
  type PeerNames,
} from "../identity/peer_name.ts";
import { issuerOf } from "../identity/attestation.ts";
import { type InviteInfo, Invites } from "../mesh/admission/invites.ts";
import { logger } from "../core/log.ts";
import { AccessDecisions } from "../mesh/admission/access_decisions.ts";
import { JoinRequests } from "../mesh/admission/join_requests.ts";
import { AccessRules } from "../mesh/peers/access_rules.ts";
import { StoredNames } from "../mesh/peers/stored_names.ts";
import { KeptTime } from "../mesh/kept_time.ts";
import type {
  AccessRule,
  JoinRequest,
  NodeStore,
  StoredPeer,
} from "../mesh/peers/node_store.ts";
import { type Member, peerToKeepOut } from "../mesh/peers/find_peers.ts";
import { ownerOf } from "./own_key.ts";

/** A peer on record, and its access rule. */
export interface RecordedPeer
  extends Omit<StoredPeer, "attestation" | "earnedStanding"> {
  /** The name that the user has given it. */
  readonly boundName?: string;
  /** The peer that the name is bound to, if that is another. */
  readonly nameHeldBy?: PeerId;
  /** The member that admitted it, if one did. */
  readonly admittedBy?: PeerId;
  /** The access rule of the user. */
  readonly rule?: AccessRule;
}

/** The access rule of an identity. */
export interface RecordedRule {
  readonly id: PeerId;
  readonly rule: AccessRule;
}

/** The records of a node that does not run. */
export class Records {
  readonly #store: NodeStore;
  readonly #clock: Clock;

  /** @param clock By which invites expire. */
  constructor(store: NodeStore, clock: Clock = systemClock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Invites that have not ended, the next to expire first. */
  invites(): InviteInfo[] {
    return this.#invites.list();
  }

  /**
   * Takes an invite back.
   *
   * @param text Its id, or the first digits.
   * @returns The invite as it was.
   * @throws {VerackError} `unknown-invite`, `ambiguous`.
   */
  revoke(text: string): InviteInfo {
    return this.#invites.revoke(text);
  }

  /** Peers on record, seen last first. */
  peers(): RecordedPeer[] {
    const rules = this.#rules();
    const bindings = this.#store.nameBindings();
    const holders = new Map(bindings.map((it) => [it.name, it.id]));
    // Oldest first, so that the name that was given last is kept.
    const given = new Map(
      bindings.filter(({ confirmed }) => confirmed)
        .map((it) => [it.id, it.name]),
    );
    return this.#store.peers().map((stored) => {
      const { attestation, earnedStanding: _, ...peer } = stored;
      const admittedBy = issuerOf(attestation);
      const rule = rules.get(peer.id);
      const holder = holders.get(foldName(peer.name));
      const boundName = given.get(peer.id);
      return {
        ...peer,
        ...(boundName !== undefined && { boundName }),
        ...(holder !== undefined && holder !== peer.id &&
          { nameHeldBy: holder }),
        ...(admittedBy !== undefined && { admittedBy }),
        ...(rule !== undefined && { rule }),
      };
    });
  }

  /** Access rules, also of identities that are not on record. */
  accessRules(): RecordedRule[] {
    return this.#store.accessRules()
      .map(({ id, rule }) => ({ id, rule }));
  }

  /** Peers that proved their key and were not admitted, oldest first. */
  joinRequests(): JoinRequest[] {
    return this.#store.joinRequests();
  }

  /**
   * Allows an identity, at a wall clock's time, and names it. Throws `SyntaxError` if it is not
   * a whole identity, `RangeError` if it is the node's own or the name is none.
   */
  allow(text: string, at: number, name?: string): PeerId {
    const id = parsePeerId(text);
    this.#decisions.allow(id, at, name);
    return id;
  }

  /**
   * Denies an identity, and drops what waits for it; throws `unknown-peer`, `ambiguous`, or
   * `RangeError` likewise.
   */
  deny(text: string, at: number): PeerId {
    const id = this.#find(text);
    this.#dropMessages(id);
    this.#decisions.deny(id, at);
    return id;
  }

  /** Takes a peer off the record, drops what waits for it, and ignores gossip about it. */
  forget(text: string, at: number): PeerId {
    const id = this.#find(text);
    this.#dropMessages(id);
    this.#decisions.forget(id, at);
    return id;
  }

  /** Messages that wait for a peer; a running node's outbox drops them itself. */
  #dropMessages(to: PeerId): void {
    const { messages } = this.#store;
    for (const outgoing of messages.outgoing()) {
      if (outgoing.to.includes(to)) messages.deleteOutgoing(outgoing.key, to);
    }
  }

  get #decisions(): AccessDecisions {
    const store = this.#store;
    const bound = new StoredNames(store, logger("store"));
    return new AccessDecisions({
      own: ownerOf(store),
      store,
      rules: new AccessRules(store),
      invites: this.#invites,
      joinRequests: new JoinRequests(store),
      names: {
        check: (name) => void parsePeerName(name),
        bind: (text, id) => {
          const peer = store.peers().find((it) => it.id === id);
          const ephemeral = peer?.ephemeral ?? false;
          const name = foldName(text);
          bound.set({ name, id, ephemeral, confirmed: true });
        },
        release: (id) => bound.release(id),
      },
    });
  }

  get #invites(): Invites {
    const store = this.#store;
    return new Invites({ store, keptTime: new KeptTime(store, this.#clock) });
  }

  #find(text: string): PeerId {
    const store = this.#store;
    const bindings = store.nameBindings();
    const own = ownerOf(store);
    const members = this.peers().map((peer) => asMember(peer, false));
    if (own !== undefined) members.push(asMember({ id: own }, true));
    const others = [
      ...store.joinRequests(),
      ...store.accessRules(),
      ...bindings,
    ];
    const name = foldName(text);
    return peerToKeepOut(
      text,
      members,
      others.map(({ id }) => id),
      bindings.find((bound) => bound.name === name)?.id,
    );
  }

  #rules(): Map<PeerId, AccessRule> {
    return new Map(
      this.#store.accessRules().map(({ id, rule }) => [
        id,
        rule,
      ]),
    );
  }
}

function asMember(
  { id, ...peer }: Pick<RecordedPeer, "id"> & PeerNames,
  self: boolean,
): Member {
  return { id, ...namesOf(peer), self, connected: false, addresses: [] };
}
