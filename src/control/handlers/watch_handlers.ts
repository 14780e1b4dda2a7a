/**
 * Watches a node for clients of the control API: status and peers are read and encoded once for
 * all of them, and each client gets what has changed since it read last.
 */
import { sleep } from "../../core/clock.ts";
import type { watchOperations } from "../api/peer_endpoints.ts";
import {
  SHARED_READING_MS,
  WATCH_MS,
  WATCH_REFRESH_MS,
} from "../control_limits.ts";
import { shareRecord } from "../operation_stream.ts";
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
    watch: ({ intervalMs = WATCH_MS }, { signal }) =>
      records(intervalMs, signal),
  };

  async function* records(
    intervalMs: number,
    signal: AbortSignal,
  ): AsyncGenerator<StatusRecord | PeersRecord> {
    let statusText = "";
    let peersText = "";
    let statusAt = -Infinity;
    while (true) {
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
      await sleep(clock, intervalMs - clock.monotonic() % intervalMs, signal);
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
