/**
 * Who belongs to the mesh as this node sees it: gathers the facts about a peer for
 * `admission_rule.ts`, and remembers what persons decided. What a person can do is
 * `admission.ts`; invites, statements, pending peers and our own credentials have
 * files of their own.
 */
import { messageOf, VerackError } from "../errors.ts";
import { type IdentityId, shortId } from "../identity/identity.ts";
import { REFUSAL_EVENT_BURST, REFUSAL_EVENT_REFILL_MS } from "../limits.ts";
import type {
  AcceptedSecrets,
  ProvenPeer,
  Refusal,
} from "../session/mesh_profile.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import { type AdmissionFacts, decideAdmission } from "./admission_rule.ts";
import type { MeshContext } from "./context.ts";
import { Credentials } from "./credentials.ts";
import type { Direction } from "./events.ts";
import { FormerMembers } from "./former_members.ts";
import { Invites } from "./invites.ts";
import type { StoredVerdict, Verdict } from "./node_store.ts";
import type { PeerRecord } from "./peer_table.ts";
import { PendingPeers } from "./pending_peers.ts";
import { Standing } from "./standing.ts";
import { Statements } from "./statements.ts";
import { TokenBucket } from "./token_bucket.ts";

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
  readonly pending: PendingPeers;
  readonly statements: Statements;
  /** Called when somebody wants in who is not admitted. */
  onKnock: () => void = () => {};
  readonly #context: MembershipContext;
  readonly #former = new FormerMembers();
  readonly #standing = new Standing(this);
  readonly #verdicts = new Map<IdentityId, StoredVerdict>();
  readonly #announcements: TokenBucket;

  constructor(context: MembershipContext) {
    this.#context = context;
    const { store } = context.options;
    for (const verdict of store.verdicts()) {
      this.#verdicts.set(verdict.identity, verdict);
    }
    this.credentials = new Credentials(context);
    this.invites = new Invites(context.options);
    this.pending = new PendingPeers(store);
    this.statements = new Statements(context, (it) => this.#isAdmitted(it));
    context.table.onForget.push((record) => this.#dropped(record));
    this.#announcements = new TokenBucket(
      REFUSAL_EVENT_BURST,
      REFUSAL_EVENT_REFILL_MS,
      context.clock.monotonic(),
    );
  }

  // --- What persons decided --------------------------------------------------

  /** Looks after what has a deadline. */
  tick(): void {
    this.invites.tick();
  }

  /** Every verdict, oldest first. */
  verdicts(): StoredVerdict[] {
    return [...this.#verdicts.values()];
  }

  /** What a person decided about it. */
  verdict(identity: IdentityId): Verdict | undefined {
    return this.#verdicts.get(identity)?.verdict;
  }

  /** Gives a verdict; it is in force even if it cannot be written down. */
  decide(identity: IdentityId, verdict: Verdict): void {
    const { clock, options } = this.#context;
    const given = { identity, verdict, at: clock.now() };
    this.#verdicts.delete(identity);
    this.#verdicts.set(identity, given);
    try {
      options.store.putVerdict(given);
    } finally {
      if (verdict !== "allowed") {
        this.#former.take(identity);
        this.invites.endOf(identity);
      }
    }
  }

  /** Whether a person said to keep it out. */
  isDenied(identity: IdentityId): boolean {
    return this.verdict(identity) === "denied";
  }

  /** Whether what others say of it is of no interest. */
  isDeafTo(identity: IdentityId): boolean {
    const verdict = this.verdict(identity);
    return verdict === "denied" || verdict === "forgotten";
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
  judge(
    peer: ProvenPeer,
    address: Address,
    direction: Direction,
  ): Refusal | undefined {
    const who = shortId(peer.identity);
    switch (decideAdmission(this.#facts(peer))) {
      case "admit":
        return undefined;
      case "denied":
        return refusal("denied", `Cannot accept ${who}: it is denied here`);
      case "bad-invite":
        return refusal(
          "bad-invite",
          `Cannot accept ${who}: its invite is used by somebody else or expired; ask for a new one`,
        );
      case "pending":
        this.#list(peer, address, direction);
        return refusal(
          "not-admitted",
          `Cannot accept ${who}: nobody has admitted it to this mesh, needs an invite, or \`verack allow\` at a member`,
        );
    }
  }

  /**
   * It comes in: the invite it showed is its own from now on, on disk before it
   * learns so.
   */
  redeem({ identity, invite }: ProvenPeer): Refusal | undefined {
    if (invite === undefined) return undefined;
    try {
      this.invites.redeem(invite, identity);
      return undefined;
    } catch (error) {
      const reason = messageOf(error);
      this.#context.log.error("invite not redeemed", { reason });
      return refusal(
        "bad-invite",
        `Cannot accept ${shortId(identity)}: its invite cannot be redeemed now`,
      );
    }
  }

  /**
   * A session with it counts from now on. True if it was this node that admitted
   * it, now, so that others should hear of it from us.
   */
  settle(record: PeerRecord, peer: ProvenPeer): boolean {
    const { identity } = record;
    const { store } = this.#context.options;
    this.#write(() => this.pending.delete(identity));
    if (this.verdict(identity) === "forgotten") {
      this.#verdicts.delete(identity);
      this.#write(() => store.deleteVerdict(identity));
    }
    if (!this.credentials.closed || record.isProven) return false;
    if (record.trust === "first-use") record.trust = "known";
    record.statement = this.#former.take(identity) ?? record.statement;
    const { statement } = peer;
    if (record.statement.length === 0 && statement !== undefined) {
      if (this.statements.admits(statement, identity)) {
        record.statement = statement;
      }
    }
    return record.statement.length === 0;
  }

  // --- What is told ----------------------------------------------------------

  /** Whether an entry about this peer is worth looking into, after `isDeafTo`. */
  hears(identity: IdentityId, statement: Uint8Array): boolean {
    if (!this.credentials.closed) return true;
    const record = this.#context.table.get(identity);
    if (record !== undefined && this.#isAdmitted(record)) return true;
    return this.verdict(identity) === "allowed" ||
      this.statements.admits(statement, identity);
  }

  /** A closed node heard of a peer: by whose word it may come in. */
  vouch(record: PeerRecord, statement: Uint8Array): void {
    if (!this.credentials.closed || this.#isAdmitted(record)) return;
    record.statement = Uint8Array.from(statement);
  }

  /** What goes along when we tell of a peer; empty in an open mesh. */
  statementFor(record: PeerRecord): Uint8Array<ArrayBuffer> {
    return this.credentials.closed && this.#isAdmitted(record)
      ? this.statements.about(record)
      : new Uint8Array(0);
  }

  #facts({ identity, invite, statement }: ProvenPeer): AdmissionFacts {
    const record = this.#context.table.get(identity);
    const { closed } = this.credentials;
    return {
      closed,
      verdict: this.verdict(identity),
      invite: invite === undefined
        ? "none"
        : this.invites.accepts(invite, identity)
        ? "valid"
        : "invalid",
      pinned: record?.trust === "pinned",
      onRecord: (record?.isProven ?? false) || this.#former.has(identity) ||
        (closed && this.invites.wereUsedBy(identity)),
      vouched: closed && !record?.isProven &&
        ((record?.statement.length ?? 0) > 0 ||
          (statement !== undefined &&
            this.statements.admits(statement, identity))),
    };
  }

  /** A record is dropped, and not because its peer shall stay out. */
  #dropped(record: PeerRecord): void {
    const { identity, statement, isProven } = record;
    if (!this.credentials.closed || this.isDeafTo(identity)) return;
    if (!isProven && statement.length === 0) return;
    const hasStanding = this.#standing.has(record);
    this.#former.add(identity, { statement, hasStanding });
  }

  /** Whether it may come in and admit others; what a closed node goes by. */
  #isAdmitted(record: PeerRecord): boolean {
    const verdict = this.verdict(record.identity);
    if (verdict === "denied" || verdict === "forgotten") return false;
    return verdict === "allowed" || record.isProven ||
      record.trust === "pinned" || record.statement.length > 0;
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

  #list(peer: ProvenPeer, address: Address, direction: Direction): void {
    const { clock, emit } = this.#context;
    const { identity, certificate } = peer;
    this.onKnock();
    let isNew = false;
    this.#write(() => {
      isNew = this.pending.add({
        identity,
        certificate: certificate.der,
        address,
        direction,
        lastSeen: clock.now(),
      });
    });
    // Keys cost nothing: strangers must not be able to flood whoever watches.
    if (!isNew || !this.#announcements.take(clock.monotonic())) return;
    emit({ type: "pending", identity, address: formatAddress(address) });
  }
}

function refusal(
  code: "denied" | "not-admitted" | "bad-invite",
  message: string,
): Refusal {
  return { error: new VerackError(code, message), reject: code };
}
