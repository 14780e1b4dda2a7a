/** Handles requests that send messages, and those about dead letters. */
import { aborted, deadline } from "../../core/clock.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { BROADCAST_WAIT_MS } from "../../delivery/delivery_limits.ts";
import { namesOf, type PeerNames } from "../../identity/peer_name.ts";
import type { Node } from "../../mesh/node.ts";
import { memberChosen } from "../../mesh/peers/find_peers.ts";
import { deadLetterRow, wholeDeadLetter } from "../answer_rows.ts";
import type { Input } from "../api/endpoint.ts";
import type { messageEndpoints } from "../api/message_endpoints.ts";
import { badRequest, bytesOfBase64 } from "../guard.ts";
import type { HandlerContext, Handlers } from "./handler.ts";

/** Handlers of {@linkcode messageEndpoints}. */
export function messageHandlers(
  { node, clock, closing }: HandlerContext,
): Handlers<typeof messageEndpoints> {
  const { deadLetters } = node;
  const senderOf = (from: string | undefined) =>
    from === undefined ? undefined : memberOf(node, from);
  const settle = (action: "retry" | "discard") =>
  (
    { id, from }: Input<typeof messageEndpoints.retry>,
  ) => {
    deadLetters[action](id, senderOf(from));
    return { id };
  };
  return {
    send: async (
      { to: receiver, waitMs, text, base64, ...options },
      { bytes = bodyOf(text, base64) },
    ) => {
      const to = node.resolvePeer(receiver);
      const peer = node.peer(to);
      const connected = peer?.connected ?? false;
      let id = "";
      const onId = (text: string) => id = text;
      const acked = node.send(to, bytes, { ...options, onId })
        .then(() => true);
      // Later results are reported by events.
      acked.catch(() => {});
      // A peer that is away will not acknowledge it soon.
      const limitMs = waitMs ?? (connected ? BROADCAST_WAIT_MS : 0);
      using limit = deadline(clock, limitMs, closing);
      const stored = aborted(limit.signal)
        .then(() => node.committed()).then(() => false);
      const delivered = await Promise.race([acked, stored]);
      return {
        id,
        to,
        ...namesOf(peer),
        delivered,
        connected: delivered || (node.peer(to)?.connected ?? false),
      };
    },
    broadcast: async (
      { waitMs = BROADCAST_WAIT_MS, text, base64, ...options },
      { bytes = bodyOf(text, base64) },
    ) => {
      const result = await node.broadcast(bytes, { ...options, waitMs });
      await node.committed();
      const failed = result.failed.map(({ id, error }) => ({
        id,
        standing: node.peer(id)?.standing ?? false,
        reason: error.message,
      }));
      const peers = [
        ...result.delivered,
        ...result.waiting,
        ...failed.map(({ id }) => id),
      ];
      const byIdentity = (kind: keyof PeerNames) =>
        Object.fromEntries(peers.flatMap((peer) => {
          const name = node.peer(peer)?.[kind];
          return name === undefined ? [] : [[peer, name]];
        }));
      return {
        ...result,
        failed,
        names: byIdentity("name"),
        boundNames: byIdentity("boundName"),
      };
    },
    deadLetters: () => ({
      messages: deadLetters.list().map((it) =>
        deadLetterRow(it, node.peer(it.from))
      ),
    }),
    deadLetter: ({ id, from }) => {
      const message = deadLetters.get(id, senderOf(from));
      return wholeDeadLetter(message, node.peer(message.from));
    },
    retry: settle("retry"),
    discard: settle("discard"),
  };
}

/** The one member selected by a name, an identity or its first digits. */
function memberOf(node: Node, text: string): PeerId {
  return memberChosen(text, node.findPeers(text));
}

function bodyOf(
  text: string | undefined,
  base64: string | undefined,
): Uint8Array | string {
  if ((text === undefined) === (base64 === undefined)) {
    throw badRequest("The message must be in one of text, base64");
  }
  return base64 === undefined ? text ?? "" : bytesOfBase64(base64);
}
