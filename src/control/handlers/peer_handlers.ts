/** Handles requests about the node and its peers. */
import { VerackError } from "../../core/errors.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { namesOf } from "../../identity/peer_name.ts";
import { namedRelay } from "../../identity/relay_name.ts";
import type { peerEndpoints } from "../api/peer_endpoints.ts";
import { metricsResponse } from "../metrics/metrics_response.ts";
import { peersAnswer, statusAnswer } from "../node_snapshot.ts";
import type { SessionInfo } from "../../mesh/peers/peer_info.ts";
import type { HandlerContext, Handlers } from "./handler.ts";

/** Handlers of {@linkcode peerEndpoints}. */
export function peerHandlers(
  context: HandlerContext,
): Handlers<typeof peerEndpoints> {
  const { node, stop } = context;
  return {
    status: () => statusAnswer(context),
    metrics: (_, { headers }) =>
      metricsResponse(statusAnswer(context), headers),
    peers: ({ query }) => {
      const all = peersAnswer(context);
      if (query === undefined) return all;
      const found = node.findPeers(query);
      const peers = found.flatMap(({ id }) => node.peer(id) ?? []);
      return {
        peers,
        sessions: all.sessions.filter(({ id }) =>
          found.some((it) => it.id === id)
        ),
        self: found.some(({ self }) => self),
      };
    },
    ping: async ({ to }) => {
      const id = node.resolvePeer(to);
      if (id === node.identity.id) {
        throw new VerackError(
          "unknown-peer",
          "Cannot ping: that is this node, must be a peer",
        );
      }
      const isIts = (it: { readonly id: PeerId }) => it.id === id;
      const isDirect = ({ via }: SessionInfo) => via === undefined;
      const sessions = node.sessions().filter(isIts);
      // A direct session replaces a relayed one that is still open.
      const session = sessions.find(isDirect) ?? sessions[0];
      const via = session?.via;
      const rttMs = await node.roundTrip(id);
      return {
        id,
        ...namesOf(node.peer(id)),
        connected: session !== undefined,
        ...(session !== undefined && { address: session.remoteAddress }),
        ...namedRelay(via, { of: (it) => namesOf(node.peer(it)) }),
        ...(rttMs !== undefined && { rttMs }),
      };
    },
    stop: () => {
      stop();
      return { stopping: true };
    },
  };
}
