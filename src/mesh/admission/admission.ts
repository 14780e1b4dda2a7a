/** What a person, or a program for one, decides about admission. */
import type { Clock, Random } from "../../core/clock.ts";
import { parsePeerId, type PeerId } from "../../identity/identity.ts";
import { INVITE_TTL_MS, MAX_INVITE_TTL_MS } from "../mesh_limits.ts";
import { type Address, parseAddress } from "../../transport/address.ts";
import { verifyCertificate } from "../../identity/certificate.ts";
import type { AccessRules } from "../peers/access_rules.ts";
import type { NameBindings } from "../peers/name_bindings.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import { AccessDecisions } from "./access_decisions.ts";
import type { Membership } from "./membership.ts";
import type { InviteInfo } from "./invites.ts";
import type {
  JoinRequest,
  NodeStore,
  StoredAccessRule,
} from "../peers/node_store.ts";

/** Options of {@linkcode Admission.invite}. */
export interface InviteOptions {
  /** How long it can be used, milliseconds, at most 30 days. @default a day */
  readonly ttlMs?: number;
  /** Where the guest reaches this node: `host:port`. @default where it listens */
  readonly address?: string;
}

/**
 * Which peers may come in, as `node.admission`. Every change is in the store, durable, when
 * the call returns.
 */
export interface Admission {
  /**
   * Lets an identity in, also one that was denied or forgotten. If it is waiting at
   * an address that can be dialed, it is dialed at once. `name` is what it is called
   * here from now on, also if the name meant another peer.
   *
   * @throws {SyntaxError} when it is no identity.
   * @throws {RangeError} when it is our own, or the name is none or our own.
   * @throws {VerackError} when the store cannot write.
   */
  allow(id: string, options?: { readonly name?: string }): void;
  /**
   * The peer that a name is bound to, also while another goes by it and
   * `Node.resolvePeer` refuses to choose; `undefined` if it is bound to none.
   */
  holderOf(name: string): PeerId | undefined;
  /**
   * Keeps an identity out: its session ends at once, it is neither let in, dialed
   * nor told of, whatever certificate it shows and whatever others say. Holds
   * until {@linkcode allow}.
   *
   * @throws As {@linkcode allow}.
   */
  deny(id: string): void;
  /**
   * Takes an identity off the record: its session ends, and what others say of it
   * is ignored. An open node meets it anew when it comes by itself; a closed one
   * lists it as pending.
   *
   * @throws As {@linkcode allow}.
   */
  forget(id: string): void;
  /** Peers that proved their key and were not let in, oldest first; at most 256. */
  joinRequests(): JoinRequest[];
  /** What was decided, oldest first. */
  accessRules(): StoredAccessRule[];
  /**
   * Makes an invite: one line, `identity@host:port#code`, that lets one guest in.
   *
   * @throws {RangeError} when the time is out of range, or the node listens on
   * every address and none was given.
   * @throws {SyntaxError} when the address does not parse.
   * @throws {VerackError} `full` when a thousand invites have not ended yet; when
   * the store cannot write.
   */
  invite(options?: InviteOptions): string;
  /** Invites that have not ended, used or not, the next to expire first. */
  invites(): InviteInfo[];
  /**
   * Revokes an invite. A guest that has come in by it stays in; see {@linkcode deny}.
   *
   * @param id Its id, or the first 8 digits or more.
   * @returns The invite as it was, with the guest that has come in by it.
   * @throws {VerackError} `unknown-invite`, `ambiguous`; when the store cannot write.
   */
  revoke(id: string): InviteInfo;
}

/** What {@linkcode AdmissionControl} is made of. */
export interface AdmissionControlOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** This node. */
  readonly own: PeerId;
  /** Where guests reach this node. */
  readonly address: Address;
  readonly store: NodeStore;
  readonly table: PeerTable;
  readonly rules: AccessRules;
  readonly names: NameBindings;
  readonly membership: Membership;
  readonly events: PeerEvents;
}

/** {@linkcode Admission} of one node. */
export class AdmissionControl implements Admission {
  readonly #options: AdmissionControlOptions;
  readonly #decisions: AccessDecisions;

  constructor(options: AdmissionControlOptions) {
    this.#options = options;
    const { invites, joinRequests } = options.membership;
    this.#decisions = new AccessDecisions({
      ...options,
      invites,
      joinRequests,
    });
  }

  allow(text: string, { name }: { readonly name?: string } = {}): void {
    const { clock, events, table } = this.#options;
    const id = parsePeerId(text);
    const request = this.#decisions.allow(id, clock.now(), name);
    const known = table.get(id);
    if (known !== undefined) known.allowed();
    else if (request !== undefined) {
      const certificate = verifyCertificate(request.certificate, id);
      table.ensure(id, { hasStanding: true })
        ?.allowedAt(request.address, certificate);
    }
    events.emit("ruled", id, "allowed");
  }

  holderOf(name: string): PeerId | undefined {
    return this.#options.names.holderOf(name);
  }

  deny(text: string): void {
    this.#keepOut(parsePeerId(text), "denied");
  }

  forget(text: string): void {
    this.#keepOut(parsePeerId(text), "forgotten");
  }

  joinRequests(): JoinRequest[] {
    return this.#options.membership.joinRequests.list();
  }

  accessRules(): StoredAccessRule[] {
    return this.#options.rules.list();
  }

  invite(options: InviteOptions = {}): string {
    const { ttlMs = INVITE_TTL_MS } = options;
    if (!(ttlMs >= 1_000 && ttlMs <= MAX_INVITE_TTL_MS)) {
      throw new RangeError(
        `Cannot invite: ttlMs is ${ttlMs}, must be 1000 to ${MAX_INVITE_TTL_MS}`,
      );
    }
    const { membership, own, random } = this.#options;
    const address = options.address !== undefined
      ? parseAddress(options.address)
      : this.#options.address;
    const { host } = address;
    if (host === "0.0.0.0" || host === "::") {
      throw new RangeError(
        "Cannot invite: this node listens on every address, must be told the one at which the guest reaches it (--address HOST:PORT)",
      );
    }
    return membership.invites.issue(own, address, ttlMs, random);
  }

  invites(): InviteInfo[] {
    return this.#options.membership.invites.list();
  }

  revoke(id: string): InviteInfo {
    return this.#options.membership.invites.revoke(id);
  }

  /** The rule is in force even if it cannot be written down. */
  #keepOut(id: PeerId, rule: "denied" | "forgotten"): void {
    const { clock, events, own } = this.#options;
    try {
      const now = clock.now();
      if (rule === "denied") this.#decisions.deny(id, now);
      else this.#decisions.forget(id, now);
    } finally {
      if (id !== own) events.emit("ruled", id, rule);
    }
  }
}
