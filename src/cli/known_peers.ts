/**
 * Which peers of a running node have standing, for a command that watches it: asked
 * now and then, since that changes seldom.
 */
import { systemClock } from "../core/clock.ts";
import type { ControlClient } from "../control/control_client.ts";
import { KNOWN_PEERS_ASKED_MS } from "./cli_limits.ts";

/** The peers with standing of a node. */
export class KnownPeers {
  readonly #client: ControlClient;
  #known: ReadonlySet<string> = new Set();
  #askedAt: number;

  private constructor(client: ControlClient) {
    this.#client = client;
    this.#askedAt = systemClock.monotonic();
  }

  /** @param asks Whether it matters at all. */
  static async of(client: ControlClient, asks: boolean): Promise<KnownPeers> {
    const peers = new KnownPeers(client);
    if (asks) await peers.#ask();
    return peers;
  }

  /** Whether a peer had standing when the node was asked last. */
  hasStanding(id: string): boolean {
    const now = systemClock.monotonic();
    if (now - this.#askedAt >= KNOWN_PEERS_ASKED_MS) {
      this.#askedAt = now;
      void this.#ask();
    }
    return this.#known.has(id);
  }

  async #ask(): Promise<void> {
    try {
      const { peers } = await this.#client.peers();
      this.#known = new Set(
        peers.filter(({ standing }) => standing)
          .map(({ id }) => id),
      );
    } catch {
      // What is wrong with the node is told where its events are read.
    }
  }
}
