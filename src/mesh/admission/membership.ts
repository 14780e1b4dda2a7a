/**
 * Which peers are members: gathers the facts about a peer for `admission_policy.ts`, and keeps
 * access rules. Decisions of the user come from `admission.ts`; invites, attestations, join
 * requests and this node's credentials have files of their own.
 */
import { BoundedMap } from "../../core/bounded_map.ts";
import { messageOf, VerackError } from "../../core/errors.ts";
import { TokenBucket } from "../../core/token_bucket.ts";
import { type PeerId, shortId } from "../../core/peer_id.ts";
import {
  MAX_FORMER_MEMBERS,
  REFUSAL_EVENT_BURST,
  REFUSAL_EVENT_REFILL_MS,
} from "../mesh_limits.ts";
import {
  type AdmissionFacts,
  decideAdmission,
  isMember,
} from "./admission_policy.ts";
import { Attestations, type AttestationsOptions } from "./attestations.ts";
import { Credentials, type CredentialsOptions } from "./credentials.ts";
import { Invites, type InvitesOptions } from "./invites.ts";
import { JoinRequests } from "./join_requests.ts";
import type { Direction, Emit } from "../events.ts";
import type { AccessRules } from "../peers/access_rules.ts";
import type { Peer } from "../peers/peer.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import type { Standing } from "../peers/standing.ts";
import type { VerifiedPeer } from "../../session/mesh_profile.ts";
import type { AcceptedSecrets } from "../../session/secret_exchange.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import { COMMAND } from "../../wire/commands.ts";

/** Dependencies of {@linkcode Membership}. */
export interface MembershipOptions
  extends CredentialsOptions, Omit<AttestationsOptions, "isMember"> {
  readonly settings: CredentialsOptions["settings"] & InvitesOptions;
  readonly rules: AccessRules;
  readonly standing: Standing;
  readonly events: PeerEvents;
  readonly emit: Emit;
}

