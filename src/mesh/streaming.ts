/** Streams in the mesh: on which session of a peer they are. `streams/` carries them. */
import type { Clock } from "../core/clock.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { NodeCounters } from "../core/node_counters.ts";
import { type PeerId, shortId } from "../core/peer_id.ts";
import type { FrameSink } from "../delivery/frame_sink.ts";
import type {
  HandleOptions,
  OpenOptions,
  PeerStream,
  RelayedOptions,
  StreamHandler,
} from "../streams/peer_stream.ts";
import { StreamHub } from "../streams/stream_hub.ts";
import { COMMAND, STREAM_COMMANDS } from "../wire/commands.ts";
import type { AccessRules } from "./peers/access_rules.ts";
import type { PeerEvents } from "./peers/peer_events.ts";
import type { PeerSession } from "./peers/peer_session.ts";
import type { PeerTable } from "./peers/peer_table.ts";
import type { Standing } from "./peers/standing.ts";

/** Dependencies of {@linkcode Streaming}. */
export interface StreamingOptions {
  readonly clock: Clock;
  readonly counters: NodeCounters;
  readonly log: Log;
  /** This node. */
  readonly own: PeerId;
  readonly table: PeerTable;
  readonly rules: Pick<AccessRules, "isDenied">;
  readonly standing: Standing;
  readonly events: PeerEvents;
}

/** Streams of one node. */
export class Streaming {
  readonly #options: StreamingOptions;
  readonly #hub: StreamHub;

  constructor(options: StreamingOptions) {
    this.#options = options;
    const { clock, counters, events, log, standing, table } = options;
    this.#hub = new StreamHub({
      clock,
      counters,
      hasStanding: (peer) => standing.has(table.get(peer)),
      onFailed: ({ peer, protocol }, error) =>
        log.warn("handler of a stream failed", {
          peer,
          protocol,
          error: messageOf(error),
        }),
    });
    events.on("introduced", ({ session: { channel }, peer }) => {
      if (channel.features.has(COMMAND.streams)) {
        this.#hub.opened(peer.id, channel);
      } else refuseStreams(channel);
    });
    events.on("sessionClosed", ({ channel }, error) => {
      this.#hub.closed(channel, error);
    });
  }

  /** Streams that have not ended. */
  get size(): number {
    return this.#hub.size;
  }

  /** See `Node.handle`. */
  handle(
    protocol: string,
    handler: StreamHandler,
    options?: HandleOptions & RelayedOptions,
  ): Disposable {
    return this.#hub.handle(protocol, handler, options);
  }

  /** See `Node.open`. */
  open(
    id: PeerId,
    protocol: string,
    options?: OpenOptions & RelayedOptions,
  ): PeerStream {
    const { own, rules, table } = this.#options;
    const peer = table.get(id);
    if (rules.isDenied(id)) throw refusal("denied", id, "it is denied here");
    if (peer === undefined) {
      throw refusal(
        "unknown-peer",
        id,
        id === own ? "the id is this node's own" : "it is not known here",
      );
    }
    const session = peer.primary?.channel;
    this.#hub.checkOpen();
    if (!session?.isOpen) {
      throw refusal("not-connected", id, "there is no session with it now");
    }
    return this.#hub.open(id, session, protocol, options);
  }

  /** Resolves when a session has no streams, at the latest when it ends. */
  idle(channel: PeerSession["channel"]): Promise<void> {
    return this.#hub.idle(channel);
  }

  /** Ends the streams of one session, as {@linkcode close} ends all. */
  closeOn(channel: PeerSession["channel"], error: VerackError): void {
    this.#hub.closeOn(channel, error);
  }

  /** Ends all streams. */
  close(error: VerackError): void {
    this.#hub.close(error);
  }
}

/** A peer that has not announced streams must not use them. */
function refuseStreams(sink: Pick<FrameSink, "handle">): void {
  for (const command of STREAM_COMMANDS) {
    sink.handle(command, () => {
      throw new VerackError(
        "protocol",
        `Cannot accept ${command}: the peer did not announce streams before verack`,
      );
    });
  }
}

function refusal(
  code: "denied" | "not-connected" | "unknown-peer",
  id: PeerId,
  why: string,
): VerackError {
  return new VerackError(
    code,
    `Cannot open stream to ${shortId(id)}: ${why}`,
  );
}
