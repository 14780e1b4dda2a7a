/**
 * A node of the demo, wherever it runs: in a process of its own
 * (`child_node.ts`) or in this one (`local_node.ts`).
 */
import type { Identity } from "../../identity/identity.ts";
import type { NodeEvent } from "../../mesh/events.ts";

/** How a node is started. */
export interface DemoNodeOptions {
  readonly name: string;
  readonly identity: Identity;
  /** `host:port` of the one member it knows; the first node knows nobody. */
  readonly connect?: string;
  /** What the node says. */
  readonly onEvent: (event: NodeEvent) => void;
  /** Called once, when it is gone: why, in words. */
  readonly onEnd: (reason: string) => void;
}

/** A node that was started. */
export interface DemoNode {
  /** Ends it as a crash would, without a word to anybody; resolves when it is gone. */
  kill(): Promise<void>;
  /**
   * Asks it to say bye to all, unless it is leaving by itself, and kills it if
   * that takes too long; resolves when it is gone.
   */
  leave(): Promise<void>;
}

/**
 * Where nodes run. Disposing of it kills every node that is left and removes all
 * that was made for them.
 */
export interface DemoHost extends AsyncDisposable {
  /** Most nodes that should be starting at the same moment. */
  readonly startsAtOnce: number;
  /** No further node is started while more links than this are still to come. */
  readonly linksAtOnce: number;
  /** Starts a node; it has started when it says `listening`. */
  start(options: DemoNodeOptions): Promise<DemoNode>;
}
