/** What a line of the benchmark is, and how contestants take turns. */
import type { Kind, OpeningSizes, Setup } from "../contestant.ts";
import type { Networks } from "../networks.ts";
import { Remote } from "../remote.ts";
import type { Row } from "../report.ts";

/** Settings of a run. */
export interface Settings {
  /** Rounds a figure; each runs all contestants, one after the other. */
  readonly rounds: number;
  readonly opening: OpeningSizes;
  /** Where the peer networks of others are, if they are installed. */
  readonly networks: Networks | undefined;
}

/** One line: a few figures that are measured together. */
export interface Line {
  readonly name: string;
  readonly description: string;
  /** Calls `report` with each figure as it is known. */
  run(settings: Settings, report: (row: Row) => void): Promise<void>;
}

/** A contestant as a line runs it. */
export type Entrant = Pick<Setup, "kind" | "acknowledged">;

/** On Node run those who were written for it. */
const ON_NODE: ReadonlySet<Kind> = new Set<Kind>([
  "libp2p",
  "gossipsub",
  "secret-stream",
  "hyperdht",
]);

/** A process of a contestant, on Deno or on Node. */
export function remoteOf(
  file: string,
  entrant: Entrant,
  { opening, networks }: Settings,
): Remote {
  const isOnNode = ON_NODE.has(entrant.kind);
  const setup: Setup = {
    ...entrant,
    opening,
    ...(isOnNode && networks && { folder: networks.folder }),
  };
  return new Remote(file, [JSON.stringify(setup)], {
    name: `${file} of ${entrant.kind}` +
      (entrant.acknowledged ? ", acknowledged," : ""),
    node: isOnNode ? networks?.node : undefined,
  });
}

/** What was measured, by contestant, round by round. */
export type Rounds<Name extends string, Result> = Record<Name, Result[]>;

/** The two that nearly every line compares. */
export const VERACK_AND_BARE = ["verack", "bare"] as const;

/** One of them. */
export type VerackOrBare = typeof VERACK_AND_BARE[number];

/**
 * Runs all, by turns and taking turns in going first, so that what else happens
 * on the machine hits all alike. A first round of each is not counted.
 *
 * @param options `warmUp`: false where every round has processes of its own.
 * `leaveOut`: called with a contestant that fails, which has no results then;
 * throws if it cannot be done without. By default none can.
 */
export async function alternate<Name extends string, Result>(
  contestants: readonly Name[],
  rounds: number,
  measure: (name: Name) => Promise<Result>,
  options: {
    warmUp?: boolean;
    leaveOut?: (name: Name, error: unknown) => Promise<void>;
  } = {},
): Promise<Rounds<Name, Result>> {
  const { warmUp = true, leaveOut = (_, error) => Promise.reject(error) } =
    options;
  const results = new Map(contestants.map((name) => [name, [] as Result[]]));
  for (let round = warmUp ? 0 : 1; round <= rounds; round++) {
    const names = [...results.keys()];
    const turn = round % names.length;
    for (const name of [...names.slice(turn), ...names.slice(0, turn)]) {
      try {
        const result = await measure(name);
        if (round > 0) results.get(name)!.push(result);
      } catch (error) {
        await leaveOut(name, error);
        results.delete(name);
      }
    }
  }
  return Object.fromEntries(results) as Rounds<Name, Result>;
}
