/** One forward while it lasts: its connections, and what is reported of them. */
import { VerackError } from "../../core/errors.ts";
import { EventQueue } from "../../core/event_queue.ts";
import type { PeerId } from "../../core/peer_id.ts";
import type { Address } from "../../transport/address.ts";
import { MAX_FORWARD_EVENTS } from "../services_limits.ts";
import type { ForwardEvent } from "./forward_events.ts";
import type { ForwardHub, ForwardingNode } from "./forward_hub.ts";
import { ForwardTraffic } from "./forward_traffic.ts";
import type { ReplyReader } from "./forward_wire.ts";
import type { ForwardedConnection } from "./forwarded_connection.ts";

/** Dependencies of {@linkcode ForwardRun}. */
export interface ForwardRunParts {
  readonly hub: ForwardHub;
  readonly node: ForwardingNode;
  readonly peer: PeerId;
  /** Where the connections lead to. */
  readonly to: Address;
  /** Aborts when the forward is closed; the reason is an error. */
  readonly signal: AbortSignal;
}

/** One forward while it lasts. */
export class ForwardRun implements ForwardRunParts {
  readonly hub: ForwardHub;
  readonly node: ForwardingNode;
  readonly peer: PeerId;
  readonly to: Address;
  readonly signal: AbortSignal;
  /** At most `MAX_FORWARD_EVENTS` wait to be taken. */
  readonly events: EventQueue<ForwardEvent> = new EventQueue(
    MAX_FORWARD_EVENTS,
  );
  readonly traffic: ForwardTraffic;
  #count = 0;

  constructor(parts: ForwardRunParts) {
    this.hub = parts.hub;
    this.traffic = new ForwardTraffic(parts.hub.counters);
    this.node = parts.node;
    this.peer = parts.peer;
    this.to = parts.to;
    this.signal = parts.signal;
  }

  /** Closes the connections; resolves when they have ended, and so have the events. */
  async end(): Promise<void> {
    this.traffic.abort(this.signal.reason);
    await this.traffic.settled();
    this.events.end();
  }

  /**
   * Carries one connection to its end, and reports it.
   *
   * @param from Its other end, at the listener.
   * @param reply Reads the reply of the peer, before which it is not open.
   * @throws {VerackError} as `connect`.
   */
  async carry(
    from: string,
    connect: () => Promise<ForwardedConnection>,
    reply?: ReplyReader,
  ): Promise<void> {
    const { clock, connections } = this.hub;
    const since = clock.monotonic();
    let number: number | undefined;
    const onOpen = () => {
      number = ++this.#count;
      this.traffic.countOpened();
      this.events.push({ type: "opened", connection: number, from });
    };
    let connection;
    try {
      connection = await connect();
      this.signal.throwIfAborted();
    } catch (error) {
      connection?.abort(error);
      this.refused(from, error);
      throw error;
    }
    if (reply === undefined) onOpen();
    const run = connection.run.bind(connection, reply, onOpen);
    const carried = connections.carry(connection, {
      peer: this.peer,
      what: from,
      run,
    });
    let failure: VerackError | undefined;
    const done = carried.catch((error) => {
      failure = forwardError(error);
    });
    this.traffic.add(connection, done);
    await done;
    if (number === undefined) return this.refused(from, failure);
    const { sentBytes, receivedBytes } = connection;
    this.events.push({
      type: "closed",
      connection: number,
      from,
      sentBytes,
      receivedBytes,
      durationMs: Math.round(clock.monotonic() - since),
      ...(failure !== undefined && { reason: failure.message }),
    });
  }

  /** Reports a connection that was accepted and led nowhere. */
  refused(from: string, error: unknown): void {
    const { code, message: reason } = forwardError(error);
    this.traffic.countRefused();
    this.hub.counters.forwardedRefused++;
    this.events.push({ type: "refused", from, code, reason });
  }

  /** Calls back when the session with the peer is lost, and when there is one, until closed. */
  async watchPeer(
    onChange: (
      change: { readonly isUp: boolean; readonly reason: string },
    ) => void,
  ): Promise<void> {
    const { node, peer, signal } = this;
    let isUp = node.peer(peer)?.connected ?? false;
    if (!isUp) onChange({ isUp, reason: "there is no session with the peer" });
    for await (const event of node.events({ signal })) {
      if (event.type !== "peer:up" && event.type !== "peer:down") continue;
      if (event.id !== peer || isUp === (event.type === "peer:up")) continue;
      isUp = !isUp;
      onChange({ isUp, reason: event.type === "peer:up" ? "" : event.reason });
    }
  }
}

/** What a stream says before the reason for which the peer has aborted it. */
const ABORTED = /^Stream \S+ of [0-9a-f]+: the peer aborted it(: |$)/;

/**
 * The error of a peer that does not speak `tcp/1` means that it allows nothing; of a stream that
 * the peer has aborted only the reason is of use.
 */
export function forwardError(error: unknown): VerackError {
  if (!(error instanceof VerackError)) {
    return new VerackError("failed", String(error), { cause: error });
  }
  if (error.code === "reset" && ABORTED.test(error.message)) {
    const reason = error.message.replace(ABORTED, "");
    const message = reason === ""
      ? "The peer ended it"
      : `At the peer: ${reason}`;
    return new VerackError("reset", message, { cause: error });
  }
  if (error.code !== "unknown-protocol") return error;
  return new VerackError("not-allowed", "The peer allows no forwarding", {
    cause: error,
  });
}
