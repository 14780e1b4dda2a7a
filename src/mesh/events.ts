/**
 * The events of a node: one union of plain objects, and the hub that fills the queue of each
 * listener.
 */
import { Deque } from "../core/deque.ts";
import { EventQueue } from "../core/event_queue.ts";
import type { PeerId } from "../core/peer_id.ts";
import { MAX_QUEUED_EVENTS } from "./mesh_limits.ts";

/** Which end dialed. */
export type Direction = "inbound" | "outbound";

/**
 * Why an identity is trusted: `pinned` was configured, `known` is on record or was introduced
 * by a member, `first-use` is the key that answered first.
 */
export type Trust = "first-use" | "known" | "pinned";

/**
 * How bad a fact is. With a `failing` one the node does not do its work, and its health check
 * fails; a `warning` is for its operator, and no restart or load balancer would mend it.
 */
export type Severity = "failing" | "warning";

/** Two members that cannot reach each other, the smaller identity first. */
export type MissingPair = readonly [PeerId, PeerId];

/**
 * Something that happened at a node. Addresses are `host:port`; text that came
 * from the network (`text`, `reason`, `name`, `topic`) is bounded but NOT escaped: escape it
 * where it is shown. `name` is the name that the peer advertises, if any, and `boundName` the
 * one that the user of this node has given it.
 */
export type NodeEvent =
  /** The node has started; without an address it accepts no connections (`listen: false`). */
  | {
    readonly type: "listening";
    readonly id: PeerId;
    /** The first of `addresses`. */
    readonly address?: string;
    readonly addresses: readonly string[];
  }
  /** This machine has other addresses than before. */
  | {
    readonly type: "network";
    readonly added: readonly string[];
    readonly removed: readonly string[];
  }
  /** A peer is connected and verified. Once a peer, also with several sessions. */
  | {
    readonly type: "peer:up";
    readonly id: PeerId;
    readonly name?: string;
    readonly boundName?: string;
    /** The address that was dialed; of an inbound session, the one from which it connected. */
    readonly address: string;
    /**
     * Of an inbound session: the address that the peer advertises, which is not verified unless
     * it has answered there before.
     */
    readonly advertised?: string;
    readonly direction: Direction;
    /** The member that relays the session, at `address`; absent on a direct one. */
    readonly via?: PeerId;
    /** The name of that member, bound here or else advertised; not escaped. */
    readonly viaName?: string;
    readonly trust: Trust;
  }
  /** The last session with a peer ended. */
  | {
    readonly type: "peer:down";
    readonly id: PeerId;
    readonly name?: string;
    readonly boundName?: string;
    /** The member that relayed the session. */
    readonly via?: PeerId;
    readonly reason: string;
    /** Whether it sent bye, rather than being lost. */
    readonly left: boolean;
  }
  /** A connected peer is reached another way: directly, or through this relay. */
  | {
    readonly type: "path";
    readonly id: PeerId;
    readonly name?: string;
    readonly boundName?: string;
    /** The relay; absent if the path is direct now. */
    readonly via?: PeerId;
    readonly viaName?: string;
    readonly hops: number;
  }
  /** A peer sent a ping with text. */
  | {
    readonly type: "ping";
    readonly id: PeerId;
    readonly name?: string;
    readonly boundName?: string;
    readonly text: string;
  }
  /** The state of the mesh. */
  | {
    readonly type: "mesh";
    /** Members, this node among them. */
    readonly nodes: number;
    /** Sessions of this node. */
    readonly sessions: number;
    /** Pairs of members that cannot reach each other, as they report; at most 256. */
    readonly missing: readonly (readonly [PeerId, PeerId])[];
  }
  /** A node is announced on the local network that is not connected, and is dialed. */
  | {
    readonly type: "found";
    readonly address: string;
    /** The identity that it announces, which is not verified; absent if it announces none. */
    readonly id?: PeerId;
  }
  /** A peer was refused, or has refused this node. */
  | {
    readonly type: "refused";
    readonly address: string;
    /** The member that relayed the connection, at `address`. */
    readonly via?: PeerId;
    readonly viaName?: string;
    readonly reason: string;
    readonly expected?: PeerId;
    readonly actual?: PeerId;
  }
  /** A peer proved its key and is not admitted: reported once, listed until decided. */
  | {
    readonly type: "join-request";
    readonly id: PeerId;
    readonly address: string;
  }
  /**
   * A peer advertises a name that is bound to another peer, or is this node's. Reported once
   * for a peer and its name; the name stays bound to `holder`, which is this node's own
   * identity if `ownName` is set.
   */
  | {
    readonly type: "name-conflict";
    readonly id: PeerId;
    readonly name: string;
    readonly boundName?: string;
    readonly holder: PeerId;
    readonly ownName: boolean;
  }
  /** A configured address does not answer; reported once, tried for ever. */
  | {
    readonly type: "unreachable";
    readonly address: string;
    readonly reason: string;
  }
  /**
   * Another identity than before is at a configured address, and is accepted there, as the key
   * of the former lived in memory only.
   */
  | {
    readonly type: "replaced";
    readonly address: string;
    readonly former: PeerId;
    readonly id: PeerId;
  }
  /**
   * Others cannot dial this node, or that is over: `reachable` is absent while it is not known.
   * `by` are the peers that say so.
   */
  | {
    readonly type: "reach";
    readonly reachable?: boolean;
    readonly by: readonly PeerId[];
  }
  /**
   * A message of this node is not sent any more, though it was not acknowledged. Also reported
   * for messages of an earlier process.
   */
  | {
    readonly type: "undelivered";
    readonly to: PeerId;
    readonly name?: string;
    readonly boundName?: string;
    readonly topic: string;
    /** The message's id, 32 hex digits. */
    readonly id: string;
    readonly reason: string;
  }
  /** The application nacked a message too often; `reason` is that of the application. */
  | {
    readonly type: "dead-letter";
    readonly from: PeerId;
    readonly name?: string;
    readonly boundName?: string;
    readonly topic: string;
    /** The message's id, 32 hex digits. */
    readonly id: string;
    readonly reason: string;
  }
  /** Something is wrong with this node that no other event reports; see `NodeStatus.health`. */
  | {
    readonly type: "trouble";
    readonly code: string;
    readonly severity: Severity;
    readonly reason: string;
  }
  /** What `refused` or `trouble` reported is over. */
  | {
    readonly type: "resolved";
    readonly code: string;
    readonly reason: string;
    readonly lastedMs: number;
  }
  /** The listener was too slow: this many of the oldest events are gone. */
  | { readonly type: "overflow"; readonly dropped: number }
  /** The node has closed; always the last event. */
  | { readonly type: "stopped" };

