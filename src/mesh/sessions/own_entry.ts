/**
 * The sender's own entry, with its addresses and its name: the first message on a session in
 * each direction, and sent again when it has changed. How it is read again is in
 * `gossip_reader.ts`.
 */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import type { NodeCounters } from "../../core/node_counters.ts";
import { Throttle } from "../../core/throttle.ts";
import { equalBytes } from "../../identity/der.ts";
import type { Identity } from "../../identity/identity.ts";
import type { Address } from "../../transport/address.ts";
import { COMMAND } from "../../wire/commands.ts";
import { SharedFrame } from "../../wire/frame.ts";
import {
  canTell,
  decodePeers,
  encodePeers,
  PEER_FLAG,
  type PeerEntry,
} from "../../wire/messages/peers.ts";
import { MAX_ADDRESSES_PER_ENTRY } from "../../wire/wire_limits.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import { OWN_ENTRY_PAUSE_MS } from "./connection_limits.ts";

/** Dependencies of {@linkcode OwnEntry}. */
export interface OwnEntryOptions {
  readonly clock: Clock;
  readonly counters: Pick<NodeCounters, "gossipSent">;
  readonly magic: Uint8Array;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  readonly identity: Identity;
  /** May be empty. */
  readonly name: string;
  /**
   * Where the peer of a session, and others near it, may dial this node, best first; the host of
   * one at which they see it is `AS_SEEN_HOST`. Empty if it does not listen.
   */
  readonly addresses: (session: PeerSession) => readonly Address[];
  /** Whether none of the addresses answers, as far as this node has found out. */
  readonly isUnreachable: () => boolean;
  readonly table: Pick<PeerTable, "values">;
  readonly events: PeerEvents;
}

/** This node's own entry: each session has it first, and again when it has changed. */
export class OwnEntry {
  readonly #options: OwnEntryOptions;
  readonly #updates: Throttle;
  /** What the peer of a session was sent last, but for the time. */
  readonly #sent = new WeakMap<PeerSession, string>();

  constructor(options: OwnEntryOptions) {
    this.#options = options;
    const { clock, events, signal } = options;
    this.#updates = new Throttle(
      clock,
      OWN_ENTRY_PAUSE_MS,
      () => this.#tell(),
    );
    signal.addEventListener("abort", () => this.#updates.cancel(), {
      once: true,
    });
    events.on("reach", () => this.changed());
    // It may have changed since the session was opened.
    events.on("introduced", ({ session }) => {
      // What it says of this node may change what others are told.
      const isWitness = session.seenAt !== undefined;
      if (isWitness || this.#isOutdated(session)) this.changed();
    });
    events.on("placed", () => this.changed());
    events.on("ruled", () => this.changed());
  }

  /** The first message on a session. */
  firstFor(session: PeerSession): Uint8Array<ArrayBuffer> {
    const entry = this.#entry(session);
    this.#sent.set(session, contentOf(entry));
    return encodePeers({ more: false, entries: [entry] });
  }

  /** An address or a flag may have changed: peers are sent the entry again if it has. */
  changed(): void {
    if (!this.#options.signal.aborted) this.#updates.request();
  }

  #tell(): void {
    const { table } = this.#options;
    const outdated = [...table.values()].flatMap(({ sessions }) =>
      sessions.filter((it) => it.introduced && this.#isOutdated(it))
    );
    const groups = Map.groupBy(
      outdated,
      (session) => contentOf(this.#entry(session)),
    );
    for (const sessions of groups.values()) {
      this.#tellAll(sessions, this.#entry(sessions[0]!));
    }
  }

  #tellAll(sessions: readonly PeerSession[], entry: PeerEntry): void {
    const { counters, magic } = this.#options;
    const content = contentOf(entry);
    // As a part of an incomplete answer it withdraws no report of a member, and nodes that do
    // not know of updates pass an entry about its sender over.
    const payload = encodePeers({ more: true, entries: [entry] });
    const frame = new SharedFrame(magic, COMMAND.peers, payload);
    for (const session of sessions) {
      this.#sent.set(session, content);
      counters.gossipSent++;
      session.channel.sendShared(frame);
    }
  }

  #isOutdated(session: PeerSession): boolean {
    const sent = this.#sent.get(session);
    return sent !== undefined &&
      sent !== contentOf(this.#entry(session));
  }

  #entry(session: PeerSession): PeerEntry {
    const { clock, identity, name } = this.#options;
    const addresses = this.#options.addresses(session).filter(canTell)
      .slice(0, MAX_ADDRESSES_PER_ENTRY);
    const isUnreachable = addresses.length === 0 ||
      this.#options.isUnreachable();
    return {
      id: identity.id,
      certificate: identity.certificate,
      addresses,
      // A clock before 1970 is not sent.
      lastSeen: Math.max(0, Math.floor(clock.now() / 1_000)),
      flags: PEER_FLAG.live |
        (identity.ephemeral ? PEER_FLAG.ephemeral : 0) |
        (isUnreachable ? PEER_FLAG.unreachable : 0),
      name,
      attestation: new Uint8Array(0),
    };
  }
}

/** All of an own entry that may change. */
function contentOf({ addresses, flags, name }: PeerEntry): string {
  return JSON.stringify([addresses, flags, name]);
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
