/** The wording of the demo's text output; columns, colours and counts are up to `printer.ts`. */
import { escapeText } from "../../core/escape.ts";
import { shortId } from "../../identity/identity.ts";
import { TRUST_WORDS } from "../event_lines.ts";
import type { DemoEvent, DemoEventOf, LinkCount } from "./demo_event.ts";
import { IMPOSTOR_NAME } from "./plan.ts";

/** What a line's verb is coloured by. */
export type Tone = "good" | "bad" | "warn" | "plain" | "dim";

/** A line of output. */
export interface Line {
  /** The node it is about, or empty. */
  readonly name: string;
  readonly verb: string;
  readonly rest: string;
  readonly tone: Tone;
  /** The number of links to show beside it. */
  readonly count: LinkCount | undefined;
}

type Wording = readonly [tone: Tone, verb: string, rest: string];

/** The heading of a part: a word, and the rest of the sentence. */
export function headingOf(
  { phase, name, peer }: DemoEventOf<"phase">,
  periodS: number,
): readonly [title: string, text: string] {
  switch (phase) {
    case "start":
      return [
        "Meet",
        "one node starts alone, every other knows the address of just one member",
      ];
    case "pings":
      return [
        "Talk",
        `every node pings all others, each ${periodS} s, and shows what it hears`,
      ];
    case "restart":
      return [
        "Return",
        `${name} is killed, then starts again with its key, through ${peer}`,
      ];
    case "impostor":
      return [
        "Fraud",
        `${IMPOSTOR_NAME} has ${name}'s certificate but not its key, and dials ${peer}`,
      ];
    case "end":
      return ["Result", "the mesh as its nodes see it"];
    case "keep":
      return [
        "Open end",
        "all of it happened; the nodes stay up until Ctrl-C, for others to --connect to",
      ];
  }
}

/** The types of events that are lines of text; the others have a layout of their own. */
type LineType = Exclude<
  DemoEvent["type"],
  "demo" | "phase" | "node" | "summary"
>;

/** An event that is a line of text. */
export type LineEvent = DemoEventOf<LineType>;

const WORDINGS: {
  readonly [T in LineType]: (event: DemoEventOf<T>) => Wording | undefined;
} = {
  starting: ({ again, via }) => [
    "dim",
    "starts",
    (again ? "again with the same key, " : "") +
    (via === null ? "alone" : `knowing only where ${via} is`),
  ],
  started: (
    { address, id },
  ) => ["plain", "listens", `at ${address} as ${shortId(id)}`],
  restarted: (
    { address, id },
  ) => ["plain", "listens", `now at ${address}, as ${shortId(id)} again`],
  joined: (
    { via, trust },
  ) => ["good", "joined", `through ${via} (${TRUST_WORDS[trust]})`],
  links: ({ peer }) => ["good", "linked", `with ${peer}`],
  apart: ({ peer }) => ["warn", "misses", `${peer}, which others reach`],
  complete: () => ["good", "complete", "every node linked with every other"],
  pings: ({ from }) => ["good", "heard", from.join(", ")],
  killed: () => ["bad", "killed", "by SIGKILL"],
  lost: ({ peer, reason }) => ["bad", "lost", `${peer}: ${escaped(reason)}`],
  left: (
    { peer, reason },
  ) => ["plain", "sees off", `${peer}: ${escaped(reason)}`],
  recognised: ({ peer, trust }) => [
    trust === "first-use" ? "warn" : "good",
    "recognised",
    `${peer} by its key (${TRUST_WORDS[trust]})`,
  ],
  refused: (
    { address, reason },
  ) => ["bad", "refused", `${address}: ${escaped(reason)}`],
  dialed: (
    { to, address, as },
  ) => ["plain", "dials", `${to} from ${address}, as ${as}`],
  impostor: ({ refused, impostorSays }) => [
    refused ? "plain" : "bad",
    refused ? "was told" : "GOT IN",
    escaped(impostorSays),
  ],
  ended: ({ reason }) => ["bad", "crashed", reason],
  other: otherWording,
};

/** The line for an event, if it has one. */
export function lineOf(event: LineEvent, inProcess: boolean): Line | undefined {
  const wording =
    (WORDINGS[event.type] as (event: LineEvent) => Wording | undefined)(event);
  if (wording === undefined) return undefined;
  const [tone, verb, rest] = wording;
  return {
    name: "name" in event ? event.name : "",
    verb,
    rest: event.type === "killed" && inProcess
      ? "all its connections cut at once"
      : rest,
    tone,
    count: "links" in event ? event : undefined,
  };
}

/** What nodes report beyond the script, most of it about strangers with `--keep`. */
function otherWording({ event }: DemoEventOf<"other">): Wording | undefined {
  switch (event.type) {
    case "unreachable":
      return [
        "dim",
        "waits for",
        `${event.address}, keeps trying: ${escaped(event.reason)}`,
      ];
    case "overflow":
      return ["warn", "lags", `${event.dropped} events not shown`];
    case "peer:up": {
      const { address, trust } = event;
      return [
        "good",
        "linked",
        `with ${shortId(event.id)} at ${address} (${TRUST_WORDS[trust]})`,
      ];
    }
    case "peer:down": {
      const rest = `${shortId(event.id)}: ${escaped(event.reason)}`;
      return event.left ? ["plain", "sees off", rest] : ["bad", "lost", rest];
    }
    case "ping":
      return [
        "plain",
        "heard",
        `${shortId(event.id)}: ${escaped(event.text)}`,
      ];
    default:
      return undefined;
  }
}

/** The last sentence; without success, `missing` follows it. */
export function verdictOf(
  summary: DemoEventOf<"summary">,
): readonly [verdict: string, rest: string] {
  const { nodes, links, of, pingPairs } = summary;
  const time = `${summary.seconds.toFixed(1)} s`;
  if (summary.interrupted) {
    return ["Interrupted", `after ${time}; all nodes left.`];
  }
  if (!summary.ok) return ["Not all of it happened", `(${time}), missing:`];
  return [
    "All of it happened",
    `in ${time}: ${nodes} nodes, ${links} of ${of} links, pings shown for ${pingPairs} of ${
      nodes * (nodes - 1)
    } pairs, 1 node lost and recognised, 1 impostor refused.`,
  ];
}

function escaped(text: string): string {
  return escapeText(text, { max: 320 });
}
