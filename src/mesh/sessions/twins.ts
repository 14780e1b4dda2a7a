/** Two processes with one key: reports them, and sends `twin` to the first. */
import type { VerackError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { type PeerId, shortId } from "../../core/peer_id.ts";
import { formatAddress } from "../../transport/address.ts";
import { COMMAND } from "../../wire/commands.ts";
import type { Emit } from "../events.ts";
import type { HealthBoard } from "../health.ts";
import type { Peer } from "../peers/peer.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import type { Standing } from "../peers/standing.ts";

/** Dependencies of {@linkcode Twins}. */
export interface TwinsOptions {
  /** This node. */
  readonly own: PeerId;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly health: Pick<HealthBoard, "keyInUse">;
  readonly standing: Pick<Standing, "has" | "isChosen">;
  readonly events: PeerEvents;
  readonly emit: Emit;
}

/** The twins of one node and of its peers; each is reported once. */
export class Twins {
  readonly #options: TwinsOptions;

  constructor(options: TwinsOptions) {
    this.#options = options;
    const { events, own, signal } = options;
    events.on("introduced", ({ session, peer }) => {
      const from = shortId(session.remote.id);
      // Any member may send a false report, so that it is only an alarm.
      session.channel.handle(
        COMMAND.twin,
        () =>
          this.#report(session, peer, "own", {
            reason:
              `Another process runs with this node's key: ${from} has turned it away`,
            actual: own,
          }),
      );
    });
    events.on("sessionClosed", (session, error, peer) => {
      if (error.code !== "identity-in-use" || signal.aborted) return;
      if (peer !== undefined) this.#refused(session, error, peer);
    });
  }

  /** This node has refused a second process, and sends `twin` to the first; or is the second. */
  #refused(session: PeerSession, error: VerackError, peer: Peer): void {
    if (session.pending) {
      peer.primary?.channel.send(COMMAND.twin, new Uint8Array(0));
    }
    const whose = session.pending ? peer.id : "own";
    const { message: reason } = error;
    this.#report(session, peer, whose, { reason, actual: peer.id });
  }

  #report(
    { dialed, remoteAddress }: PeerSession,
    peer: Peer,
    whose: PeerId | "own",
    { reason, actual }: { reason: string; actual: PeerId },
  ): void {
    const { emit, health, log, standing } = this.#options;
    const isChosen = standing.isChosen(peer);
    const hasStanding = standing.has(peer);
    if (!health.keyInUse(whose, reason, isChosen, hasStanding)) return;
    const address = formatAddress(dialed ?? remoteAddress);
    log.warn("refused", { address, reason });
    emit({ type: "refused", address, reason, actual });
  }
}
