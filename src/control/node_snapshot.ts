/**
 * What a node shows of itself: the control API, the records of `watch`, metrics and telemetry
 * read it here, so that they show the same.
 */
import type { Clock } from "../core/clock.ts";
import type { Node } from "../mesh/node.ts";
import type { NodeStatus } from "../mesh/node_status.ts";
import type { PeerInfo, SessionInfo } from "../mesh/peers/peer_info.ts";
import {
  type ForwardingReport,
  forwardingReport,
} from "../services/forwarding/forward_rules.ts";
import { type AllowedUse, allowedUses } from "./allowed_uses.ts";
import type { ControlFigures } from "./answers.ts";
import { type ProcessFigures, processFigures } from "./process_figures.ts";

/** What is read. */
export interface SnapshotSource {
  readonly node: Node;
  readonly clock: Clock;
  readonly figures: () => ControlFigures;
}

/** The status of a node, with what its services, its control server and its process add to it. */
export function statusAnswer(
  { node, figures }: Pick<SnapshotSource, "node" | "figures">,
): NodeStatus & {
  readonly control: ControlFigures;
  readonly process: ProcessFigures;
  readonly forwarding?: ForwardingReport;
  readonly allowed?: readonly AllowedUse[];
} {
  const forwarding = forwardingReport(node);
  const allowed = allowedUses(node);
  return {
    ...node.status(),
    control: figures(),
    process: processFigures(),
    ...(forwarding !== undefined && { forwarding }),
    ...(allowed.length > 0 && { allowed }),
  };
}

/** All peers and sessions of a node. */
export function peersAnswer({ node }: Pick<SnapshotSource, "node">): {
  readonly peers: PeerInfo[];
  readonly sessions:
    (Omit<SessionInfo, "userAgent"> & { readonly userAgent: string })[];
} {
  const decoder = new TextDecoder();
  const sessions = node.sessions().map(({ userAgent, ...session }) => ({
    ...session,
    userAgent: decoder.decode(userAgent),
  }));
  return { peers: node.peers(), sessions };
}

/**
 * Something that is read of a node for many readers: what was read this shortly before is good
 * enough, so that many of them cost the node no more than one.
 */
export class SharedReading<T> {
  readonly #clock: Clock;
  readonly #freshMs: number;
  readonly #read: () => T;
  #last: { readonly at: number; readonly value: T } | undefined;

  constructor(clock: Clock, freshMs: number, read: () => T) {
    this.#clock = clock;
    this.#freshMs = freshMs;
    this.#read = read;
  }

  /** Reads it, unless that was done just now. */
  get(): T {
    const at = this.#clock.monotonic();
    if (this.#last === undefined || at - this.#last.at >= this.#freshMs) {
      this.#last = { at, value: this.#read() };
    }
    return this.#last.value;
  }
}
