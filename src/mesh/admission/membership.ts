/**
 * Who belongs to the mesh as this node sees it: gathers the facts about a peer for
 * `admission_rule.ts`, and remembers what persons decided. What a person can do is
 * `admission.ts`; invites, statements, pending peers and our own credentials have
 * files of their own.
 */
import { messageOf, VerackError } from "../../core/errors.ts";
import { type PeerId, shortId } from "../../identity/identity.ts";
import { REFUSAL_EVENT_BURST, REFUSAL_EVENT_REFILL_MS } from "../../limits.ts";
import type { VerifiedPeer } from "../../session/mesh_profile.ts";
import type { AcceptedSecrets } from "../../session/secret_exchange.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import { type AdmissionFacts, decideAdmission } from "./admission_rule.ts";
import type { MeshContext } from "../context.ts";
import { Credentials } from "./credentials.ts";
import type { Direction } from "../events.ts";
import { FormerMembers } from "./former_members.ts";
import { Invites } from "./invites.ts";
import type { AccessRule, StoredAccessRule } from "../peers/node_store.ts";
import type { Peer } from "../peers/peer.ts";
import { JoinRequests } from "./join_requests.ts";
import { Standing } from "../peers/standing.ts";
import { Attestations } from "./attestations.ts";
import { TokenBucket } from "../../core/token_bucket.ts";

/** What one node needs of its context here. */
export type MembershipContext = Pick<
  MeshContext,
  | "clock"
  | "emit"
  | "identity"
  | "log"
  | "magic"
  | "options"
  | "random"
  | "table"
>;

