/**
 * What a line of the benchmark is: a few figures, and the contenders that are
 * measured by them.
 */
import type { Kind, OpeningSizes, Setup } from "../contestant.ts";
import type { FilePlace } from "../file_place.ts";
import type { Networks } from "../networks.ts";
import { Remote } from "../remote.ts";

/** What all lines of a run share. */
export interface Settings {
  readonly opening: OpeningSizes;
  /** Where the peer networks of others are, if they are installed. */
  readonly networks: Networks | undefined;
  /** Whether to measure them, and bare sockets, without acknowledgements too. */
  readonly unacknowledged: boolean;
  /** Files that are sent, and where they go. */
  readonly files: FilePlace;
  /** Takes a remark on what is not measured. */
  readonly note: (text: string) => void;
}

/** One thing that is measured. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly better: Better;
  /** Bound of verack's own value. */
  readonly aim?: number;
  /** Bounds of verack's value in multiples of a contender's, by its name. */
  readonly ratios?: Readonly<Record<string, number>>;
}

/** Which of two values is the better one. */
export type Better = "higher" | "lower";

/** By the name of the figure; infinite for what was never reached. */
export type Values = Readonly<Record<string, number>>;

/** verack, or something that it is compared with. */
export interface Contender {
  readonly name: string;
  /** What it does, for the report. */
  readonly doing: string;
  /** Whether the line goes on without it if it fails. */
  readonly optional?: boolean;
  /** Starts processes of its own, warms them up, measures, and ends them. */
  measure(): Promise<Values>;
}

/** One line: a few figures that are measured together. */
export interface Line {
  readonly name: string;
  readonly description: string;
  /** About how long a round of all contenders takes. */
  readonly secondsARound: number;
  /** Rounds after which more say nothing new. */
  readonly maxRounds?: number;
  readonly figures: readonly Figure[];
  /** The first one is verack. */
  contenders(
    settings: Settings,
  ): readonly Contender[] | Promise<readonly Contender[]>;
}

/** Name of verack among contenders. */
export const VERACK = "verack";

/** What a process of a contender runs. */
export type Entrant = Pick<Setup, "kind" | "acknowledged">;

/** Written for Node, and run on it. */
const ON_NODE: ReadonlySet<Kind> = new Set<Kind>([
  "libp2p",
  "gossipsub",
  "secret-stream",
  "nats",
  "hyperdht",
]);

const OTHERS_ANSWER_MS = 25_000;

/** A process of a contender, on Deno or on Node. */
export function remoteOf(
  file: string,
  entrant: Entrant,
  { opening, networks }: Pick<Settings, "opening" | "networks">,
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
    // One that hangs is left out, and must not hold the others up for long.
    ...isOnNode && { node: networks?.node, answerMs: OTHERS_ANSWER_MS },
  });
}

/** verack's sessions, without the mesh, and bare sockets. */
export function verackAndBare(
  doing: string,
  measure: (kind: "verack" | "bare") => Promise<Values>,
): Contender[] {
  return [
    { name: VERACK, doing: "", measure: () => measure("verack") },
    { name: "bare", doing, measure: () => measure("bare") },
  ];
}
