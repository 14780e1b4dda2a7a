/** Handles requests about the node and its peers. */
import type { peerEndpoints } from "../api/peer_endpoints.ts";
import { peersAnswer, statusAnswer } from "../node_snapshot.ts";
import type { HandlerContext, Handlers } from "./handler.ts";

/** Handlers of {@linkcode peerEndpoints}. */
export function peerHandlers(
  context: HandlerContext,
): Handlers<typeof peerEndpoints> {
  const { node, stop } = context;
  return {
    status: () => statusAnswer(context),
    peers: ({ query }) => {
      const all = peersAnswer(node);
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
    stop: () => {
      stop();
      return { stopping: true };
    },
  };
}