/** What one node knows about who belongs. */
export class Membership {
  readonly credentials: Credentials;
  readonly invites: Invites;
  readonly joinRequests: JoinRequests;
  readonly attestations: Attestations;
  /** Called when somebody wants in who is not admitted. */
  onJoinRequest: () => void = () => {};
  readonly #context: MembershipContext;
  readonly #former = new FormerMembers();
  readonly #standing = new Standing(this);
  readonly #rules = new Map<PeerId, StoredAccessRule>();
  readonly #announcements = new TokenBucket({
    burst: REFUSAL_EVENT_BURST,
    refillMs: REFUSAL_EVENT_REFILL_MS,
  });

  constructor(context: MembershipContext) {
    this.#context = context;
    const { store } = context.options;
    for (const rule of store.accessRules()) {
      this.#rules.set(rule.id, rule);
    }
    this.credentials = new Credentials(context);
    this.invites = new Invites(context.options);
    this.joinRequests = new JoinRequests(store);
    this.attestations = new Attestations(context, (it) => this.#isAdmitted(it));
    context.table.onForget.push((record) => this.#dropped(record));
  }

  // --- What persons decided --------------------------------------------------

  /** Looks after what has a deadline. */
  tick(): void {
    this.invites.tick();
  }

  /** Every rule, oldest first. */
  accessRules(): StoredAccessRule[] {
    return [...this.#rules.values()];
  }

  /** What a person decided about it. */
  accessRule(id: PeerId): AccessRule | undefined {
    return this.#rules.get(id)?.rule;
  }

  /** Gives a rule; it is in force even if it cannot be written down. */
  decide(id: PeerId, rule: AccessRule): void {
    const { clock, options } = this.#context;
    const given = { id, rule, at: clock.now() };
    this.#rules.delete(id);
    this.#rules.set(id, given);
    try {
      options.store.putAccessRule(given);
    } finally {
      if (rule !== "allowed") {
        this.#former.take(id);
        this.invites.endOf(id);
      }
    }
  }

  /** Whether a person said to keep it out. */
  isDenied(id: PeerId): boolean {
    return this.accessRule(id) === "denied";
  }

  /** Whether what others say of it is of no interest. */
  ignoresGossipAbout(id: PeerId): boolean {
    const rule = this.accessRule(id);
    return rule === "denied" || rule === "forgotten";
  }

  // --- Who comes in ----------------------------------------------------------

  /** The secrets that a peer who dials us may show. */
  get accepts(): AcceptedSecrets {
    const { networkKey } = this.credentials;
    return {
      required: networkKey !== undefined,
      find: (kind, id) =>
        kind === "network" ? networkKey : this.invites.find(id),
    };
  }

  /** Why a proven peer may not come in, if it may not; then it may be listed. */
  refusal(
    peer: VerifiedPeer,
    address: Address,
    direction: Direction,
  ): VerackError | undefined {
    const who = shortId(peer.id);
    switch (decideAdmission(this.#facts(peer))) {
      case "admit":
        return undefined;
      case "denied":
        return new VerackError(
          "denied",
          `Cannot accept ${who}: it is denied here`,
        );
      case "bad-invite":
        return new VerackError(
          "bad-invite",
          `Cannot accept ${who}: its invite is used by another node or expired; ask for a new one`,
        );
      case "pending":
        this.#list(peer, address, direction);
        return new VerackError(
          "not-admitted",
          `Cannot accept ${who}: nobody has admitted it to this mesh, needs an invite, or \`verack allow\` at a member`,
        );
    }
  }

  /**
   * It comes in: the invite it showed is its own from now on, on disk before it
   * learns so.
   */
  redeem({ id, invite }: VerifiedPeer): VerackError | undefined {
    if (invite === undefined) return undefined;
    try {
      this.invites.redeem(invite, id);
      return undefined;
    } catch (error) {
      const reason = messageOf(error);
      this.#context.log.error("invite not redeemed", { reason });
      return new VerackError(
        "bad-invite",
        `Cannot accept ${shortId(id)}: its invite cannot be redeemed now`,
      );
    }
  }

  /**
   * A session with it counts from now on. True if it was this node that admitted
   * it, now, so that others should hear of it from us.
   */
  settle(record: Peer, peer: VerifiedPeer): boolean {
    const { id } = record;
    const { store } = this.#context.options;
    this.#write(() => this.joinRequests.delete(id));
    if (this.accessRule(id) === "forgotten") {
      this.#rules.delete(id);
      this.#write(() => store.deleteAccessRule(id));
    }
    if (!this.credentials.closed || record.isVerified) return false;
    const known = this.#former.take(id) ?? record.attestation;
    const { statement = known } = peer;
    const attestation = known.length === 0 &&
        this.attestations.admits(statement, id)
      ? statement
      : known;
    record.admitted(attestation);
    return attestation.length === 0;
  }

  // --- What is told ----------------------------------------------------------

  /** Whether an entry about this peer is worth looking into, after `ignoresGossipAbout`. */
  acceptsGossipAbout(id: PeerId, statement: Uint8Array): boolean {
    if (!this.credentials.closed) return true;
    const record = this.#context.table.get(id);
    if (record !== undefined && this.#isAdmitted(record)) return true;
    return this.accessRule(id) === "allowed" ||
      this.attestations.admits(statement, id);
  }

  /** A closed node heard of a peer: by whose word it may come in. */
  attest(record: Peer, statement: Uint8Array): void {
    if (!this.credentials.closed || this.#isAdmitted(record)) return;
    record.attested(statement);
  }

  /** What goes along when we tell of a peer; empty in an open mesh. */
  attestationFor(record: Peer): Uint8Array<ArrayBuffer> {
    return this.credentials.closed && this.#isAdmitted(record)
      ? this.attestations.about(record)
      : new Uint8Array(0);
  }

  #facts({ id, invite, statement }: VerifiedPeer): AdmissionFacts {
    const record = this.#context.table.get(id);
    const { closed } = this.credentials;
    return {
      closed,
      rule: this.accessRule(id),
      invite: invite === undefined
        ? "none"
        : this.invites.accepts(invite, id)
        ? "valid"
        : "invalid",
      pinned: record?.trust === "pinned",
      onRecord: (record?.isVerified ?? false) || this.#former.has(id) ||
        (closed && this.invites.wereUsedBy(id)),
      attested: closed && !record?.isVerified &&
        ((record?.attestation.length ?? 0) > 0 ||
          (statement !== undefined &&
            this.attestations.admits(statement, id))),
    };
  }

  /** A record is dropped, and not because its peer shall stay out. */
  #dropped(record: Peer): void {
    const { id, attestation: statement, isVerified: isVerified } = record;
    if (!this.credentials.closed || this.ignoresGossipAbout(id)) return;
    if (!isVerified && statement.length === 0) return;
    const hasStanding = this.#standing.has(record);
    this.#former.add(id, { statement, hasStanding });
  }

  /** Whether it may come in and admit others; what a closed node goes by. */
  #isAdmitted(record: Peer): boolean {
    const rule = this.accessRule(record.id);
    if (rule === "denied" || rule === "forgotten") return false;
    return rule === "allowed" || record.isVerified ||
      record.trust === "pinned" || record.attestation.length > 0;
  }

  /** What cannot be written down is in force all the same, until the next start. */
  #write(write: () => void): void {
    try {
      write();
    } catch (error) {
      const reason = messageOf(error);
      this.#context.log.error("cannot write down who belongs", { reason });
    }
  }

  #list(peer: VerifiedPeer, address: Address, direction: Direction): void {
    const { clock, emit } = this.#context;
    const { id, certificate } = peer;
    this.onJoinRequest();
    let isNew = false;
    this.#write(() => {
      isNew = this.joinRequests.add({
        id,
        certificate: certificate.der,
        address,
        direction,
        lastSeen: clock.now(),
      });
    });
    // Keys cost nothing: strangers must not be able to flood whoever watches.
    if (!isNew || !this.#announcements.take(clock.monotonic())) return;
    emit({ type: "join-request", id, address: formatAddress(address) });
  }
}
