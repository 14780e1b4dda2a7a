/**
 * What the demo shows, as one union of events, printed as text or as JSON by `printer.ts`.
 *
 * With `--json` each is one line, with `time` (ISO 8601) in front; the keys are stable. Nodes
 * are called by `name`; `peer` is the name of another node. A link counts once both its ends
 * have reported the session, until either reports that it is gone.
 */
import type { PeerId } from "../../identity/identity.ts";
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

/** The impostor's connection to the node `to`, on which it shows the certificate of `as`. */
interface ImpostorConnection {
  readonly name: string;
  readonly as: string;
  readonly to: string;
  /** The impostor's end. */
  readonly address: string;
}

/** The keys of each type of event, beside `type`. */
interface DemoEventFields {
  /** The first line; `period` is the number of seconds between two pings of a node. */
  demo: {
    readonly nodes: number;
    readonly inProcess: boolean;
    readonly period: number;
  };
  /** A part begins; the names are those of the nodes it is about, if any. */
  phase: {
    readonly phase: Phase;
    readonly name?: string;
    readonly peer?: string;
  };
  /** A node was told to start with only the address of `via`, or alone if that is `null`. */
  starting: {
    readonly name: string;
    readonly via: string | null;
    readonly again: boolean;
  };
  /** A node listens. */
  started: {
    readonly name: string;
    readonly id: PeerId;
    readonly address: string;
    readonly via: string | null;
  };
  /** The killed node listens again. */
  restarted: DemoEventFields["started"] & { readonly previousAddress: string };
  /** A node has a session with the node it was told to join through. */
  joined: LinkCount & {
    readonly name: string;
    readonly via: string;
    readonly trust: Trust;
  };
  /** Two nodes have a session; `name` dialed. */
  links: LinkCount & { readonly name: string; readonly peer: string };
  /** Two nodes cannot reach each other while others reach both; told once. */
  apart: DemoEventFields["links"];
  /** Every node has a session with every other. */
  complete: LinkCount;
  /** A node has shown pings of all others; `from` are those not named before. */
  pings: { readonly name: string; readonly from: readonly string[] };
  /** The demo killed a node. */
  killed: { readonly name: string };
  /** A node reports that a peer is gone without a bye. */
  lost: DemoEventFields["links"] & { readonly reason: string };
  /** A node reports that a peer is gone with a bye. */
  left: DemoEventFields["lost"];
  /** A node has a session with the node that was killed; `trust` is what it reports. */
  recognised: DemoEventFields["links"] & { readonly trust: Trust };
  /** A node refused a connection. */
  refused: {
    readonly name: string;
    readonly address: string;
    readonly reason: string;
  };
  /** The impostor has a connection. */
  dialed: ImpostorConnection;
  /** How the impostor's attempt ended, as reported by both ends. */
  impostor: ImpostorConnection & {
    readonly refused: boolean;
    readonly memberSays: string;
    readonly impostorSays: string;
  };
  /** A node ended without being told to. */
  ended: { readonly name: string; readonly reason: string };
  /** Any other event of a node. */
  other: { readonly name: string; readonly event: NodeEvent };
  /** A row of the table at the end. */
  node: LinkCount & {
    readonly name: string;
    readonly id: PeerId;
    readonly address: string;
    /** Pings it has shown since it started. */
    readonly pings: number;
    /** Other nodes it has shown pings of. */
    readonly heard: number;
  };
  /** The last line. */
  summary: LinkCount & {
    /** Whether all of it happened. */
    readonly ok: boolean;
    /** Whether a signal ended the demo early. */
    readonly interrupted: boolean;
    readonly seconds: number;
    readonly nodes: number;
    /** Pairs of sender and receiver of which pings were shown, at most nodes × (nodes - 1). */
    readonly pingPairs: number;
    /** Parts that were completed. */
    readonly shown: readonly Phase[];
    /** What did not happen, in words. */
    readonly missing: readonly string[];
  };
}

/** An event of one type, or of any of several. */
export type DemoEventOf<K extends keyof DemoEventFields> = {
  [T in K]: { readonly type: T } & DemoEventFields[T];
}[K];

/** Any event of the demo. */
export type DemoEvent = DemoEventOf<keyof DemoEventFields>;
