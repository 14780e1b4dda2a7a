/**
 * Which identity a name means. Any peer can advertise any name, so a name is bound to the first
 * identity that used it and proved its key here, until the user decides otherwise. Names in
 * gossip are not bound. The first may be an impostor. So nothing is sent by a name while
 * another peer uses it, unless the user has given it to one, or it is bound to a peer with
 * standing and the others have none.
 */
import type { PeerId } from "../../core/peer_id.ts";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import {
  foldName,
  isPeerName,
  namesOf,
  parsePeerName,
  type PeerNames,
} from "../../identity/peer_name.ts";
import {
  MAX_NAMES_PER_PEER,
  MAX_NAMES_WITHOUT_STANDING,
  NAME_TRIM_SLACK,
} from "../mesh_limits.ts";
import type { Emit } from "../events.ts";
import type { AccessRules } from "./access_rules.ts";
import { StoredNames } from "./stored_names.ts";
import type { NameBinding, NodeStore } from "./node_store.ts";
import { NameConflicts } from "./name_conflicts.ts";
import type { Peer } from "./peer.ts";
import type { PeerEvents } from "./peer_events.ts";
import type { PeerTable } from "./peer_table.ts";
import type { Standing } from "./standing.ts";

/** Dependencies of {@linkcode NameResolver}. */
export interface NameResolverOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** This node; its name may be empty. */
  readonly own: { readonly id: PeerId; readonly name: string };
  readonly store: NodeStore;
  readonly table: PeerTable;
  readonly rules: Pick<AccessRules, "ignoresGossipAbout">;
  readonly standing: Standing;
  readonly events: PeerEvents;
  readonly emit: Emit;
}

/** Names of the peers of one node. Names are compared as `foldName` has them. */
export class NameResolver {
  readonly #options: NameResolverOptions;
  readonly #bound: StoredNames;
  /** Verified peers on record that use a name now. */
  readonly #claimants = new Map<string, Set<Peer>>();
  readonly #claimed = new Map<Peer, string>();
  readonly #conflicts: NameConflicts;
  /** This node's own name, which means this node; empty if it has none. */
  readonly #own: string;
  #trimAt = MAX_NAMES_WITHOUT_STANDING;

