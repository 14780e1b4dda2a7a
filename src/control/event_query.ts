/** Which events a watcher asks for, by the parameters of `GET /v1/events`. */
import { MAX_TOPIC_BYTES } from "../delivery_limits.ts";
import type { NodeEvent } from "../mesh/events.ts";
import type { StreamedEvent } from "./event_journal.ts";
import type { MessageEvent } from "./message_event.ts";
import { Refusal } from "./refusal.ts";

/** All types, and whether a watcher gets those also if it does not ask for them. */
const TYPES: Readonly<Record<(NodeEvent | MessageEvent)["type"], boolean>> = {
  "listening": false,
  "peer:up": false,
  "peer:down": false,
  "ping": false,
  "message": false,
  "mesh": false,
  "refused": false,
  "pending": false,
  "name-conflict": false,
  "unreachable": false,
  "replaced": false,
  "undelivered": false,
  "set-aside": false,
  "resolved": false,
  "overflow": true,
  "stopped": true,
};

/**
 * Whether an event is asked for: it is of some types, and if it has a topic, of
 * that. How much was missed, and the end, are told always.
 *
 * @throws {Refusal} 400 when there is no such type, or the topic is none.
 */
export function wantedEvents(
  query: URLSearchParams,
): (event: StreamedEvent) => boolean {
  const types = query.get("type")?.split(",");
  const topic = query.get("topic");
  for (const type of types ?? []) {
    if (Object.hasOwn(TYPES, type)) continue;
    throw new Refusal(
      400,
      "bad-request",
      `type has ${JSON.stringify(type.slice(0, 64))}, must be of ${
        Object.keys(TYPES).join(", ")
      }`,
    );
  }
  if (
    topic !== null && new TextEncoder().encode(topic).length > MAX_TOPIC_BYTES
  ) {
    throw new Refusal(
      400,
      "bad-request",
      `topic is too long, must be at most ${MAX_TOPIC_BYTES} bytes`,
    );
  }
  const always: Readonly<Record<string, boolean>> = TYPES;
  return (event) =>
    always[event.type] === true ||
    (types === undefined || types.includes(event.type)) &&
      (topic === null || !("topic" in event) || event.topic === topic);
}
