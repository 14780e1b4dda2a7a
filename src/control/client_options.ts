/** Options of the methods of `ControlClient`. */
import type { Clock } from "../core/clock.ts";

/** How a message is sent. */
export interface ControlSendOptions {
  /** Its topic. */
  readonly topic?: string;
  /** How long it is kept, milliseconds. */
  readonly ttlMs?: number;
  /** How long the answer waits for it to be acknowledged, milliseconds. */
  readonly waitMs?: number;
}

/** How a node is watched. */
export interface ControlWatchOptions {
  /** At least 200, at most 60,000. @default {1000} */
  readonly intervalMs?: number;
  /** Whether the events of the node come as well. @default {false} */
  readonly events?: boolean;
  /** Types of events, separated by commas. @default all */
  readonly type?: string;
  /** Of the messages only those of this topic. */
  readonly topic?: string;
  /** The events go on after the one with this id, if the node still has it. */
  readonly since?: string;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/** How a request is sent. */
export interface ControlRequestOptions {
  /** How long to wait for the answer, milliseconds. @default {30000} */
  readonly timeoutMs?: number;
}

/** What is forwarded; see `forward` of `@verack/verack/services`. */
export interface ControlForwardOptions {
  /** Where connections are accepted: `[HOST:]PORT`, or the path of a Unix socket. */
  readonly listen: string;
  /** The name or the id of the peer at the other end. */
  readonly peer: string;
  /** Where they lead to: `[HOST:]PORT`. */
  readonly to: string;
  /** The peer listens, and the node connects. @default {false} */
  readonly reverse?: boolean;
}

/** Options of {@linkcode ControlClient.follow}. */
export interface FollowOptions {
  /** Ends the events. */
  readonly signal: AbortSignal;
  /** Called once when the stream broke and is resumed. */
  readonly onTrouble: (error: Error) => void;
  /** Times the pauses. @default {systemClock} */
  readonly clock?: Clock;
  /**
   * Whether the node runs. @default whether its directory is in use; of a node at a URL, whether
   * its stream broke less than a minute ago
   */
  readonly isRunning?: () => boolean;
}
