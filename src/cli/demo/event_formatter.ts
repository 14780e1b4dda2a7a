/**
 * The words of the demo for people: what each happening is called. Columns,
 * colours and grouping are left to `printer.ts`.
 */
import { escapeText } from "../../core/escape.ts";
import { shortId } from "../../identity/identity.ts";
import type { Trust } from "../../mesh/events.ts";
import type { DemoEvent, LinkCount, Phase } from "./demo_event.ts";
import { IMPOSTOR_NAME } from "./plan.ts";

/** Whether something is good, bad, worth a look, or merely so. */
export type Tone = "good" | "bad" | "warn" | "plain" | "dim";

/** A line: who did what, and how many links there are then. */
export interface Words {
  readonly name?: string;
  readonly verb: string;
  readonly rest: string;
  readonly tone: Tone;
  readonly count?: LinkCount | undefined;
}

/** How the ways of trusting are called. */
const TRUST: Readonly<Record<Trust, string>> = {
  "first-use": "unverified, first use",
  known: "known",
  pinned: "pinned",
};

/** What a part of the show is about: a word, and the rest of the sentence. */
export function heading(
  happening: Extract<DemoEvent, { type: "phase" }>,
  opening: Extract<DemoEvent, { type: "demo" }>,
): readonly [title: string, text: string] {
  const { phase, name, peer } = happening;
  const headings: Readonly<Record<Phase, readonly [string, string]>> = {
    start: [
      "Meet",
      "one node starts alone, every other knows the address of just one member",
    ],
    pings: [
      "Talk",
      `every node pings all others, each ${opening.period} s, and shows what it hears`,
    ],
    restart: [
      "Return",
      `${name} is killed, then starts again with its key, through ${peer}`,
    ],
    impostor: [
      "Fraud",
      `${IMPOSTOR_NAME} has ${name}'s certificate but not its key, and dials ${peer}`,
    ],
    end: ["Result", "the mesh as its nodes see it"],
    keep: [
      "Open end",
      "all of it happened; the nodes stay up until Ctrl-C, for others to --connect to",
    ],
  };
  return headings[phase];
}

/** One line about a happening; `undefined` for what is not a line. */
export function wordsOf(
  happening: DemoEvent,
  inProcess: boolean,
): Words | undefined {
  switch (happening.type) {
    case "starting":
      return {
        name: happening.name,
        verb: "starts",
        rest: (happening.again ? "again with the same key, " : "") +
          (happening.via === null
            ? "alone"
            : `knowing only where ${happening.via} is`),
        tone: "dim",
      };
    case "started":
      return {
        name: happening.name,
        verb: "listens",
        rest: `at ${happening.address} as ${shortId(happening.identity)}`,
        tone: "plain",
      };
    case "restarted":
      return {
        name: happening.name,
        verb: "listens",
        rest: `now at ${happening.address}, as ${
          shortId(happening.identity)
        } again`,
        tone: "plain",
      };
    case "joined":
      return {
        name: happening.name,
        verb: "joined",
        rest: `through ${happening.via} (${TRUST[happening.trust]})`,
        tone: "good",
        count: happening,
      };
    case "links":
      return {
        name: happening.name,
        verb: "linked",
        rest: `with ${happening.peer}`,
        tone: "good",
        count: happening,
      };
    case "apart":
      return {
        name: happening.name,
        verb: "misses",
        rest: `${happening.peer}, whom others reach`,
        tone: "warn",
        count: happening,
      };
    case "complete":
      return {
        verb: "complete",
        rest: "every node linked with every other",
        tone: "good",
        count: happening,
      };
    case "pings":
      return {
        name: happening.name,
        verb: "heard",
        rest: happening.from.join(", "),
        tone: "good",
      };
    case "killed":
      return {
        name: happening.name,
        verb: "killed",
        rest: inProcess ? "all its connections cut at once" : "by SIGKILL",
        tone: "bad",
      };
    case "lost":
    case "left":
      return {
        name: happening.name,
        verb: happening.type === "lost" ? "lost" : "sees off",
        rest: `${happening.peer}: ${reasonText(happening.reason)}`,
        tone: happening.type === "lost" ? "bad" : "plain",
        count: happening,
      };
    case "recognised":
      return {
        name: happening.name,
        verb: "recognised",
        rest: `${happening.peer} by its key (${TRUST[happening.trust]})`,
        tone: happening.trust === "first-use" ? "warn" : "good",
        count: happening,
      };
    case "refused":
      return {
        name: happening.name,
        verb: "refused",
        rest: `${happening.address}: ${reasonText(happening.reason)}`,
        tone: "bad",
      };
    case "dialed":
      return {
        name: happening.name,
        verb: "dials",
        rest: `${happening.to} from ${happening.address}, as ${happening.as}`,
        tone: "plain",
      };
    case "impostor":
      return {
        name: happening.name,
        verb: happening.refused ? "was told" : "GOT IN",
        rest: reasonText(happening.impostorSays),
        tone: happening.refused ? "plain" : "bad",
      };
    case "ended":
      return {
        name: happening.name,
        verb: "crashed",
        rest: happening.reason,
        tone: "bad",
      };
    case "other":
      return otherWords(happening);
    case "demo":
    case "phase":
    case "node":
    case "summary":
      return undefined;
    default:
      return happening satisfies never;
  }
}

/** The last sentence, and what is missing. */
export function summaryWords(
  summary: Extract<DemoEvent, { type: "summary" }>,
): readonly [verdict: string, rest: string, missing: readonly string[]] {
  const { ok, interrupted, seconds, nodes, links, of, pingPairs, missing } =
    summary;
  const time = `${seconds.toFixed(1)} s`;
  if (interrupted) return ["Interrupted", `after ${time}; all nodes left.`, []];
  if (!ok) return ["Not all of it happened", `(${time}), missing:`, missing];
  const pairs = nodes * (nodes - 1);
  return [
    "All of it happened",
    `in ${time}: ${nodes} nodes, ${links} of ${of} links, pings shown for ${pingPairs} of ${pairs} pairs, ` +
    "1 node lost and recognised, 1 impostor refused.",
    [],
  ];
}

/** What nodes say that has no part in the show; most of it only with `--keep`. */
function otherWords(
  { name, event }: Extract<DemoEvent, { type: "other" }>,
): Words | undefined {
  switch (event.type) {
    case "unreachable":
      return {
        name,
        verb: "waits for",
        rest: `${event.address}, keeps trying: ${reasonText(event.reason)}`,
        tone: "dim",
      };
    case "overflow":
      return {
        name,
        verb: "lags",
        rest: `${event.dropped} events not shown`,
        tone: "warn",
      };
    case "peer:up":
      return {
        name,
        verb: "linked",
        rest: `with ${shortId(event.identity)} at ${event.address} (${
          TRUST[event.trust]
        })`,
        tone: "good",
      };
    case "peer:down":
      return {
        name,
        verb: event.left ? "sees off" : "lost",
        rest: `${shortId(event.identity)}: ${reasonText(event.reason)}`,
        tone: event.left ? "plain" : "bad",
      };
    case "ping":
      return {
        name,
        verb: "heard",
        rest: `${shortId(event.identity)}: ${reasonText(event.text)}`,
        tone: "plain",
      };
    default:
      return undefined;
  }
}

function reasonText(reason: string): string {
  return escapeText(reason, { max: 320 });
}
