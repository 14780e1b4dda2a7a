/** The events of a node, and the stream that has them. */
import * as v from "npm:valibot@1.5.0";
import type { ControlEvent, EventRecord } from "../answers.ts";
import { get } from "./endpoint.ts";
import {
  base64,
  boolean,
  count,
  direction,
  id,
  missing,
  names,
  optional,
  type Schema,
  string,
  text,
  time,
  topic,
  trust,
} from "./schema_fields.ts";

function event<const T extends string, const F extends v.ObjectEntries>(
  type: T,
  fields: F,
) {
  return v.looseObject({ time, type: v.literal(type), ...fields });
}

const peer = { id, ...names };
const failure = { address: string, reason: string };
const aboutMessage = { ...names, topic: string, id: string, reason: string };

/** Events by their type. */
export const EVENTS: {
  readonly [T in ControlEvent["type"]]: Schema<
    Extract<ControlEvent, { readonly type: T }>
  >;
} = {
  "listening": event("listening", {
    id,
    address: optional(string),
    addresses: v.array(string),
  }),
  "peer:up": event("peer:up", {
    ...peer,
    address: string,
    advertised: optional(string),
    direction,
    via: optional(id),
    viaName: optional(string),
    trust,
  }),
  "peer:down": event("peer:down", {
    ...peer,
    via: optional(id),
    reason: string,
    left: boolean,
  }),
  "path": event("path", {
    ...peer,
    via: optional(id),
    viaName: optional(string),
    hops: count,
  }),
  "ping": event("ping", { ...peer, text: string }),
  "message": event("message", {
    from: id,
    ...names,
    topic: string,
    id: string,
    deliveryCount: count,
    text: optional(string),
    base64: optional(base64),
  }),
  "file": event("file", {
    from: id,
    ...names,
    transfer: string,
    step: v.picklist([
      "offer",
      "declined",
      "done",
      "failed",
      "retrying",
      "end",
    ]),
    path: string,
    savedAs: optional(string),
    resumedAt: optional(count),
    files: count,
    bytes: count,
    done: optional(count),
    failed: optional(count),
    reason: optional(string),
  }),
  "mesh": event("mesh", { nodes: count, sessions: count, missing }),
  "found": event("found", { address: string, id: optional(id) }),
  "network": event("network", {
    added: v.array(string),
    removed: v.array(string),
  }),
  "refused": event("refused", {
    ...failure,
    via: optional(id),
    viaName: optional(string),
    expected: optional(id),
    actual: optional(id),
  }),
  "join-request": event("join-request", { id, address: string }),
  "name-conflict": event("name-conflict", {
    id,
    name: string,
    boundName: optional(string),
    holder: id,
    ownName: boolean,
  }),
  "unreachable": event("unreachable", failure),
  "reach": event("reach", {
    reachable: optional(boolean),
    by: v.array(id),
  }),
  "replaced": event("replaced", { address: string, former: id, id }),
  "undelivered": event("undelivered", { to: id, ...aboutMessage }),
  "dead-letter": event("dead-letter", { from: id, ...aboutMessage }),
  "trouble": event("trouble", {
    code: string,
    severity: v.picklist(["failing", "warning"]),
    reason: string,
  }),
  "resolved": event("resolved", {
    code: string,
    reason: string,
    lastedMs: count,
  }),
  "overflow": event("overflow", { dropped: count }),
  "stopped": event("stopped", {}),
};

const eventTypes = Object.keys(EVENTS);

/** Which events a client reads. */
export const eventQuery = {
  type: optional(v.pipe(
    text,
    v.check(
      (it) => it.split(",").every((type) => eventTypes.includes(type)),
      `a list of ${eventTypes.join(", ")}`,
    ),
  )),
  topic: optional(topic),
};

/** The request for the stream of events. */
export const eventEndpoints = {
  events: get("/v1/events", eventQuery, v.never()),
};

const UNKNOWN = v.pipe(v.looseObject({ type: string }), v.transform(() => {}));

/** An event of a record; of a type that this version does not know, nothing. */
const recorded = v.lazy((value): v.GenericSchema<unknown, ControlEvent> => {
  const type = v.is(UNKNOWN, value) ? value.type : undefined;
  const isKnown = type !== undefined && Object.hasOwn(EVENTS, type);
  return (isKnown ? EVENTS[type as ControlEvent["type"]] : UNKNOWN) as Schema<
    ControlEvent
  >;
});

/** An event among the records of an operation. */
export const EVENT_RECORD: Schema<EventRecord> = v.looseObject({
  type: v.literal("event"),
  id: optional(string),
  event: optional(recorded),
});
