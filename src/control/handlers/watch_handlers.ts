/**
 * Watches a node for clients of the control API: status and peers are read and encoded once for
 * all of them, and each client gets what has changed since it read last, and on request the
 * events of the node.
 */
import type { watchOperations } from "../api/peer_endpoints.ts";
import {
  SHARED_READING_MS,
  WATCH_MS,
  WATCH_REFRESH_MS,
} from "../control_limits.ts";
import { ApiError } from "../guard.ts";
import type { EventChoice } from "../node_events.ts";
import {
  EncodedRecords,
  EVENT_RECORD,
  shareRecord,
} from "../operation_stream.ts";
import { peersAnswer, SharedReading, statusAnswer } from "../node_snapshot.ts";
import type { HandlerContext, OperationHandlers } from "./handler.ts";

type StatusRecord = {
  readonly type: "status";
  readonly status: ReturnType<typeof statusAnswer>;
};
type PeersRecord = { readonly type: "peers" } & ReturnType<typeof peersAnswer>;

/** What differs each time that it is read. A text of a peer cannot look like it: its quotes are escaped. */
const UNREMARKABLE = /"uptimeMs":[^,]*,|"process":\{[^}]*\},?/g;

/** The node at one time. */
interface Reading {
  readonly at: number;
  readonly status: StatusRecord;
  /** Differs if anything but the time does. */
  readonly statusText: string;
  readonly peers: PeersRecord;
  readonly peersText: string;
}

/** Handlers of {@linkcode watchOperations}. */
export function watchHandlers(
  context: HandlerContext,
): OperationHandlers<typeof watchOperations> {
  const { clock } = context;
  const reading = new SharedReading(clock, SHARED_READING_MS, read);

  return {
    watch: ({ intervalMs = WATCH_MS, events = false, ...choice }, { signal }) =>
      records(intervalMs, events ? choice : refuseChoice(choice), signal),
  };

  async function* records(
    intervalMs: number,
    choice: EventChoice | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<StatusRecord | PeersRecord | EncodedRecords> {
    let statusText = "";
    let peersText = "";
    let statusAt = -Infinity;
    let dueAt = -Infinity;
    let wake = () => {};
    const onChange = () => wake();
    using events = choice &&
      await context.events.open(choice, { format: EVENT_RECORD, onChange });
    signal.addEventListener("abort", onChange);
    try {
      while (true) {
        if (clock.monotonic() >= dueAt && !signal.aborted) {
          const now = reading.get();
          const isDue = now.at - statusAt >= WATCH_REFRESH_MS;
          if (isDue || now.statusText !== statusText) {
            ({ statusText, at: statusAt } = now);
            yield now.status;
          }
          if (now.peersText !== peersText) {
            ({ peersText } = now);
            yield now.peers;
          }
          // On one grid, so that clients with the same interval share what is read.
          const time = clock.monotonic();
          dueAt = time + intervalMs - time % intervalMs;
        }
        const chunks = events?.take();
        if (chunks !== undefined) {
          yield new EncodedRecords(chunks);
          continue;
        }
        // Not before: the last event of a node that ends is that it has stopped.
        signal.throwIfAborted();
        const changed = new Promise<void>((resolve) => wake = resolve);
        const delayMs = Math.max(0, dueAt - clock.monotonic());
        const cancel = clock.after(delayMs, onChange);
        await changed;
        cancel();
      }
    } finally {
      signal.removeEventListener("abort", onChange);
    }
  }

  function read(): Reading {
    const status = { type: "status", status: statusAnswer(context) } as const;
    const peers = { type: "peers", ...peersAnswer(context) } as const;
    return {
      at: clock.monotonic(),
      status,
      statusText: shareRecord(status).replaceAll(UNREMARKABLE, ""),
      peers,
      peersText: shareRecord(peers),
    };
  }
}

/** @throws {ApiError} where there is a choice, but no events. */
function refuseChoice(choice: EventChoice): undefined {
  const [name] = Object.keys(choice);
  if (name === undefined) return;
  throw new ApiError(
    400,
    "bad-request",
    `The field ${name} chooses events, must be beside "events": true`,
  );
}
