/**
 * Follows the events of a running node until it stops: resumes a stream that breaks,
 * as long as the node runs.
 */
import { type Clock, sleep, systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { isInUse } from "../store/lock_file.ts";
import type { ControlEvent } from "./answers.ts";
import type { ControlClient } from "./control_client.ts";
import type { EventQuery } from "./control_connection.ts";

/** Pause before a stream is resumed; doubled each time that fails. */
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

/** Options of {@linkcode followEvents}. */
export interface FollowOptions {
  /** Ends the events. */
  readonly signal: AbortSignal;
  /** Called when the stream broke and is resumed. */
  readonly onTrouble: (error: Error) => void;
  /** Times the pauses. @default {systemClock} */
  readonly clock?: Clock;
  /** Whether the node runs. @default whether its directory is in use */
  readonly isRunning?: () => boolean;
}

/**
 * Events until `stopped`, which is the last one, or until `signal` aborts.
 *
 * @throws {VerackError} as `ControlClient.events` the first time; `closed` when the
 * node ends without a `stopped` event.
 */
export async function* followEvents(
  client: ControlClient,
  query: EventQuery,
  options: FollowOptions,
): AsyncGenerator<ControlEvent> {
  const { signal, onTrouble, clock = systemClock } = options;
  const { isRunning = () => isInUse(client.directory) } = options;
  let since: string | undefined;
  let begun = false;
  let pauseMs = FIRST_RETRY_MS;
  while (true) {
    let trouble = new VerackError(
      "closed",
      `Lost the node in "${escapeText(client.directory)}": its stream ended`,
    );
    try {
      const stream = client.events(query, {
        signal,
        ...(since !== undefined && { since }),
        onId: (id) => since = id,
        onOpen() {
          begun = true;
          pauseMs = FIRST_RETRY_MS;
        },
      });
      for await (const event of stream) {
        yield event;
        if (event.type === "stopped") return;
      }
    } catch (error) {
      if (!begun || !(error instanceof VerackError)) throw error;
      trouble = error;
    }
    if (signal.aborted) return;
    if (!isRunning()) throw endedError(client.directory);
    await sleep(clock, pauseMs, signal).catch(() => {});
    if (signal.aborted) return;
    // A process that is killed closes its connections before its lock.
    if (!isRunning()) throw endedError(client.directory);
    onTrouble(trouble);
    pauseMs = Math.min(2 * pauseMs, MAX_RETRY_MS);
  }
}

function endedError(directory: string): VerackError {
  return new VerackError(
    "closed",
    `Lost the node in "${
      escapeText(directory)
    }": it has ended without saying so`,
  );
}