/** The members of one node. */
export class Membership {
  readonly credentials: Credentials;
  readonly invites: Invites;
  readonly joinRequests: JoinRequests;
  readonly attestations: Attestations;
  readonly #options: MembershipOptions;
  readonly #former = new FormerMembers();
  readonly #announcements = new TokenBucket({
    burst: REFUSAL_EVENT_BURST,
    refillMs: REFUSAL_EVENT_REFILL_MS,
  });

  constructor(options: MembershipOptions) {
    this.#options = options;
    const { events, settings } = options;
    this.credentials = new Credentials(options);
    this.invites = new Invites(settings);
    this.joinRequests = new JoinRequests(settings.store);
    this.attestations = new Attestations({
      ...options,
      isMember: (it) => this.#isMember(it),
    });
    events.on("forgotten", (peer) => this.#dropped(peer));
    events.on("ruled", (id, rule) => {
      if (rule !== "allowed") this.#former.take(id);
    });
    events.on("introduced", ({ session, peer }) => {
      this.credentials.register(session);
      if (session.remote.invite !== undefined) this.#welcome(session, peer);
    });
  }

  // --- Access rules ----------------------------------------------------------

  /** Checks deadlines. */
  tick(): void {
    this.invites.tick();
  }

  // --- Admission -------------------------------------------------------------

  /** The secrets that a peer that dials us may show. */
  get accepts(): AcceptedSecrets {
    const { networkKey } = this.credentials;
    return {
      required: networkKey !== undefined,
      find: (kind, id) =>
        kind === "network" ? networkKey : this.invites.find(id),
    };
  }

  /** Why a verified peer is refused, if it is; lists a join request if that is due. */
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
          `Cannot accept ${who}: no member has admitted it to this mesh, needs an invite, or to be allowed at a member`,
        );
    }
  }

  /** Admits a peer: the invite it showed is bound to it, on disk before `verack` is sent. */
  redeem({ id, invite }: VerifiedPeer): VerackError | undefined {
    if (invite === undefined) return undefined;
    try {
      this.invites.redeem(invite, id);
      return undefined;
    } catch (error) {
      const reason = messageOf(error);
      this.#options.log.error("invite not redeemed", { reason });
      return new VerackError(
        "bad-invite",
        `Cannot accept ${shortId(id)}: its invite cannot be redeemed now`,
      );
    }
  }

  /**
   * Its session is established. True if this node has admitted it now, and should announce it
   * to others.
   */
  settle(peer: Peer, remote: VerifiedPeer): boolean {
    const { id } = peer;
    const { rules } = this.#options;
    this.#write(() => this.joinRequests.delete(id));
    // It is new here, or a pin or an invite has admitted it in spite of the rule.
    if (
      rules.of(id) === "forgotten" &&
      decideAdmission(this.#facts(remote)) === "admit"
    ) this.#write(() => rules.delete(id));
    if (!this.credentials.closed || peer.isVerified) return false;
    const known = this.#former.take(id) ?? peer.attestation;
    const { attestation: shown = known } = remote;
    const attestation =
      known.length === 0 && this.attestations.admits(shown, id) ? shown : known;
    peer.admitted(attestation);
    return attestation.length === 0;
  }

  /** Sends `welcome` to a peer that came by invite. */
  #welcome({ channel }: PeerSession, peer: Peer): void {
    const payload = this.credentials.welcome(this.attestationFor(peer));
    channel.send(COMMAND.welcome, payload);
  }

  // --- Gossip ----------------------------------------------------------------

  /** Whether an entry about this peer is processed, after `ignoresGossipAbout`. */
  acceptsGossipAbout(id: PeerId, attestation: Uint8Array): boolean {
    if (!this.credentials.closed) return true;
    const peer = this.#options.table.get(id);
    if (peer !== undefined && this.#isMember(peer)) return true;
    return this.#options.rules.of(id) === "allowed" ||
      this.attestations.admits(attestation, id);
  }

  /** A closed node has received an attestation of a peer in gossip. */
  attest(peer: Peer, attestation: Uint8Array): void {
    if (!this.credentials.closed || this.#isMember(peer)) return;
    peer.attested(attestation);
  }

  /** The attestation in an entry about a peer; empty in an open mesh. */
  attestationFor(peer: Peer): Uint8Array<ArrayBuffer> {
    return this.credentials.closed && this.#isMember(peer)
      ? this.attestations.about(peer)
      : new Uint8Array(0);
  }

  #facts({ id, invite, attestation }: VerifiedPeer): AdmissionFacts {
    const peer = this.#options.table.get(id);
    const { closed } = this.credentials;
    return {
      closed,
      rule: this.#options.rules.of(id),
      invite: invite === undefined
        ? "none"
        : this.invites.accepts(invite, id)
        ? "valid"
        : "invalid",
      pinned: peer?.trust === "pinned",
      onRecord: (peer?.isVerified ?? false) || this.#former.has(id) ||
        (closed && this.invites.wereUsedBy(id)),
      attested: closed && !peer?.isVerified &&
        ((peer?.attestation.length ?? 0) > 0 ||
          (attestation !== undefined &&
            this.attestations.admits(attestation, id))),
    };
  }

  /** A record is dropped, and its peer not denied or forgotten. */
  #dropped(peer: Peer): void {
    const { id, attestation, isVerified } = peer;
    if (
      !this.credentials.closed || this.#options.rules.ignoresGossipAbout(id)
    ) return;
    if (!isVerified && attestation.length === 0) return;
    const hasStanding = this.#options.standing.has(peer);
    this.#former.add(id, { attestation, hasStanding });
  }

  /** Whether a closed node admits it, and accepts its attestations. */
  #isMember(peer: Peer): boolean {
    return isMember({
      rule: this.#options.rules.of(peer.id),
      pinned: peer.trust === "pinned",
      onRecord: peer.isVerified,
      attested: peer.attestation.length > 0,
    });
  }

  /** Rules that cannot be stored are in force all the same, until the next start. */
  #write(write: () => void): void {
    try {
      write();
    } catch (error) {
      const reason = messageOf(error);
      this.#options.log.error("cannot store the membership", { reason });
    }
  }

  #list(peer: VerifiedPeer, address: Address, direction: Direction): void {
    const { clock, emit } = this.#options;
    const { id, certificate } = peer;
    this.#options.events.emit("joinRequested");
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
    // Keys cost nothing: strangers must not flood listeners.
    if (!isNew || !this.#announcements.take(clock.monotonic())) return;
    emit({ type: "join-request", id, address: formatAddress(address) });
  }
}

interface Former {
  /** The attestation that admitted it; empty if this node did. */
  readonly attestation: Uint8Array<ArrayBuffer>;
  readonly hasStanding: boolean;
}

/**
 * Admissions without a record, of one node; the oldest are evicted, those of peers without
 * standing first.
 */
export class FormerMembers {
  readonly #members = new BoundedMap<PeerId, Former>(
    MAX_FORMER_MEMBERS,
    ({ hasStanding }) => !hasStanding,
  );

  add(id: PeerId, member: Former): void {
    this.#members.set(id, member);
  }

  has(id: PeerId): boolean {
    return this.#members.has(id);
  }

  /** Removes a peer, and returns the attestation that admitted it, if it was admitted. */
  take(id: PeerId): Uint8Array<ArrayBuffer> | undefined {
    const member = this.#members.get(id);
    this.#members.delete(id);
    return member?.attestation;
  }
}
