/**
 * Which record of a full peer table is evicted for a new one. Only peers
 * without standing that are away are, by turns among their sources: the oldest of the source
 * that has most. So many identities of one source displace each other, and those of another
 * source only if it has more.
 *
 * Standing, sessions and waiting messages change without notice, so that the counts come from a
 * walk of the table, which costs too much for each newcomer. Between two walks:
 *
 * - records that are added and evicted are counted; those that have gained standing are still in
 *   the count, and a walk comes before a newcomer is turned away;
 * - those that have lost standing, as by moving from a configured address, are counted from the
 *   next walk on;
 * - a record that was chosen in the walk may have become one to keep, and is checked again.
 */
import type { PeerId } from "../../core/peer_id.ts";
import {
  MAX_AWAITED_STRANGERS,
  MAX_PEERS,
  MAX_STRANGER_PEERS,
} from "../mesh_limits.ts";
import type { Peer, PeerEnvironment } from "./peer.ts";

/** Facts of other parts about the records of a table. */
export interface TableRules {
  readonly standing: PeerEnvironment["standing"];
  /** Whether a message waits that is for this peer only. */
  readonly queues: { isAwaited(id: PeerId): boolean };
}

/** Records that are chosen in one walk of the table, so that a flood seldom walks it. */
const CHOSEN_AT_ONCE = 64;

/** The room of one table. */
export class TableRoom {
  readonly #rules: TableRules;
  /** All records of the table. */
  readonly #peers: ReadonlyMap<PeerId, Peer>;
  /** Records without standing, as counted. */
  #strangers = 0;
  #isStale = false;
  /** The same by source. */
  #counts = new Map<string, number>();
  /** Records chosen in the last walk, the next last. */
  #chosen: Peer[] = [];
  /** Those of them that are evicted though a message waits for them. */
  #surplus: ReadonlySet<Peer> = new Set();

  constructor(
    rules: TableRules,
    peers: ReadonlyMap<PeerId, Peer>,
  ) {
    this.#rules = rules;
    this.#peers = peers;
  }

  /** Whether a record fits without an eviction. */
  fits(hasStanding: boolean): boolean {
    if (this.#peers.size >= MAX_PEERS) return false;
    if (hasStanding || this.#strangers < MAX_STRANGER_PEERS) return true;
    if (this.#isStale) this.#walk();
    return this.#strangers < MAX_STRANGER_PEERS;
  }

  /** The record to evict next, if any may be; else {@linkcode fits} is exact. */
  next(): Peer | undefined {
    return this.#peek() ?? (this.#walk(), this.#peek());
  }

  /** Whether that makes the sources more even; else two would evict each other for ever. */
  isFairer(next: Peer, source: string): boolean {
    const count = (of: string) => this.#counts.get(of) ?? 0;
    return count(next.source) > count(source) + 1;
  }

  /** A record was added. */
  added({ source }: Peer, hasStanding: boolean): void {
    if (hasStanding) return;
    this.#strangers++;
    this.#counts.set(source, (this.#counts.get(source) ?? 0) + 1);
  }

  /** A record was dropped that was not evicted. */
  dropped(): void {
    this.#isStale = true;
  }

  /** {@linkcode next} was dropped. */
  gaveWay({ source }: Peer): void {
    this.#strangers--;
    this.#counts.set(source, (this.#counts.get(source) ?? 1) - 1);
  }

  #peek(): Peer | undefined {
    const { standing, queues } = this.#rules;
    for (
      let next = this.#chosen.at(-1);
      next !== undefined;
      next = this.#chosen.at(-1)
    ) {
      // It may have come back or gained standing since the walk.
      const mayGo = this.#peers.get(next.id) === next &&
        next.isAway && !standing.has(next) &&
        (this.#surplus.has(next) || !queues.isAwaited(next.id));
      if (mayGo) return next;
      this.#chosen.pop();
    }
    return undefined;
  }

  #walk(): void {
    const { standing, queues } = this.#rules;
    const strangers: Peer[] = [];
    const counts = new Map<string, number>();
    for (const peer of this.#peers.values()) {
      if (standing.has(peer)) continue;
      strangers.push(peer);
      counts.set(peer.source, (counts.get(peer.source) ?? 0) + 1);
    }
    const away = strangers.filter(({ isAway }) => isAway);
    const awaited = new Set(
      away.filter((peer) => queues.isAwaited(peer.id)),
    );
    // A program that answers every stranger must not fill the table with them.
    const surplus = new Set(
      first(awaited.size - MAX_AWAITED_STRANGERS, byTurns(awaited, counts)),
    );
    const free = away.filter((it) => !awaited.has(it) || surplus.has(it));
    this.#isStale = false;
    this.#strangers = strangers.length;
    this.#counts = counts;
    this.#surplus = surplus;
    this.#chosen = [...first(CHOSEN_AT_ONCE, byTurns(free, counts))].reverse();
  }
}

/** Of the source that has most the oldest, and so on; those never verified first. */
function* byTurns(
  peers: Iterable<Peer>,
  counts: ReadonlyMap<string, number>,
): Iterable<Peer> {
  const byCount: Peer[][][] = [];
  for (const [source, group] of Map.groupBy(peers, (it) => it.source)) {
    // Those that were seen at the same time go in the order in which they came.
    const oldestLast = group.reverse().sort((a, b) => b.lastSeen - a.lastSeen);
    (byCount[counts.get(source) ?? 0] ??= []).push(oldestLast);
  }
  for (let count = byCount.length - 1; count > 0; count--) {
    for (const group of byCount[count] ?? []) {
      const oldest = group.pop();
      if (oldest === undefined) continue;
      yield oldest;
      (byCount[count - 1] ??= []).push(group);
    }
  }
}

function* first<T>(count: number, items: Iterable<T>): Iterable<T> {
  let left = count;
  if (left <= 0) return;
  for (const item of items) {
    yield item;
    if (--left === 0) return;
  }
}
