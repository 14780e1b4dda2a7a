/** Forwards connections for clients of the control API. */
import { namesOf } from "../../identity/peer_name.ts";
import type { Forward } from "../../services/forwarding/forward.ts";
import type { ForwardRecord } from "../answers.ts";
import type { forwardOperations } from "../api/forward_operations.ts";
import type { HandlerContext, OperationHandlers } from "./handler.ts";

/** Handlers of {@linkcode forwardOperations}. */
export function forwardHandlers(
  { node }: HandlerContext,
): OperationHandlers<typeof forwardOperations> {
  return {
    forward: async (input, { signal }) => {
      // Loaded here, because most nodes forward nothing.
      const { forward } = await import("../../services/forwarding/forward.ts");
      const tunnel = await forward(node, { ...input, signal });
      return recordsOf(tunnel);
    },
  };

  async function* recordsOf(tunnel: Forward): AsyncGenerator<ForwardRecord> {
    await using closing = tunnel;
    const { peer: id, to } = closing;
    for await (const event of closing) {
      if (event.type !== "listening") yield event;
      else yield { ...event, to, id, ...namesOf(node.peer(id)) };
    }
  }
}
