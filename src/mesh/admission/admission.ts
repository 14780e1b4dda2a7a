/** Admission decisions by the user or a program. */
import type { Clock, Random } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { parsePeerId, type PeerId } from "../../core/peer_id.ts";
import { INVITE_TTL_MS, MAX_INVITE_TTL_MS } from "../mesh_limits.ts";
import { type Address, parseAddress } from "../../transport/address.ts";
import { isEveryHost } from "../../transport/listen_all.ts";
import { verifyCertificate } from "../../identity/certificate.ts";
import type { AccessRules } from "../peers/access_rules.ts";
import type { NameResolver } from "../peers/name_resolver.ts";
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
  /**
   * The address at which the guest reaches this node: `host:port`.
   * @default the first that it advertises, else where it listens
   */
  readonly address?: string;
}

/**
 * Which peers may come in, as `node.admission`. Every change is in the store, durable, when
 * the call returns.
 */
export interface Admission {
  /**
   * Allows an identity, also one that was denied or forgotten. If it has a join request with an
   * address that can be dialed, it is dialed at once. `name` is bound to it, also if the name
   * meant another peer.
   *
   * @throws {SyntaxError} when it is no identity.
   * @throws {RangeError} when it is our own, or the name is none or our own.
   * @throws {VerackError} when the store cannot write.
   */
  allow(id: string, options?: { readonly name?: string }): void;
  /**
   * The peer that a name is bound to, also while another uses it and `Node.resolvePeer` throws
   * `ambiguous`; `undefined` if it is bound to none.
   */
  holderOf(name: string): PeerId | undefined;
  /**
   * Denies an identity: its session ends at once, and it is neither admitted, dialed nor
   * gossiped, whatever certificate it shows and whatever attestations it has. Holds until
   * {@linkcode allow}.
   *
   * @throws As {@linkcode allow}.
   */
  deny(id: string): void;
  /**
   * Takes an identity off the record: its session ends, and gossip about it is ignored. An open
   * node treats it as new when it connects; a closed one lists a join request.
   *
   * @throws As {@linkcode allow}.
   */
  forget(id: string): void;
  /** Join requests, oldest first; at most 256. */
  joinRequests(): JoinRequest[];
  /** Access rules, oldest first. */
  accessRules(): StoredAccessRule[];
  /**
   * Makes an invite: one line, `identity@host:port#code`, that admits one guest.
   *
   * @throws {RangeError} when the time is out of range, or the node listens on
   * every address and none was given.
   * @throws {SyntaxError} when the address does not parse.
   * @throws {VerackError} `full` when a thousand invites have not ended yet; `not-admitted`
   * while this node's own invite waits for its host, which may have a secret for it to pass on;
   * `no-listener` when this node does not listen; when the store cannot write.
   */
  invite(options?: InviteOptions): string;
  /** Invites that have not ended, used or not, the next to expire first. */
  invites(): InviteInfo[];
  /**
   * Revokes an invite. A guest that was admitted by it stays a member; see {@linkcode deny}.
   *
   * @param id Its id, or the first 8 digits or more.
   * @returns The invite as it was, with the guest that was admitted by it. @throws
   * {VerackError} `unknown-invite`, `ambiguous`; when the store cannot write.
   */
  revoke(id: string): InviteInfo;
}

/** Dependencies of {@linkcode AdmissionControl}. */
export interface AdmissionControlOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** This node. */
  readonly own: PeerId;
  /** Where guests may reach this node, the best first. */
  readonly addresses: readonly Address[];
  readonly store: NodeStore;
  readonly table: PeerTable;
  readonly rules: AccessRules;
  readonly names: NameResolver;
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
    if (request !== undefined) {
      const certificate = verifyCertificate(request.certificate, id);
      table.ensure(id, { hasStanding: true })
        ?.allowedAt(request.address, certificate);
    }
    table.get(id)?.allowed();
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
    if (membership.credentials.awaitsWelcome) {
      throw new VerackError(
        "not-admitted",
        "Cannot invite: the host of this node's own invite has not answered yet, must have admitted it first",
      );
    }
    if (this.#options.addresses.length === 0) throw noListener();
    const address = options.address !== undefined
      ? parseAddress(options.address)
      : this.#options.addresses.find(({ host }) => !isEveryHost(host));
    if (address === undefined || isEveryHost(address.host)) {
      throw new RangeError(
        "Cannot invite: this node listens on every address, needs `address`, at which the guest reaches it",
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

  /** The rule is in force even if it cannot be stored. */
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

function noListener(): VerackError {
  return new VerackError(
    "no-listener",
    "Cannot invite: this node does not listen, so that no guest can connect to it; make the invite at a member that listens",
  );
}
