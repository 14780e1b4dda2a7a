/** What a node does several times a second, and how its parts close. */
import type { VerackError } from "../core/errors.ts";
import type { NodeParts } from "./node_parts.ts";
import type { Tick } from "./pause_detector.ts";

/** Begins to dial, and to look for others. */
export function startParts({ dialer, discovery }: NodeParts): void {
  dialer.start();
  discovery?.start();
}

/** Checks all deadlines. */
export function tickParts(
  parts: NodeParts,
  tick: Tick,
): void {
  const { now, pausedMs, lateMs, hasResumed } = tick;
  const { dialer, exchange, health, healthWatch, relaying } = parts;
  const { joining, membership, memory } = parts;
  const { messaging, names, reach, sessions, unreachable } = parts;
  const { counters, discovery, histograms } = parts;
  histograms.eventLoopDelayMs.add(lateMs);
  if (pausedMs > 0) counters.pauses++;
  counters.pausedMs += pausedMs;
  for (const { channel } of sessions.all()) {
    channel.tick(pausedMs);
    if (hasResumed) channel.check();
  }
  if (hasResumed) {
    parts.ownNetwork.resumed();
    dialer.resumed();
    relaying.dialer.resumed();
  }
  relaying.tick(now);
  discovery?.tick(now);
  exchange.tick(now);
  unreachable.tick(now);
  reach.tick(now);
  memory.tick(now);
  membership.tick();
  names.tick();
  healthWatch.tick(tick);
  health.tick(now);
  messaging.tick(now, pausedMs);
  joining.look();
}

/**
 * Ends messages, streams, sessions and dials, with `abrupt` without `bye`; the signal of the
 * parts has aborted before.
 */
export async function closeParts(
  parts: NodeParts,
  error: VerackError,
  abrupt: boolean,
): Promise<void> {
  const {
    acceptor,
    dialer,
    discovery,
    memory,
    messaging,
    reachAnswers,
    relaying,
    requesting,
    sessions,
    streaming,
  } = parts;
  messaging.close(error, { flush: !abrupt });
  // While what carries them is there: they are on streams.
  const relayed = sessions.all().filter(({ via }) => via !== undefined);
  if (!abrupt && relayed.length > 0) {
    await Promise.all(relayed.map(({ channel }) => {
      streaming.closeOn(channel, error);
      return channel.leave(error);
    }));
  }
  streaming.close(error);
  requesting.close();
  if (abrupt) {
    for (const session of sessions.all()) session.channel.close(error);
  } else {
    memory.close();
  }
  await Promise.all([
    acceptor.close(),
    dialer.close(),
    reachAnswers.settled(),
    relaying.dialer.close(),
    discovery?.close({ silently: abrupt }),
    ...sessions.all().map((session) => session.channel.leave(error)),
  ]);
  await sessions.settled();
  // A session may have opened while the others were closing.
  for (const session of sessions.all()) session.channel.close(error);
}
