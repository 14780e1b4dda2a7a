/**
 * What the demo shows: one union, printed as text or as JSON by `printer.ts`.
 *
 * With `--json` each is one line, with `time` (ISO 8601) in front; the keys are
 * stable. Nodes are called by their `name`; `peer` is the name of another one.
 * What changes the number of links carries `links`, how many there are now, and
 * `of`, how many there can be. A link counts once both its ends have said so,
 * until one of them says that it is gone.
 */
import type { PeerId } from "../../identity/identity.ts";
import type { NodeEvent, Trust } from "../../mesh/events.ts";

/** The parts of the show. */
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

/** One thing that happened. */
export type DemoEvent =
  /** The first line. */
  | {
    readonly type: "demo";
    readonly nodes: number;
    readonly inProcess: boolean;
    /** Seconds between two pings of a node. */
    readonly period: number;
  }
  /** A part of the show begins; the names are those of its actors, if it has any. */
  | {
    readonly type: "phase";
    readonly phase: Phase;
    readonly name?: string;
    readonly peer?: string;
  }
  /** A node was told to start, knowing only the address of `via` (`null`: nobody's). */
  | {
    readonly type: "starting";
    readonly name: string;
    readonly via: string | null;
    readonly again: boolean;
  }
  /** A node listens. */
  | {
    readonly type: "started";
    readonly name: string;
    readonly identity: PeerId;
    readonly address: string;
    readonly via: string | null;
  }
  /** The node that was killed listens again. */
  | {
    readonly type: "restarted";
    readonly name: string;
    readonly identity: PeerId;
    readonly address: string;
    readonly previousAddress: string;
    readonly via: string | null;
  }
  /** A node has a session with the member it was told to join through. */
  | LinkCount & {
    readonly type: "joined";
    readonly name: string;
    readonly via: string;
    readonly trust: Trust;
  }
  /** Two nodes have a session; `name` dialed. */
  | LinkCount & {
    readonly type: "links";
    readonly name: string;
    readonly peer: string;
  }
  /** Two nodes cannot reach each other while others reach both; said once. */
  | LinkCount & {
    readonly type: "apart";
    readonly name: string;
    readonly peer: string;
  }
  /** Every node has a session with every other. */
  | LinkCount & { readonly type: "complete" }
  /**
   * A node has shown a ping of every other node; `from` are those of whom it was
   * not said before, so that after a return it is the one that came back.
   */
  | {
    readonly type: "pings";
    readonly name: string;
    readonly from: readonly string[];
  }
  /** The demo killed a node. */
  | { readonly type: "killed"; readonly name: string }
  /** A node says that a peer is gone without a word, or (`left`) with a bye. */
  | LinkCount & {
    readonly type: "lost" | "left";
    readonly name: string;
    readonly peer: string;
    readonly reason: string;
  }
  /** A node knows the one that was killed for who it was; `trust` is what it says. */
  | LinkCount & {
    readonly type: "recognised";
    readonly name: string;
    readonly peer: string;
    readonly trust: Trust;
  }
  /** A node refused somebody. */
  | {
    readonly type: "refused";
    readonly name: string;
    readonly address: string;
    readonly reason: string;
  }
  /** The impostor has a connection, and shows the certificate of `as`. */
  | {
    readonly type: "dialed";
    readonly name: string;
    readonly as: string;
    readonly to: string;
    readonly address: string;
  }
  /** The impostor tried: whose certificate, to whom, and what both ends say of it. */
  | {
    readonly type: "impostor";
    readonly name: string;
    readonly as: string;
    readonly to: string;
    readonly address: string;
    readonly refused: boolean;
    readonly memberSays: string;
    readonly impostorSays: string;
  }
  /** A node ended, and nobody had asked it to. */
  | { readonly type: "ended"; readonly name: string; readonly reason: string }
  /** Anything else a node said, as it said it. */
  | {
    readonly type: "other";
    readonly name: string;
    readonly event: NodeEvent;
  }
  /** A row of the table at the end. */
  | LinkCount & {
    readonly type: "node";
    readonly name: string;
    readonly identity: PeerId;
    readonly address: string;
    /** Pings it has shown since it started. */
    readonly pings: number;
    /** Other nodes it has shown pings of. */
    readonly heard: number;
  }
  /** The last line. */
  | LinkCount & {
    readonly type: "summary";
    /** Whether all of it happened. */
    readonly ok: boolean;
    /** Whether a person ended it before it was over. */
    readonly interrupted: boolean;
    readonly seconds: number;
    readonly nodes: number;
    /** Pairs (who, of whom) of which pings were shown; all is nodes × (nodes - 1). */
    readonly pingPairs: number;
    /** Parts of the show that were played to their end. */
    readonly shown: readonly Phase[];
    /** What did not happen, in words. */
    readonly missing: readonly string[];
  };
