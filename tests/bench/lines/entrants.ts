/**
 * Who takes part in the lines about messages: verack's node as an application uses
 * it, against others that do as much, and against the same without
 * acknowledgements.
 */
import { compareRounds, type Comparison, type Row } from "../report.ts";
import type { Aim } from "../report.ts";
import type { Entrant, Rounds, Settings } from "./line.ts";

/** One who takes part. */
export interface Participant {
  /** Unlike all others'. */
  readonly name: string;
  readonly entrant: Entrant;
  /** What it is called in the report. */
  readonly with: string;
  /** What it does. */
  readonly doing: string;
  /** Whether it is an aim to be ahead of it. */
  readonly isAim: boolean;
}

/** verack's own name among the participants. */
export const VERACK = "verack";

const ACKNOWLEDGED = "acknowledged once for all that come together";

const BARE = participants("bare", "queued frames in one write");
const NETWORKS = [
  ...participants("libp2p", "js-libp2p: TCP, Noise, Yamux, a stream to each"),
  ...participants("secret-stream", "Hyperswarm's stream over TCP"),
  ...participants("hyperdht", "Hyperswarm's stream over UDP"),
];
const GOSSIPSUB: Participant = {
  name: "gossipsub",
  entrant: { kind: "gossipsub" },
  with: "gossipsub",
  doing: "js-libp2p, unsigned, sent to all at once and not passed on",
  isAim: true,
};

/** All that can take part where the networks of others are installed, or not. */
export function others(
  settings: Settings,
  options: { broadcast: boolean },
): Participant[] {
  if (settings.networks === undefined) return BARE;
  return [...BARE, ...NETWORKS, ...options.broadcast ? [GOSSIPSUB] : []];
}

/**
 * Two rows of one figure: against those who acknowledge, and against the rest;
 * without those who were left out.
 */
export function reportBoth(
  row: Omit<Row, "comparisons">,
  rounds: Rounds<string, number>,
  among: readonly Participant[],
  is: Aim["is"],
  report: (row: Row) => void,
): void {
  const ours = rounds[VERACK]!;
  const compare = (it: Participant): Comparison =>
    compareRounds(ours, rounds[it.name]!, {
      with: it.with,
      doing: it.doing,
      ...(it.isAim && { aim: { is, value: 1 } }),
    });
  for (const acknowledged of [true, false]) {
    const comparisons = among
      .filter(({ name }) => name in rounds)
      .filter(({ entrant }) => (entrant.acknowledged ?? false) === acknowledged)
      .map(compare);
    if (comparisons.length === 0) continue;
    const { aim, ...rest } = row;
    report({
      ...rest,
      figure: row.figure +
        (acknowledged ? ", all acknowledge" : ", only verack acknowledges"),
      ...(acknowledged && aim && { aim }),
      comparisons,
    });
  }
}

/** A contestant with acknowledgements and without. */
function participants(
  kind: Entrant["kind"],
  doing: string,
): Participant[] {
  const isAim = kind !== "bare";
  return [
    {
      name: `${kind}, acknowledged`,
      entrant: { kind, acknowledged: true },
      with: kind,
      doing: `${doing}, ${ACKNOWLEDGED}`,
      isAim,
    },
    {
      name: kind,
      entrant: { kind, acknowledged: false },
      with: kind,
      doing,
      isAim,
    },
  ];
}
