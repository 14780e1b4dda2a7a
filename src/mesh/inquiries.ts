/**
 * When a node asks whom for its peers, besides at every connection: now and then,
 * when a peer was lost, when somebody unknown wants in, and as long as a member is
 * missing. How is `exchange.ts`.
 */
import { ASKED_AFTER_LOSS, PEER_EXCHANGE_MIN_MS } from "../limits.ts";
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
    if (now >= this.#nextAt) {
      this.#nextAt = this.#later(now);
      this.#askAny(1);
    }
    if (this.#lost) {
      this.#lost = false;
      this.#askAny(ASKED_AFTER_LOSS);
    }
    // Strangers are not to set the pace.
    if (this.#knocked && now - this.#knockedAt >= PEER_EXCHANGE_MIN_MS) {
      this.#knocked = false;
      this.#knockedAt = now;
      this.#askAny(ASKED_AFTER_LOSS);
    }
    if (now >= this.#recheckAt) this.#recheck(now);
  }

  /** Asks a few of those we are connected to, chosen by chance. */
  #askAny(count: number): void {
    const { table, random } = this.#context;
    const links = table.connected().flatMap((record) => record.primary ?? []);
    for (let i = 0; i < count && links.length > 0; i++) {
      const at = Math.floor(random.float() * links.length);
      for (const link of links.splice(at, 1)) this.#ask(link);
    }
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
    const links = [...reporters].flatMap((id) => table.get(id)?.primary ?? []);
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
