/**
 * When a node asks whom for its peers: everybody it meets, now and then somebody,
 * when a peer was lost, when somebody unknown wants in, and as long as a member is
 * missing. How is `exchange.ts`.
 */
import {
  ASKED_AFTER_LOSS,
  COLLISION_CROWD,
  MEETING_PATIENCE_MS,
  MEETING_PAUSE_MS,
  PEER_EXCHANGE_MIN_MS,
} from "../limits.ts";
import type { MeshContext } from "./context.ts";
import type { Link } from "./link.ts";
import type { Reports } from "./reports.ts";

/** The inquiries of one node. */
export class Inquiries {
  readonly #context: MeshContext;
  readonly #reports: Reports;
  readonly #ask: (link: Link) => void;
  // Times of the monotonic clock, milliseconds.
  #nextAt: number;
  #recheckAt = 0;
  #lost = false;
  #knocked = false;
  #knockedAt = -Infinity;
  /** Whom we have met and not asked yet. */
  #unasked: Link[] = [];
  #metAt = -Infinity;

  /** @param ask Asks one peer. */
  constructor(
    context: MeshContext,
    reports: Reports,
    ask: (link: Link) => void,
  ) {
    this.#context = context;
    this.#reports = reports;
    this.#ask = ask;
    this.#nextAt = this.#later(context.clock.monotonic());
  }

  /**
   * A session counts from now on. Its peer is asked at once, unless most of the
   * answer would be about others whom one of us is about to meet: who joins a
   * crowd would be told of all of it by everybody.
   *
   * @param isNew Whether the peer was never proven before.
   */
  met(link: Link, isNew: boolean): void {
    const { table, clock } = this.#context;
    this.#metAt = clock.monotonic();
    const weJoin = this.#reports.open().length > COLLISION_CROWD;
    const itJoins = isNew && link.direction === "inbound" &&
      table.size > COLLISION_CROWD;
    if (weJoin || itJoins) this.#unasked.push(link);
    else this.#ask(link);
  }

  /** A peer is gone without a word: others are asked at the next tick whether they see it. */
  lost(): void {
    this.#lost = true;
  }

  /** Somebody wants in whom we do not know: perhaps others have admitted it. */
  knocked(): void {
    this.#knocked = true;
  }

  /** Asks whom it is time to ask. */
  tick(now: number): void {
    if (this.#unasked.length > 0) this.#askUnasked(now);
    if (now >= this.#nextAt) {
      this.#nextAt = this.#later(now);
      this.#askAny(1, now);
    }
    // As soon as anybody can be asked.
    if (this.#lost) this.#lost = this.#askAny(ASKED_AFTER_LOSS, now) === 0;
    // Strangers are not to set the pace.
    if (this.#knocked && now - this.#knockedAt >= PEER_EXCHANGE_MIN_MS) {
      this.#knockedAt = now;
      this.#knocked = this.#askAny(ASKED_AFTER_LOSS, now) === 0;
    }
    if (now >= this.#recheckAt) this.#recheck(now);
  }

  /** Asks those we have met when no more of them come, or one of them has waited long. */
  #askUnasked(now: number): void {
    const links = this.#unasked.filter(({ session }) => session.isOpen);
    const waitedMs = now - (links[0]?.openedAt ?? now);
    const isQuiet = now - this.#metAt >= MEETING_PAUSE_MS;
    const isTime = isQuiet || waitedMs >= MEETING_PATIENCE_MS;
    // Those who come and go are not to be kept meanwhile.
    this.#unasked = isTime ? [] : links;
    if (isTime) { for (const link of links) this.#ask(link); }
  }

  /** Asks a few of those we are connected to, chosen by chance; how many it were. */
  #askAny(count: number, now: number): number {
    const { table, random } = this.#context;
    const links = table.connected().flatMap((record) => record.primary ?? [])
      .filter((link) => isRested(link, now));
    let asked = 0;
    for (; asked < count && links.length > 0; asked++) {
      const at = Math.floor(random.float() * links.length);
      for (const link of links.splice(at, 1)) this.#ask(link);
    }
    return asked;
  }

  /**
   * While somebody is missing, those who see it are asked, one after another. Not
   * at once: whom we have just heard of we are most likely about to meet.
   */
  #recheck(now: number): void {
    const { table, options } = this.#context;
    const reporters = new Set(
      this.#reports.open()
        .filter(({ reportedAt = now }) =>
          now - reportedAt >= options.deadAfterMs
        )
        .flatMap(({ reporters }) => [...reporters]),
    );
    const links = [...reporters].flatMap((id) => table.get(id)?.primary ?? [])
      .filter((link) => isRested(link, now));
    const [first, ...rest] = links;
    if (first === undefined) return;
    this.#recheckAt = now + PEER_EXCHANGE_MIN_MS;
    this.#ask(rest.reduce((a, b) => b.askedAt < a.askedAt ? b : a, first));
  }

  /** Spread over half to one and a half periods, so that nodes do not ask in step. */
  #later(now: number): number {
    const { options, random } = this.#context;
    return now + options.peerExchangeMs * (0.5 + random.float());
  }
}

/**
 * Whether a peer grants another request for sure: else who makes us ask, by coming
 * and going, would have the others part from us.
 */
function isRested(link: Link, now: number): boolean {
  return now - link.askedAt >= PEER_EXCHANGE_MIN_MS;
}
