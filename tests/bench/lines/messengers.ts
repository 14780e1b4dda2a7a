/**
 * Contenders of the lines about messages: verack's nodes as an application uses
 * them, bare sockets, and the peer networks of others. All of them acknowledge by
 * one rule: a receiver that has taken messages says so, once for all that came
 * together, and a message is sent when that has come back.
 */
import type { Kind } from "../contestant.ts";
import {
  type Contender,
  type Entrant,
  type Settings,
  type Values,
  VERACK,
} from "./line.ts";

const BARE = { kind: "bare", doing: "queued frames in one write" } as const;
const NETWORKS = [
  { kind: "libp2p", doing: "js-libp2p: TCP, Noise, Yamux, a stream to each" },
  { kind: "secret-stream", doing: "Hyperswarm's stream over TCP" },
  { kind: "hyperdht", doing: "Hyperswarm's stream over UDP" },
] as const;
/** It has a server between the two, and no connections of its own among many. */
const NATS = {
  kind: "nats",
  doing: "two clients of a NATS server, without JetStream",
} as const;
/** The sender sees what was delivered without a message, as it is in one process. */
const GOSSIPSUB = {
  kind: "gossipsub",
  doing: "js-libp2p, unsigned, to all at once, not passed on, not acknowledged",
} as const;

/** verack is to be ahead of each: bounds of ratios. */
export const AHEAD: Readonly<Record<string, number>> = Object.fromEntries(
  [...NETWORKS, NATS, GOSSIPSUB].map(({ kind }) => [kind, 1]),
);

/** All that are installed, each measured as `measure` does it. */
export function messengers(
  settings: Settings,
  measure: (entrant: Entrant) => Promise<Values>,
  { broadcast }: { broadcast: boolean },
): Contender[] {
  const contender = (
    it: { kind: Kind; doing: string },
    acknowledged: boolean,
  ): Contender => ({
    name: acknowledged || it === GOSSIPSUB
      ? it.kind
      : `${it.kind}, unacknowledged`,
    doing: it.doing,
    optional: it !== BARE,
    measure: () => measure({ kind: it.kind, acknowledged }),
  });
  const { networks } = settings;
  const others = [
    BARE,
    ...networks === undefined ? [] : NETWORKS,
    ...broadcast || !networks?.hasNatsServer ? [] : [NATS],
  ];
  const unacknowledged = !settings.unacknowledged
    ? []
    : broadcast && networks !== undefined
    ? [...others, GOSSIPSUB]
    : others;
  return [
    { name: VERACK, doing: "", measure: () => measure({ kind: "messages" }) },
    ...others.map((it) => contender(it, true)),
    ...unacknowledged.map((it) => contender(it, false)),
  ];
}
