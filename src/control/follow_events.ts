/** Events of a node that go on when their stream breaks. */
import { type BackoffLimits, backoffMs } from "../core/backoff.ts";
import { sleep, systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { isInUse } from "../store/lock_file.ts";
import type { ControlEvent } from "./answers.ts";
import type { FollowOptions } from "./client_options.ts";
import {
  type ControlConnection,
  type EventQuery,
  lostNode,
} from "./control_connection.ts";

/** Pauses before a stream is resumed. */
const RETRY: BackoffLimits = { minMs: 100, maxMs: 5_000 };

/** How long a stream of a node at a URL is resumed: as long as a node keeps its events for that. */
const REMOTE_RESUME_MS = 60_000;

/** As {@linkcode ControlClient.follow}. */
export async function* followEvents(
  connection: Pick<ControlConnection, "endpoint" | "events">,
  query: EventQuery,
  options: FollowOptions,
): AsyncGenerator<ControlEvent> {
  const { signal, onTrouble, clock = systemClock } = options;
  const { endpoint } = connection;
  const { directory } = endpoint;
  let brokeAt = clock.monotonic();
  const isRemoteAlive = () => clock.monotonic() - brokeAt < REMOTE_RESUME_MS;
  const isRunning = options.isRunning ??
    (directory === undefined ? isRemoteAlive : () => isInUse(directory));
  let since: string | undefined;
  let begun = false;
  let failures = 0;
  const ended = () => lostNode(endpoint, "it has ended without saying so");
  while (true) {
    let trouble = lostNode(endpoint, "its stream ended");
    try {
      const stream = connection.events(query, {
        signal,
        ...(since !== undefined && { since }),
        onId: (id) => since = id,
        onOpen() {
          begun = true;
          failures = 0;
        },
      });
      for await (const event of stream) {
        yield event;
        if (event.type === "stopped") return;
      }
    } catch (error) {
      if (!begun || !(error instanceof VerackError)) throw error;
      // What cannot be understood would come again.
      if (error.code === "protocol" || error.code === "oversize") throw error;
      trouble = error;
    }
    if (signal.aborted) return;
    if (failures === 0) brokeAt = clock.monotonic();
    if (!isRunning()) throw ended();
    await sleep(clock, backoffMs(++failures, RETRY), signal).catch(() => {});
    if (signal.aborted) return;
    // A process that is killed closes its connections before its lock.
    if (!isRunning()) throw ended();
    if (failures === 1) onTrouble(trouble);
  }
}
