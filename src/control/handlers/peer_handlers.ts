/** Handles requests about the node and its peers. */
import type { peerEndpoints } from "../api/peer_endpoints.ts";
import { forwardingReport } from "../../services/forwarding/forward_rules.ts";
import { allowedUses } from "../allowed_uses.ts";
import type { HandlerContext, Handlers } from "./handler.ts";

/** Handlers of {@linkcode peerEndpoints}. */
export function peerHandlers(
  { node, figures, stop }: HandlerContext,
): Handlers<typeof peerEndpoints> {
  return {
    status: () => {
      const forwarding = forwardingReport(node);
      const allowed = allowedUses(node);
      return {
        ...node.status(),
        control: figures(),
        ...(forwarding !== undefined && { forwarding }),
        ...(allowed.length > 0 && { allowed }),
      };
    },
    peers: ({ query }) => {
      const decoder = new TextDecoder();
      const sessions = node.sessions().map(({ userAgent, ...session }) => ({
        ...session,
        userAgent: decoder.decode(userAgent),
      }));
      if (query === undefined) return { peers: node.peers(), sessions };
      const found = node.findPeers(query);
      const peers = found.flatMap(({ id }) => node.peer(id) ?? []);
      return {
        peers,
        sessions: sessions.filter(({ id }) => found.some((it) => it.id === id)),
        self: found.some(({ self }) => self),
      };
    },
    stop: () => {
      stop();
      return { stopping: true };
    },
  };
}
