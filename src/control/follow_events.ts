/**
 * Follows the events of a running node until it stops: a stream that breaks is
 * opened again where it was, as long as the node lives.
 */
import { type Clock, sleep, systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { isInUse } from "../store/in_use.ts";
import type { ControlClient, WatchedEvent } from "./control_client.ts";

/** Pause before a stream is opened again, and before the next time, which doubles. */
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

/** Options of {@linkcode followEvents}. */
export interface FollowOptions {
  readonly signal: AbortSignal;
  /** The stream broke, and is opened again. */
  readonly onTrouble: (error: Error) => void;
  /** @default {systemClock} */
  readonly clock?: Clock;
  /** Whether the node lives; without it, whether its directory is in use. */
  readonly isRunning?: () => boolean;
}

/**
 * Events until `stopped`, which is the last one, or until `signal` aborts.
 *
 * @throws {VerackError} as `ControlClient.events` the first time; `closed` when the
 * node ends without having said so.
 */
export async function* followEvents(
  client: ControlClient,
  query: Readonly<Record<string, string>>,
  options: FollowOptions,
): AsyncGenerator<WatchedEvent> {
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
