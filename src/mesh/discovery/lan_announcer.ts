/**
 * Announces this node on the local networks, and answers queries: by multicast, to the network
 * of the query alone, once a second at most whatever is asked (RFC 6762 §6 and §8.3). There is
 * no probing (§8.1): labels are random, so that no two nodes have the same.
 */
import type { Clock, Random } from "../../core/clock.ts";
import type { DnsPacket, DnsRecord } from "../../transport/multicast_dns.ts";
import {
  ANNOUNCEMENTS,
  ANSWER_DELAY_MAX_MS,
  ANSWER_DELAY_MIN_MS,
  ANSWER_PAUSE_MS,
  LAN_TTL_S,
} from "./lan_limits.ts";
import type { LanLink } from "./lan_links.ts";
import { answersFor, type LanNode, recordsOf } from "./lan_records.ts";

/** Dependencies of {@linkcode LanAnnouncer}. */
export interface LanAnnouncerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** What is announced on a link; absent where this node cannot be reached. */
  readonly describe: (link: LanLink) => LanNode | undefined;
}

interface LinkState {
  /** When the next packet may leave; monotonic clock. */
  mayAt: number;
  /** Records of the next packet, and what cancels it. */
  pending: { records: readonly DnsRecord[]; cancel: () => void } | undefined;
  /** Announcements that are still to be made unasked. */
  left: number;
}

/** Announces one node. */
export class LanAnnouncer {
  readonly #options: LanAnnouncerOptions;
  readonly #links = new Map<LanLink, LinkState>();

  constructor(options: LanAnnouncerOptions) {
    this.#options = options;
  }

  /** A link is joined: the node is announced there, a few times. */
  joined(link: LanLink): void {
    this.#links.set(link, {
      mayAt: -Infinity,
      pending: undefined,
      left: ANNOUNCEMENTS,
    });
    this.#announce(link);
  }

  /** Something that is announced has changed. */
  changed(): void {
    for (const [link, state] of this.#links) {
      state.left = ANNOUNCEMENTS;
      this.#announce(link);
    }
  }

  /** Answers a query. */
  query(link: LanLink, packet: DnsPacket): void {
    const node = this.#options.describe(link);
    if (node === undefined) return;
    this.#send(link, answersFor(packet, node, LAN_TTL_S));
  }

  /** Nothing is sent from here on. */
  silence(): void {
    for (const { pending } of this.#links.values()) pending?.cancel();
    this.#links.clear();
  }

  /** A link is being left: the node is gone there. */
  leaving(link: LanLink): void {
    const state = this.#links.get(link);
    state?.pending?.cancel();
    this.#links.delete(link);
    const node = this.#options.describe(link);
    if (state === undefined || node === undefined) return;
    // It was never announced.
    if (state.mayAt === -Infinity) return;
    link.send(response(recordsOf(node, 0)));
  }

  #announce(link: LanLink): void {
    const node = this.#options.describe(link);
    if (node === undefined) return;
    this.#send(link, recordsOf(node, LAN_TTL_S));
  }

  /** Sends the records soon, or with the packet that waits. */
  #send(link: LanLink, records: readonly DnsRecord[]): void {
    const state = this.#links.get(link);
    if (state === undefined || records.length === 0) return;
    if (state.pending !== undefined) {
      // Each packet has all records, but for the list of services.
      if (records.length > state.pending.records.length) {
        state.pending.records = records;
      }
      return;
    }
    const { clock, random } = this.#options;
    const now = clock.monotonic();
    const spread = ANSWER_DELAY_MAX_MS - ANSWER_DELAY_MIN_MS;
    const dueAt = Math.max(
      now + ANSWER_DELAY_MIN_MS + random.float() * spread,
      state.mayAt,
    );
    state.pending = {
      records,
      cancel: clock.after(dueAt - now, () => this.#flush(link, state)),
    };
  }

  #flush(link: LanLink, state: LinkState): void {
    const { pending } = state;
    state.pending = undefined;
    state.mayAt = this.#options.clock.monotonic() + ANSWER_PAUSE_MS;
    if (pending === undefined) return;
    link.send(response(pending.records));
    if (--state.left > 0) this.#announce(link);
  }
}

function response(records: readonly DnsRecord[]): DnsPacket {
  return { isQuery: false, questions: [], records };
}