/** Emits an event, once `until` is settled if it is given. */
export type Emit = (event: NodeEvent, until?: Promise<unknown>) => void;

/** Events for some listeners, and what they wait for. */
interface Held {
  readonly queues: readonly EventQueue<NodeEvent>[];
  readonly events: readonly NodeEvent[];
  readonly until?: Promise<unknown>;
}

/** Passes events on to listeners that come and go. */
export class EventHub {
  readonly #queues = new Set<EventQueue<NodeEvent>>();
  /** Later events wait for it, too. */
  readonly #held = new Deque<Held>();
  #releasing: Promise<void> | undefined;
  #ended = false;

  /** Emits to all listeners; with `until`, once that is settled, also if it failed. */
  emit(event: NodeEvent, until?: Promise<unknown>): void {
    const queues = [...this.#queues];
    if (queues.length === 0) until?.catch(() => {});
    else this.#pass({ queues, events: [event], ...(until && { until }) });
  }

  /** A new listener, which gets `first` and then all events; ends when `signal` aborts. */
  listen(
    first: readonly NodeEvent[],
    signal?: AbortSignal,
  ): EventQueue<NodeEvent> {
    const onAbort = () => queue.end();
    const queue = new EventQueue<NodeEvent>(MAX_QUEUED_EVENTS, () => {
      this.#queues.delete(queue);
      signal?.removeEventListener("abort", onAbort);
    });
    if (this.#ended || signal?.aborted) {
      queue.end();
      return queue;
    }
    this.#queues.add(queue);
    this.#pass({ queues: [queue], events: first });
    signal?.addEventListener("abort", onAbort, { once: true });
    return queue;
  }

  /** No new listeners from here on; the others get the last events. */
  refuse(): void {
    this.#ended = true;
  }

  /** No more events come after those that wait. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#releasing;
    for (const queue of [...this.#queues]) queue.end();
  }

  #pass(held: Held): void {
    if (this.#held.length === 0 && held.until === undefined) {
      return deliver(held);
    }
    this.#held.push(held);
    if (this.#held.length > MAX_QUEUED_EVENTS) {
      const oldest = this.#held.shift();
      if (oldest !== undefined) deliver(oldest);
    }
    if (this.#held.length === 1) this.#releasing = this.#release();
  }

  async #release(): Promise<void> {
    for (
      let head = this.#held.first;
      head !== undefined;
      head = this.#held.first
    ) {
      await head.until?.catch(() => {});
      if (this.#held.first !== head) continue;
      deliver(head);
      this.#held.shift();
    }
  }
}

function deliver({ queues, events }: Held): void {
  for (const queue of queues) {
    for (const event of events) queue.push(event);
  }
}
