/**
 * The events of the demo, printed as text or as JSON by `printer.ts`.
 *
 * With `--json` each event is one line, with `time` (ISO 8601) in front; the keys are stable.
 * Nodes are called by `name`; `peer` is the name of another node. A link counts once both its
 * ends have reported the session, until either reports that it is gone.
 */
import type { PeerId } from "../../core/peer_id.ts";
import type { NodeEvent, Trust } from "../../mesh/events.ts";

/** The parts of the demo. */
export type Phase =
  | "start"
  | "pings"
  | "restart"
  | "impostor"
  | "end"
  | "keep";

/** How many of all possible links there are. */
export interface LinkCount {
  readonly links: number;
  readonly of: number;
}

interface Named {
  readonly name: string;
}

interface Pair extends Named, LinkCount {
  readonly peer: string;
}

interface Listening extends Named {
  readonly id: PeerId;
  readonly address: string;
  readonly via: string | null;
}

/** The impostor's connection to the node `to`, on which it shows the certificate of `as`. */
interface ImpostorConnection extends Named {
  readonly as: string;
  readonly to: string;
  /** The impostor's end. */
  readonly address: string;
}

/** The keys of each type of event, beside `type`. */
interface DemoEventFields {
  /**
   * The first line; `period` is the number of seconds between two pings of a node, `discover`
   * whether the nodes are announced on the local network.
   */
  demo: {
    nodes: number;
    inProcess: boolean;
    period: number;
    discover: boolean;
  };
  /** A part begins; the names are those of the nodes it is about, if any. */
  phase: { phase: Phase; name?: string; peer?: string };
  /** A node is started with only the address of `via`, or alone if that is `null`. */
  starting: Named & { via: string | null; again: boolean };
  started: Listening;
  /** The killed node listens again. */
  restarted: Listening & { previousAddress: string };
  /** A node has a session with the one it joins through. */
  joined: Named & LinkCount & { via: string; trust: Trust };
  /** Two nodes have a session; `name` dialed. */
  links: Pair;
  /** Two nodes cannot reach each other while others reach both; reported once. */
  apart: Pair;
  /** Every node has a session with every other. */
  complete: LinkCount;
  /** A node has shown pings of all others; `from` are those not named before. */
  pings: Named & { from: readonly string[] };
  /** The demo killed a node. */
  killed: Named;
  /** A node reports that a peer is gone without a bye. */
  lost: Pair & { reason: string };
  /** A node reports that a peer is gone with a bye. */
  left: Pair & { reason: string };
  /** A node has a session with the node that was killed; `trust` is what it reports. */
  recognised: Pair & { trust: Trust };
  /** A node refused a connection. */
  refused: Named & { address: string; reason: string };
  /** The impostor has a connection. */
  dialed: ImpostorConnection;
  /** How the impostor's attempt ended, as reported by both ends. */
  impostor: ImpostorConnection & {
    refused: boolean;
    memberSays: string;
    impostorSays: string;
  };
  /**
   * The page of a node has an address at which one browser is signed in, once. `opened` says
   * whether a browser was opened there, if that was asked for, and `reason` why not.
   */
  page: Named & { url: string; opened?: boolean; reason?: string };
  /** A node ended unexpectedly. */
  ended: Named & { reason: string };
  /** Any other event of a node. */
  other: Named & { event: NodeEvent };
  /** A row of the table at the end; `heard` is the number of nodes with a ping that it has shown. */
  node: Named & LinkCount & {
    id: PeerId;
    address: string;
    pings: number;
    heard: number;
  };
  /** The last line. */
  summary: LinkCount & {
    /** Whether all of it happened. */
    ok: boolean;
    /** Whether a signal ended the demo early. */
    interrupted: boolean;
    seconds: number;
    nodes: number;
    /** Pairs of sender and receiver of which pings were shown, at most nodes × (nodes - 1). */
    pingPairs: number;
    /** Parts that were completed. */
    shown: readonly Phase[];
    /** What did not happen, as a sentence. */
    missing: readonly string[];
  };
}

/** An event of one type, or of any of several. */
export type DemoEventOf<K extends keyof DemoEventFields> = {
  [T in K]: { readonly type: T } & Readonly<DemoEventFields[T]>;
}[K];

/** Any event of the demo. */
export type DemoEvent = DemoEventOf<keyof DemoEventFields>;
