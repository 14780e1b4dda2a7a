/**
 * All nodes of one chaos run, and the question that is asked after every round:
 * does each of those that run have a link with each of the others, directly where the
 * network permits that, else through another one, and with nobody else? What happens in
 * a round is in `rounds.ts`.
 */
import { SeededRandom } from "../../../src/testing/seeded_random.ts";
import { until } from "../../helpers/until.ts";
import { fileFaults } from "./file_traffic.ts";
import type { Ledger } from "./ledger.ts";
import { Member, type Place } from "./member.ts";

/** How long a mesh may take until it is whole again; far more than it does take. */
export const HEAL_MS = 60_000;

/** Settings of a {@linkcode Swarm}. */
export interface SwarmOptions {
  /** Where each member runs, one entry a member. */
  readonly places: readonly Place[];
  /** So many, the last ones, are not started yet. @default {0} */
  readonly reserve?: number;
  readonly seed: number;
  /** Flags of every node. */
  readonly flags: readonly string[];
  /** Nodes send messages, which are noted there. @default none do */
  readonly ledger?: Ledger;
  /** Told of each thing that is done. */
  readonly log: (line: string) => void;
}

/** Whether two members can reach each other directly. */
export type Connects = (a: Member, b: Member) => boolean;

/** Real nodes, each a process of its own. */
export class Swarm implements AsyncDisposable {
  readonly members: readonly Member[];
  readonly random: SeededRandom;
  readonly log: (line: string) => void;
  /** How often each thing was done. */
  readonly counts = new Map<string, number>();
  /** Milliseconds from the end of each round's faults until the mesh was whole. */
  readonly healMs: number[] = [];
  readonly #folder: string;

  private constructor(
    folder: string,
    members: readonly Member[],
    options: SwarmOptions,
  ) {
    this.#folder = folder;
    this.members = members;
    this.random = new SeededRandom(options.seed);
    this.log = options.log;
  }

  /** Starts all nodes, each through one of those before it. */
  static async start(options: SwarmOptions): Promise<Swarm> {
    const folder = await Deno.makeTempDir({ prefix: "verack_chaos_" });
    const { flags, ledger } = options;
    const members = options.places.map((place, i) =>
      new Member({
        name: `node-${i}`,
        place,
        data: `${folder}/${i}`,
        flags,
        ...(ledger && { ledger }),
      })
    );
    const swarm = new Swarm(folder, members, options);
    try {
      const { reserve = 0 } = options;
      for (const member of members.slice(0, members.length - reserve)) {
        await member.start(swarm.running().slice(-1).map((it) => it.address));
      }
      await swarm.whole();
      return swarm;
    } catch (error) {
      await swarm[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Members that have a process. */
  running(): Member[] {
    return this.members.filter((member) => member.running);
  }

  /**
   * Starts a member again. It is told nothing but its directory, if one of these is
   * where it was; else it joins through two of them.
   */
  async restart(
    member: Member,
    others: readonly Member[],
    options: { readonly port?: number; readonly quiet?: boolean } = {},
  ): Promise<void> {
    const alone = member.findsBackTo(others);
    const through = alone ? [] : this.pick(others, 2);
    await member.start(through.map(({ address }) => address), options);
  }

  /**
   * Ends the sending, brings everybody back, and waits until nothing is on its way.
   *
   * @throws {Error} when something stays on its way for good.
   */
  async quieten(): Promise<void> {
    const running = this.running();
    await Promise.all(running.map((member) => member.quieten()));
    for (const member of this.members) {
      if (member.running) continue;
      await this.restart(member, running, { quiet: true });
    }
    await this.whole();
    await until(
      "all messages to arrive",
      () => this.members.every((member) => member.isDone),
      HEAL_MS,
    );
  }

  /** Received files that are not whole, and those that are missing; to be asked when all is quiet. */
  async fileFaults(ledger: Ledger): Promise<string[]> {
    const faults = this.members.map(({ data, id }) =>
      fileFaults(data, ledger.filesOf(id))
    );
    return (await Promise.all(faults)).flat();
  }

  /** Says and counts what is about to be done. */
  note(action: string, whom: string): void {
    this.counts.set(action, (this.counts.get(action) ?? 0) + 1);
    this.log(`${action} ${whom}`);
  }

  /** Some of them, in any order. */
  pick<T>(from: readonly T[], count: number): T[] {
    const rest = [...from];
    const picked: T[] = [];
    while (picked.length < count && rest.length > 0) {
      picked.push(...rest.splice(this.random.below(rest.length), 1));
    }
    return picked;
  }

  /**
   * Waits until every node that runs is linked with every other one that runs and that it
   * reaches, directly or through others, and with nobody else, by what each of them says; how
   * long that took, milliseconds.
   *
   * @param connects Which pairs can be linked directly. @default all
   * @throws {Error} which links are missing or too many.
   */
  async whole(connects: Connects = () => true): Promise<number> {
    const began = performance.now();
    const differences = () => this.differences(connects);
    try {
      await until("exact links", () => differences().length === 0, HEAL_MS);
    } catch {
      throw new Error(
        [`Not whole within ${HEAL_MS} ms:`, ...differences()].join("\n  "),
      );
    }
    const complaints = this.members.flatMap((member) => member.complaints());
    if (complaints.length > 0) throw new Error(complaints.join("\n"));
    const ms = performance.now() - began;
    for (const member of this.running()) {
      member.remember(
        this.running().filter((it) => it !== member && connects(it, member)),
      );
    }
    return ms;
  }

  /**
   * Waits until no node names a pair that has no link.
   *
   * @throws {Error} what is named.
   */
  async noneMissing(): Promise<void> {
    const names = new Map(this.members.map((it) => [it.id, it.name]));
    const named = () =>
      this.running().flatMap((member) =>
        (member.mesh()?.missing ?? []).map((pair) =>
          `${member.name} names ${
            pair.map((id) => names.get(id) ?? id).join(" and ")
          }`
        )
      );
    try {
      await until("no missing pair", () => named().length === 0, HEAL_MS);
    } catch {
      throw new Error(named().join("\n  "));
    }
  }

  /** What differs from a full mesh of those that run and can meet, a line each. */
  differences(connects: Connects): string[] {
    const running = this.running();
    const names = new Map(this.members.map((it) => [it.id, it.name]));
    return running.flatMap((member) => {
      const links = member.links();
      const near = reachableFrom(member, running, connects);
      const wanted = new Set([...near].map(({ id }) => id));
      return [
        ...[...near].flatMap((other) => {
          const pair = `${member.name} and ${other.name}`;
          if (!links.has(other.id)) return `no link of ${pair}`;
          const isRelayed = links.get(other.id) !== undefined;
          if (isRelayed !== connects(member, other)) return [];
          return `a link of ${pair} ${isRelayed ? "through another" : "left"}`;
        }),
        ...[...links.keys()].filter((id) => !wanted.has(id)).map((id) =>
          `${member.name} still has a link with ${names.get(id) ?? id}`
        ),
      ];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((it) => it[Symbol.asyncDispose]()));
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Members that one reaches, directly or through others. */
function reachableFrom(
  member: Member,
  running: readonly Member[],
  connects: Connects,
): ReadonlySet<Member> {
  const reached = new Set([member]);
  for (const from of reached) {
    for (const to of running) {
      if (to !== from && connects(from, to)) reached.add(to);
    }
  }
  reached.delete(member);
  return reached;
}
