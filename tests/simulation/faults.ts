/** The faults of the network that are in force, by member: members move, faults move with them. */
import type { MemoryNetwork } from "../../src/testing/memory_network.ts";
import type { Member } from "./member.ts";
import type { Reach } from "./reach_schedule.ts";

/** Faults of one network. */
export class NetworkFaults {
  readonly #network: MemoryNetwork;
  readonly #members: readonly Member[];
  #sides: readonly number[] | undefined;
  #cuts: { from: number; to: number; oneWay: boolean }[] = [];
  readonly #halfOpen = new Set<string>();
  #reach: Reach | undefined;

  constructor(network: MemoryNetwork, members: readonly Member[]) {
    this.#network = network;
    this.#members = members;
  }

  /** Splits the members by side. */
  partition(sides: readonly number[]): void {
    this.#sides = sides;
    this.apply();
  }

  /** Cuts the way between two members. */
  cut(from: number, to: number, oneWay: boolean): void {
    this.#cuts.push({ from, to, oneWay });
    this.apply();
  }

  /** Nothing reaches a host or leaves it, and nobody notices. */
  halfOpen(host: string): void {
    this.#halfOpen.add(host);
    this.apply();
  }

  /** From now on dials reach others so; a pair of which neither reaches the other is cut off. */
  reach(reach: Reach): void {
    this.#reach = reach;
    this.apply();
  }

  /** Whether dials from one member reach another, but for faults. */
  canDial(from: number, to: number): boolean {
    return this.#reach?.[from]?.[to] ?? true;
  }

  /** All is well again, but for dials that reach nothing. */
  heal(): void {
    this.#sides = undefined;
    this.#cuts = [];
    this.#halfOpen.clear();
    this.apply();
  }

  /** Lays them on the hosts where the members are now. */
  apply(): void {
    this.#network.heal();
    if (this.#sides !== undefined) {
      const groups = new Map<number, string[]>();
      for (const { index, host } of this.#members) {
        groups.getOrInsertComputed(this.#sides[index]!, () => []).push(host);
      }
      this.#network.partition([...groups.values()]);
    }
    for (const { from, to, oneWay } of this.#cuts) {
      const [a, b] = [this.#members[from]!.host, this.#members[to]!.host];
      this.#network.cut(a, b, { oneWay });
    }
    for (const [from, a] of this.#members.entries()) {
      for (const [to, b] of this.#members.entries()) {
        if (from === to || this.canDial(from, to) || this.canDial(to, from)) {
          continue;
        }
        this.#network.cut(a.host, b.host);
      }
    }
    for (const host of this.#halfOpen) this.#network.halfOpen(host);
  }
}
