/** Handles requests about kept topics, and gives their messages to consumers. */
import { VerackError } from "../../core/errors.ts";
import type { PeerId } from "../../core/peer_id.ts";
import type { KeptMessage } from "../../delivery/kept_topics.ts";
import { memberChosen } from "../../mesh/peers/find_peers.ts";
import { keptMessageRow, messageEvent } from "../answer_rows.ts";
import type { SettledAnswer } from "../answers.ts";
import type { Input } from "../api/endpoint.ts";
import type {
  keptTopicEndpoints,
  keptTopicOperations,
} from "../api/kept_topic_endpoints.ts";
import { MAX_RECEIVED_UNACKED } from "../control_limits.ts";
import { badRequest } from "../guard.ts";
import type { HandlerContext, Handlers, OperationHandlers } from "./handler.ts";

/** Handlers of kept topics. */
export function keptTopicHandlers(context: HandlerContext): {
  readonly endpoints: Handlers<typeof keptTopicEndpoints>;
  readonly operations: OperationHandlers<typeof keptTopicOperations>;
} {
  return {
    endpoints: endpointHandlers(context),
    operations: operationHandlers(context),
  };
}

function endpointHandlers(
  { node, closing, publish, isWatched }: HandlerContext,
): Handlers<typeof keptTopicEndpoints> {
  const { keptTopics: kept } = node;
  const shown = (message: KeptMessage) =>
    keptMessageRow(message, node.peer(message.from));
  /** Settles each message; all that is wrong but an unknown id ends it. */
  const each = async (
    { ids, from }: Pick<
      Input<typeof keptTopicEndpoints.ackKept>,
      "ids" | "from"
    >,
    settle: (id: string, from: PeerId | undefined) => void | Promise<void>,
  ): Promise<SettledAnswer> => {
    const sender = from === undefined
      ? undefined
      : memberChosen(from, node.findPeers(from));
    const unknown: string[] = [];
    const settled = ids.map(async (id) => {
      try {
        await settle(id, sender);
      } catch (error) {
        const isUnknown = error instanceof VerackError &&
          error.code === "unknown-message";
        if (!isUnknown) throw error;
        unknown.push(id);
      }
    });
    await Promise.all(settled);
    return { ids: ids.filter((id) => !unknown.includes(id)), unknown };
  };
  return {
    keptTopics: () => ({ topics: kept.list() }),
    keepTopic: ({ topic }) => {
      try {
        return { topic, isNew: kept.keep(topic) };
      } catch (error) {
        // Without a store.
        if (error instanceof TypeError) throw badRequest(error.message);
        throw error;
      }
    },
    dropTopic: ({ topic }) => ({ topic, messages: kept.drop(topic) }),
    keptMessages: ({ topic, max = MAX_RECEIVED_UNACKED, since }) => ({
      messages: kept.peek(topic, {
        max,
        ...(since !== undefined && { since: new Date(since) }),
      }).map(shown),
    }),
    lease: async ({ topic, since, ...options }, { signal }) => {
      const messages = await kept.lease(topic, {
        ...options,
        ...(since !== undefined && { since: new Date(since) }),
        signal: AbortSignal.any([closing, signal]),
      });
      // A client that has gone gets nothing, and the next one does.
      if (signal.aborted) {
        for (const { id, from } of messages) kept.release(id, from);
      }
      return { messages: messages.map(shown) };
    },
    ackKept: (which) =>
      each(which, async (id, from) => {
        const message = isWatched() ? kept.get(id, from) : undefined;
        await kept.ack(id, from);
        if (message === undefined) return;
        publish(messageEvent(message, node.peer(message.from)));
      }),
    nackKept: ({ reason, delayMs, ...which }) =>
      each(which, (id, from) =>
        kept.nack(id, {
          ...(reason !== undefined && { reason }),
          ...(delayMs !== undefined && { delayMs }),
        }, from)),
    releaseKept: (which) => each(which, (id, from) => kept.release(id, from)),
    extendKept: ({ leaseMs, ...which }) =>
      each(which, (id, from) => kept.extend(id, leaseMs, from)),
  };
}

function operationHandlers(
  { node }: HandlerContext,
): OperationHandlers<typeof keptTopicOperations> {
  const { keptTopics: kept } = node;
  return {
    receiveMessages: async ({ topic, since, ...options }, { signal }) => {
      const consumer = {};
      // What was not acked goes to the next consumer, and was not delivered.
      const leave = () => kept.leave(consumer);
      signal.addEventListener("abort", leave, { once: true });
      const lease = (waitMs: number) =>
        kept.lease(topic, {
          ...options,
          ...(since !== undefined && { since: new Date(since) }),
          max: MAX_RECEIVED_UNACKED,
          leaseMs: Infinity,
          waitMs,
          consumer,
          signal,
        });
      // Errors are those of the request, not of its records.
      let messages = await lease(0);
      return async function* () {
        try {
          while (!signal.aborted) {
            for (const message of messages) {
              yield keptMessageRow(message, node.peer(message.from));
            }
            messages = await lease(Infinity);
          }
        } finally {
          leave();
        }
      }();
    },
  };
}
