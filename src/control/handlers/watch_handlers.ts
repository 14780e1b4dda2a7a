/**
 * Watches a node for clients of the control API: status and peers are read and encoded once for
 * all of them, and each client gets what has changed since it read last.
 */
import { sleep } from "../../core/clock.ts";
import type { watchOperations } from "../api/peer_endpoints.ts";
import { MIN_WATCH_MS, WATCH_MS, WATCH_REFRESH_MS } from "../control_limits.ts";
import { shareRecord } from "../operation_stream.ts";
import { peersAnswer, statusAnswer } from "../node_snapshot.ts";
import type { HandlerContext, OperationHandlers } from "./handler.ts";

/** Clients at different intervals share what was read this shortly before. */
const FRESH_MS = MIN_WATCH_MS / 2;

type StatusRecord = {
  readonly type: "status";
  readonly status: ReturnType<typeof statusAnswer>;
};
type PeersRecord = { readonly type: "peers" } & ReturnType<typeof peersAnswer>;

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
  const { clock, node } = context;
  let last: Reading | undefined;

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
      const reading = read();
      const isDue = reading.at - statusAt >= WATCH_REFRESH_MS;
      if (isDue || reading.statusText !== statusText) {
        ({ statusText, at: statusAt } = reading);
        yield reading.status;
      }
      if (reading.peersText !== peersText) {
        ({ peersText } = reading);
        yield reading.peers;
      }
      // On one grid, so that clients with the same interval share what is read.
      await sleep(clock, intervalMs - clock.monotonic() % intervalMs, signal);
    }
  }

  function read(): Reading {
    const at = clock.monotonic();
    if (last !== undefined && at - last.at < FRESH_MS) return last;
    const status = { type: "status", status: statusAnswer(context) } as const;
    const peers = { type: "peers", ...peersAnswer(node) } as const;
    return last = {
      at,
      status,
      statusText: shareRecord(status).replace(/"uptimeMs":[^,]*/, ""),
      peers,
      peersText: shareRecord(peers),
    };
  }
}