  constructor(options: NameResolverOptions) {
    this.#options = options;
    const { clock, events, log, own, rules, store, table } = options;
    this.#own = foldName(own.name);
    this.#conflicts = new NameConflicts(clock);
    events.on("forgotten", (peer) => this.#forgotten(peer));
    events.on("updated", (peer) => {
      this.introduced(peer);
      this.report(peer);
    });
    this.#bound = new StoredNames(store, log);
    for (const { name, id, ephemeral, confirmed } of this.#bound.list()) {
      const isGone = ephemeral && table.get(id) === undefined;
      if (isGone && !confirmed) this.#bound.delete(name);
    }
    for (const peer of table.values()) {
      if (!rules.ignoresGossipAbout(peer.id)) this.#claim(peer);
    }
    for (const name of this.#claimants.keys()) this.#settle(name);
  }

  /** The identity that a name is bound to; `undefined` if none has it, or several do. */
  holderOf(text: string): PeerId | undefined {
    const name = foldName(text);
    return name === this.#own && name !== ""
      ? this.#options.own.id
      : this.#settle(name);
  }

  /** Another peer that uses a name, which makes it ambiguous. */
  rivalOf(text: string): PeerId | undefined {
    const name = foldName(text);
    if (name === this.#own && name !== "") {
      const [other] = this.#claimants.get(name) ?? [];
      return other?.id;
    }
    const bound = this.#bound.get(name);
    if (bound === undefined || bound.confirmed) return undefined;
    const isStrong = this.#hasStanding(bound.id);
    for (const { id } of this.#claimants.get(name) ?? []) {
      if (id === bound.id) continue;
      if (!isStrong || this.#hasStanding(id)) return id;
    }
    return undefined;
  }

  /** The name that the user gave an identity last. */
  givenTo(id: PeerId): string | undefined {
    return this.#bound.givenTo(id);
  }

  /** The names of a peer, also of one that is not on record. */
  of(id: PeerId): PeerNames {
    const name = this.#options.table.get(id)?.name;
    return namesOf({ name, boundName: this.givenTo(id) });
  }

  /** Whether an identity is this node's own or on record. */
  isKnown(id: PeerId): boolean {
    const { own, table } = this.#options;
    return id === own.id || table.get(id) !== undefined;
  }

  /** The identity that a peer's name is bound to, if that is another one. */
  heldByAnother(peer: Peer): PeerId | undefined {
    if (peer.name === "") return undefined;
    const name = foldName(peer.name);
    const holder = name === this.#own
      ? this.#options.own.id
      : this.#bound.get(name)?.id;
    return holder === peer.id ? undefined : holder;
  }

  /** A peer has introduced itself: its name is bound to it if it is the first. */
  introduced(peer: Peer): void {
    this.#claim(peer);
    const name = this.#claimed.get(peer);
    if (name !== undefined) this.#settle(name);
  }

  /** Reports conflicts that exceeded the budget before. */
  tick(): void {
    for (const peer of this.#conflicts.retries()) this.report(peer);
  }

  /** Reports, once, that a peer uses a name that is bound to another. */
  report(peer: Peer): void {
    const holder = this.heldByAnother(peer);
    if (holder === undefined) return this.#conflicts.over(peer);
    const folded = foldName(peer.name);
    const isStrong = this.#bound.get(folded)?.confirmed === true ||
      this.#hasStanding(holder);
    const conflict = { peer, name: folded, holder, isStrong };
    if (!this.#conflicts.admits(conflict)) return;
    const { id, name } = peer;
    const boundName = this.givenTo(id);
    this.#options.emit({
      type: "name-conflict",
      id,
      name,
      ...(boundName !== undefined && { boundName }),
      holder,
      ownName: folded === this.#own,
    });
  }

  /**
   * Whether a peer can be given a name.
   * Throws `RangeError` when it is no name, or this node's own.
   */
  check(text: string): void {
    if (foldName(parsePeerName(text)) !== this.#own) return;
    throw new RangeError(
      `Cannot give name "${text}" to a peer: it is this node's own, must be another`,
    );
  }

  /** Binds a name that {@linkcode check} accepts, by a decision of the user. */
  bind(text: string, id: PeerId): void {
    const name = foldName(text);
    const peer = this.#options.table.get(id);
    const ephemeral = peer?.isVerified === true && peer.ephemeral;
    this.#bind({ name, id, ephemeral, confirmed: true });
  }

  /** A peer was denied or forgotten: no name means it any more. */
  release(id: PeerId): void {
    const peer = this.#options.table.get(id);
    if (peer !== undefined) this.#unclaim(peer);
    this.#bound.release(id);
  }

  #settle(name: string): PeerId | undefined {
    const bound = this.#bound.get(name);
    if (bound !== undefined) return bound.id;
    const claimants = this.#claimants.get(name);
    // Among several that used it while it was bound to none, only the user can choose.
    if (claimants?.size !== 1 || name === this.#own) return undefined;
    for (const { id, ephemeral } of claimants) {
      this.#bind({ name, id, ephemeral, confirmed: false });
    }
    return this.#bound.get(name)?.id;
  }

  #claim(peer: Peer): void {
    this.#unclaim(peer);
    if (!peer.isVerified || !isPeerName(peer.name)) return;
    const name = foldName(peer.name);
    this.#claimed.set(peer, name);
    const claimants = this.#claimants.get(name) ?? new Set();
    this.#claimants.set(name, claimants.add(peer));
  }

  #unclaim(peer: Peer): void {
    const name = this.#claimed.get(peer);
    if (name === undefined) return;
    this.#claimed.delete(peer);
    const claimants = this.#claimants.get(name);
    claimants?.delete(peer);
    if (claimants?.size === 0) this.#claimants.delete(name);
  }

  #forgotten(peer: Peer): void {
    this.#unclaim(peer);
    this.#conflicts.forget(peer);
    // A key that lived in memory is gone; any other may come back and keeps its name. Whether
    // an unverified key is in memory is gossip.
    if (!peer.isVerified || !peer.ephemeral) return;
    for (const name of this.#bound.of(peer.id)) {
      if (this.#bound.get(name)?.confirmed !== true) this.#bound.delete(name);
    }
  }

  #bind(binding: NameBinding): void {
    const { id } = binding;
    this.#bound.set(binding);
    const most = this.#hasStanding(id) ? MAX_NAMES_PER_PEER : 1;
    const own = this.#bound.of(id)
      .filter((it) => this.#bound.get(it)?.confirmed !== true);
    for (const former of own.slice(0, Math.max(0, own.length - most))) {
      this.#bound.delete(former);
    }
    if (this.#bound.size > this.#trimAt) this.#trim();
  }

  /**
   * Drops names beyond the share of peers without standing: those bound last, of peers that are
   * not on record, since the names of a flood came last.
   */
  #trim(): void {
    const { table } = this.#options;
    const without = this.#bound.list()
      .filter(({ confirmed, id }) => !confirmed && !this.#hasStanding(id));
    const excess = without.length - MAX_NAMES_WITHOUT_STANDING;
    const absent = without
      .filter(({ id }) => table.get(id) === undefined);
    if (excess > 0) {
      for (const { name } of absent.slice(-excess)) this.#bound.delete(name);
    }
    this.#trimAt = this.#bound.size + NAME_TRIM_SLACK;
  }

  #hasStanding(id: PeerId): boolean {
    const { standing, table } = this.#options;
    return standing.of(id, table.get(id));
  }
}
