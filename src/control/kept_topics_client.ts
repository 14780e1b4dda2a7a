/** Kept topics of a running node, for its clients. */
import type { KeptMessageRow, KeptTopicRow, SettledAnswer } from "./answers.ts";
import { API, OPERATIONS } from "./api.ts";
import type { ControlConnection } from "./control_connection.ts";

/** Which messages a consumer gets. */
export interface ControlLeaseOptions {
  /** Most messages. @default {1} */
  readonly max?: number;
  /** How long the consumer has them, milliseconds. @default {30_000} */
  readonly leaseMs?: number;
  /** How long to wait for a first one, milliseconds. @default {0} */
  readonly waitMs?: number;
  /** Also messages with predecessors that are not settled. @default {false} */
  readonly anyOrder?: boolean;
  /** Only messages that came then or later, ISO 8601. @default all */
  readonly since?: string;
}

/** How a message is nacked. */
export interface ControlNackOptions {
  /** Why; kept with the dead letter. */
  readonly reason?: string;
  /** When it is delivered again, milliseconds from now. */
  readonly delayMs?: number;
}

/** Kept topics of the node of a `ControlClient`; throws the same errors. */
export class KeptTopicsClient {
  readonly #connection: ControlConnection;

  /** Sends requests on a connection to the node, which its owner closes. */
  constructor(connection: ControlConnection) {
    this.#connection = connection;
  }

  /** All of them. */
  async list(): Promise<readonly KeptTopicRow[]> {
    return (await this.#connection.call(API.keptTopics, {})).topics;
  }

  /** Keeps a topic from now on; resolves with whether it was not kept before. */
  async keep(topic: string): Promise<boolean> {
    return (await this.#connection.call(API.keepTopic, { topic })).isNew;
  }

  /** Keeps a topic no longer; resolves with the number of messages that were deleted. */
  async drop(topic: string): Promise<number> {
    return (await this.#connection.call(API.dropTopic, { topic })).messages;
  }

  /** The oldest messages of a topic, which stay as they are. */
  async peek(
    topic: string,
    { max, since }: Pick<ControlLeaseOptions, "max" | "since"> = {},
  ): Promise<readonly KeptMessageRow[]> {
    const input = {
      topic,
      ...(max !== undefined && { max }),
      ...(since !== undefined && { since }),
    };
    const { messages } = await this.#connection.call(API.keptMessages, input);
    return messages;
  }

  /** Gives messages to a consumer for a while. */
  async lease(
    topic: string,
    options: ControlLeaseOptions = {},
  ): Promise<readonly KeptMessageRow[]> {
    const { waitMs } = options;
    const input = { topic, ...options };
    const { messages } = await this.#connection.call(API.lease, input, {
      waitMs,
    });
    return messages;
  }

  /**
   * Gives messages to a consumer until the iteration is left or `signal` aborts: it has those
   * that it has not acked, 32 at most, as long as its connection lasts.
   */
  receive(
    topic: string,
    options: Pick<ControlLeaseOptions, "anyOrder" | "since"> = {},
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<KeptMessageRow> {
    const input = { topic, ...options };
    return this.#connection.operate(OPERATIONS.receiveMessages, input, {
      signal,
    });
  }

  /** Deletes messages that were delivered; `from` is their sender, if several used an id. */
  async ack(ids: readonly string[], from?: string): Promise<SettledAnswer> {
    return await this.#connection.call(API.ackKept, which(ids, from));
  }

  /** Returns messages, to be delivered again after a while. */
  async nack(
    ids: readonly string[],
    options: ControlNackOptions = {},
    from?: string,
  ): Promise<SettledAnswer> {
    const input = { ...which(ids, from), ...options };
    return await this.#connection.call(API.nackKept, input);
  }

  /** Returns messages as if they had not been delivered. */
  async release(ids: readonly string[], from?: string): Promise<SettledAnswer> {
    return await this.#connection.call(API.releaseKept, which(ids, from));
  }

  /** Has the leases of messages end `leaseMs` from now. */
  async extend(
    ids: readonly string[],
    leaseMs: number,
    from?: string,
  ): Promise<SettledAnswer> {
    const input = { ...which(ids, from), leaseMs };
    return await this.#connection.call(API.extendKept, input);
  }
}

function which(
  ids: readonly string[],
  from: string | undefined,
): { readonly ids: string[]; readonly from?: string } {
  return { ids: [...ids], ...(from !== undefined && { from }) };
}
