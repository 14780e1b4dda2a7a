/**
 * What is on record in a store whose node does not run, and what a person decides
 * about it meanwhile. A running node does the same by itself.
 *
 * Who is let in is always named in full: whoever wants to can make a key whose
 * identity begins like another's. To be kept out, the first digits are enough if
 * they mean one peer.
 */
import { type Clock, systemClock } from "../core/clock.ts";
import { parsePeerId, type PeerId } from "../identity/identity.ts";
import {
  foldName,
  namesOf,
  parsePeerName,
  type PeerNames,
} from "../identity/peer_name.ts";
import { issuerOf } from "../identity/attestation.ts";
import { type InviteInfo, Invites } from "../mesh/admission/invites.ts";
import { KeptTime } from "../mesh/kept_time.ts";
import type {
  AccessRule,
  JoinRequest,
  NodeStore,
  StoredPeer,
} from "../mesh/peers/node_store.ts";
import {
  type Member,
  memberChosen,
  membersMeant,
} from "../mesh/peers/find_peers.ts";
import { ownerOf } from "./own_key.ts";

/** A peer on record, and what was decided about it. */
export interface RecordedPeer
  extends Omit<StoredPeer, "attestation" | "earnedStanding"> {
  /** What it is called here because a person said so. */
  readonly boundName?: string;
  /** The peer that the name is bound to, if that is another. */
  readonly nameHeldBy?: PeerId;
  /** By which member it was admitted, if by one. */
  readonly admittedBy?: PeerId;
  /** What a person decided. */
  readonly rule?: AccessRule;
}

/** What was decided about an identity. */
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
    // The oldest first, so that the name that was given last stays.
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

  /** What was decided, also about identities that are not on record. */
  accessRules(): RecordedRule[] {
    return this.#store.accessRules()
      .map(({ id, rule }) => ({ id, rule }));
  }

  /** Who proved its key and was not let in, oldest first. */
  joinRequests(): JoinRequest[] {
    return this.#store.joinRequests();
  }

  /**
   * Lets an identity in.
   *
   * @param at Wall clock, milliseconds.
   * @param name What it is called from now on, also if the name meant another peer.
   * @throws {SyntaxError} when it is not a whole identity.
   * @throws {RangeError} when it is the node's own, or the name is none.
   */
  allow(text: string, at: number, name?: string): PeerId {
    const id = this.#another(parsePeerId(text), "allow");
    if (name !== undefined) this.#name(id, parsePeerName(name));
    const waiting = this.#store.joinRequests().find((peer) => peer.id === id);
    const known = this.#store.peers().some((peer) => peer.id === id);
    // Only what the node dialed can be dialed again.
    if (!known && waiting?.direction === "outbound") {
      this.#store.putPeer(fromPending(waiting));
    }
    return this.#decide(id, "allowed", at);
  }

  /**
   * Keeps an identity out.
   *
   * @param at Wall clock, milliseconds.
   * @throws {VerackError} `unknown-peer`, `ambiguous`.
   * @throws {RangeError} when it is the node's own.
   */
  deny(text: string, at: number): PeerId {
    return this.#decide(this.#find(text, "deny"), "denied", at);
  }

  /**
   * Takes a peer off the record, and ignores what others say of it.
   *
   * @param at Wall clock, milliseconds.
   * @throws {VerackError} `unknown-peer`, `ambiguous`.
   * @throws {RangeError} when it is the node's own.
   */
  forget(text: string, at: number): PeerId {
    const id = this.#find(text, "forget");
    this.#store.deletePeer(id);
    return this.#decide(id, "forgotten", at);
  }

  #name(id: PeerId, text: string): void {
    const peer = this.#store.peers().find((it) => it.id === id);
    const name = foldName(text);
    const ephemeral = peer?.ephemeral ?? false;
    this.#store.putNameBinding({ name, id, ephemeral, confirmed: true });
  }

  #decide(id: PeerId, rule: AccessRule, at: number): PeerId {
    this.#store.putAccessRule({ id, rule, at });
    if (rule !== "allowed") this.#invites.endOf(id);
    this.#store.deleteJoinRequest(id);
    if (rule !== "allowed") {
      for (const { name, id: holder } of this.#store.nameBindings()) {
        if (holder === id) this.#store.deleteNameBinding(name);
      }
    }
    this.#store.commit();
    return id;
  }

  get #invites(): Invites {
    const store = this.#store;
    return new Invites({ store, keptTime: new KeptTime(store, this.#clock) });
  }

  #find(text: string, action: string): PeerId {
    const members = new Map<PeerId, Member>();
    for (
      const { id } of [
        ...this.#store.joinRequests(),
        ...this.#store.accessRules(),
        ...this.#store.nameBindings(),
      ]
    ) members.set(id, asMember({ id }));
    for (const peer of this.peers()) {
      members.set(peer.id, asMember(peer));
    }
    const name = foldName(text);
    const holder = this.#store.nameBindings()
      .find((bound) => bound.name === name)?.id;
    const found = membersMeant(text, [...members.values()], holder);
    return this.#another(memberChosen(text, found), action);
  }

  #another(id: PeerId, action: string): PeerId {
    if (id !== ownerOf(this.#store)) return id;
    throw new RangeError(
      `Cannot ${action}: ${id} is this node itself, must be another`,
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

/** Whoever waited where it was dialed is dialed there. */
function fromPending(waiting: JoinRequest): StoredPeer {
  const { id, certificate, address, firstSeen, lastSeen } = waiting;
  return {
    id,
    certificate,
    name: "",
    trust: "known",
    ephemeral: false,
    addresses: [{ address, rank: "typed", typed: true }],
    firstSeen,
    lastSeen,
    attestation: new Uint8Array(0),
    earnedStanding: false,
    upForLong: false,
    source: "",
  };
}

function asMember(
  { id, ...peer }: Pick<RecordedPeer, "id"> & PeerNames,
): Member {
  return {
    id,
    ...namesOf(peer),
    self: false,
    connected: false,
    addresses: [],
  };
}
