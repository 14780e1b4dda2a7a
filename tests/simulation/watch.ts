/**
 * What the events of nodes must be: in order, true, and no alarm without a cause.
 */
import type { PeerId } from "../../src/core/peer_id.ts";
import type { NodeEvent } from "../../src/mesh/events.ts";
import { BrokenInvariant } from "./invariants.ts";
import type { Life } from "./member.ts";

/** What the events are compared with. */
export interface WatchScene {
  /** Lives of members, over or not, with an identity. */
  readonly livesOf: (id: PeerId) => readonly Life[];
  readonly fail: (error: BrokenInvariant) => void;
}

/** Listens to all nodes of a simulation. */
export class Watch {
  readonly #scene: WatchScene;
  /** Peers a node has announced as up and not as down. */
  readonly #announced = new WeakMap<Life, Set<PeerId>>();
  readonly #ups = new Map<string, number>();
  /** Whether anything has happened that may end a session between members. */
  isDisturbed = false;
  /** How often a peer came up. */
  sessions = 0;

  constructor(scene: WatchScene) {
    this.#scene = scene;
  }

  /** How often a node has announced a peer. */
  ups(life: Life, peer: PeerId): number {
    return this.#ups.get(`${life.label}>${peer}`) ?? 0;
  }

  /** A node said something. */
  onEvent(life: Life, event: NodeEvent): void {
    const up = this.#announced.getOrInsertComputed(life, () => new Set());
    switch (event.type) {
      case "peer:up":
        this.sessions++;
        this.#ups.set(
          `${life.label}>${event.id}`,
          this.ups(life, event.id) + 1,
        );
        if (up.has(event.id)) this.#fail(life, "said peer:up twice");
        up.add(event.id);
        return;
      case "peer:down":
        if (!up.delete(event.id)) this.#fail(life, "said down, not up");
        return this.#onDown(life, event);
      case "mesh":
        if (event.sessions !== up.size) {
          const what =
            `counts ${event.sessions} sessions, announced ${up.size}`;
          this.#fail(life, what);
        }
        return;
      case "refused":
        return this.#onRefused(life, event);
    }
  }

  #onDown(
    life: Life,
    { id, reason }: Extract<NodeEvent, { type: "peer:down" }>,
  ): void {
    const others = this.#scene.livesOf(id);
    if (others.length === 0) return; // A liar: what it gets is its own doing.
    const who = others[0]!.label;
    if (!this.isDisturbed) {
      this.#fail(life, `lost ${who}, and nothing had happened: ${reason}`);
    }
  }

  /** No member ever runs twice, so nobody may be turned away for that. */
  #onRefused(
    life: Life,
    { actual, reason }: Extract<NodeEvent, { type: "refused" }>,
  ): void {
    if (actual === undefined || !reason.includes("in another process")) return;
    const [other] = this.#scene.livesOf(actual);
    if (other === undefined) return;
    this.#fail(life, `turned ${other.label} away, which runs once: ${reason}`);
  }

  #fail(life: Life, what: string): void {
    this.#scene.fail(new BrokenInvariant(`${life.label} ${what}`));
  }
}
