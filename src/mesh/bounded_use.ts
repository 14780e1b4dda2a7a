/**
 * How full the bounded things of a node are that its own program, its disk or slow peers fill,
 * and when one is nearly full. What gives way then is in the files of each.
 */
import { shortId } from "../core/peer_id.ts";
import type { QueueBudget } from "../session/node_budget.ts";
import {
  MAX_DEAD_LETTER_BYTES,
  MAX_DEAD_LETTERS,
  MAX_KEPT_BYTES,
  MAX_KEPT_MESSAGES,
  RECEIVE_BUDGET_BYTES,
} from "../delivery/delivery_limits.ts";
import {
  MAX_QUEUE_BYTES,
  MAX_TOTAL_QUEUE_BYTES,
} from "../session/session_limits.ts";
import type { OwnFact } from "./health.ts";
import {
  MAX_PEERS,
  NEARLY_FULL_AFTER_MS,
  NEARLY_FULL_SHARE,
  NOT_FULL_SHARE,
} from "./mesh_limits.ts";
import type { Messaging } from "./messaging.ts";
import type { ResolvedNodeOptions } from "./options.ts";
import type { PeerTable } from "./peers/peer_table.ts";
import type { Relaying } from "./relay/relaying.ts";

/** How much of a bound is used. */
export interface BoundedUse {
  /** The code of the fact that it is nearly full. */
  readonly code: OwnFact;
  /** What there is, as in "80 of at most 100 WHAT". */
  readonly what: string;
  readonly used: number;
  readonly most: number;
  /** What happens when it is full, a sentence without a full stop. */
  readonly then: string;
}

/** Dependencies of {@linkcode boundedUses}. */
export interface BoundedUseParts {
  readonly messaging: Messaging;
  readonly options: Pick<ResolvedNodeOptions, "maxPeers" | "outbox">;
  readonly queues: QueueBudget;
  readonly relaying: Pick<Relaying, "use">;
  readonly table: PeerTable;
}

/** What is used at present; of what has two bounds the one that is nearer. */
export function boundedUses(
  { messaging, options, queues, relaying, table }: BoundedUseParts,
): BoundedUse[] {
  const { fullestQueue, outbox, usage } = messaging;
  const { deadLetters, kept, receivingBytes } = usage;
  const { maxPeers, outbox: limits } = options;
  const connected = table.connected();
  const longest = connected.reduce(
    (most, { primary }) => Math.max(most, primary?.channel.queuedBytes ?? 0),
    0,
  );
  return [
    nearer(
      {
        code: "outbox-nearly-full",
        then: "when it is full, messages are refused or give way",
      },
      ["messages in the outbox", outbox.messages, limits.maxMessages],
      ["bytes in the outbox", outbox.bytes, limits.maxBytes],
      ...(fullestQueue === undefined ? [] : [
        [
          `${fullestQueue.what} in the outbox for ${shortId(fullestQueue.to)}`,
          fullestQueue.used,
          fullestQueue.most,
        ] as const,
      ]),
    ),
    nearer({
      code: "inbox-nearly-full",
      then:
        "the program does not consume as fast as peers send, and they have to wait",
    }, [
      "bytes of large messages that are received",
      receivingBytes,
      RECEIVE_BUDGET_BYTES,
    ]),
    nearer(
      {
        code: "kept-topics-nearly-full",
        then: "when they are full, further messages wait at their senders",
      },
      ["messages of kept topics", kept.messages, MAX_KEPT_MESSAGES],
      ["bytes of kept topics", kept.bytes, MAX_KEPT_BYTES],
    ),
    nearer(
      {
        code: "dead-letters-nearly-full",
        then: "when there are more, the oldest are dropped",
      },
      ["dead letters", deadLetters.messages, MAX_DEAD_LETTERS],
      ["bytes of dead letters", deadLetters.bytes, MAX_DEAD_LETTER_BYTES],
    ),
    nearer(
      {
        code: "write-queues-nearly-full",
        then: "a peer does not read as fast as is sent, and loses its session",
      },
      ["bytes in the write queue of a peer", longest, MAX_QUEUE_BYTES],
      ["bytes in all write queues", queues.bytes, MAX_TOTAL_QUEUE_BYTES],
    ),
    nearer(
      {
        code: "relay-nearly-full",
        then:
          "when it is full, members that cannot reach each other need another relay",
      },
      [
        "pairs of members that this node relays",
        relaying.use?.pairs ?? 0,
        relaying.use?.maxPairs ?? 1,
      ],
      [
        "bytes a second that it relays",
        relaying.use?.bytesPerSecond ?? 0,
        relaying.use?.maxBytesPerSecond ?? Infinity,
      ],
    ),
    nearer({
      code: "sessions-nearly-full",
      then:
        "when there are more, peers without standing give way or are refused",
    }, ["connected peers", connected.length, maxPeers]),
    nearer({
      code: "peers-nearly-full",
      then: "when there are more, those that are away give way",
    }, ["peers on record", table.size, MAX_PEERS]),
  ];
}

type Used = readonly [what: string, used: number, most: number];

function nearer(
  fact: Pick<BoundedUse, "code" | "then">,
  first: Used,
  ...others: readonly Used[]
): BoundedUse {
  const [what, used, most] = [first, ...others].reduce((a, b) =>
    shareOf(b[1], b[2]) > shareOf(a[1], a[2]) ? b : a
  );
  return { ...fact, what, used, most };
}

/** The share of a bound, which may be 0, that is used. */
export function shareOf(used: number, most: number): number {
  return used === 0 ? 0 : used / most;
}

/** Whether one bounded thing is nearly full. */
export class NearlyFull {
  /** Since when it has so much, monotonic clock. */
  #since: number | undefined;
  #isFull = false;

  /** The share that is used now; true if the thing is nearly full. */
  update(share: number, now: number): boolean {
    if (share >= NEARLY_FULL_SHARE) {
      this.#since ??= now;
      if (now - this.#since >= NEARLY_FULL_AFTER_MS) this.#isFull = true;
    } else {
      this.#since = undefined;
      if (share < NOT_FULL_SHARE) this.#isFull = false;
    }
    return this.#isFull;
  }
}
