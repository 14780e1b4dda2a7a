/** Kept topics: which there are, and their messages. */
import * as v from "npm:valibot@1.5.0";
import type { KeptMessageRow, SettledAnswer } from "../answers.ts";
import { MAX_CONTROL_IDS } from "../control_limits.ts";
import { get, operation, post } from "./endpoint.ts";
import {
  base64,
  count,
  digits,
  flag,
  id,
  KEPT_TOPIC,
  names,
  nonEmpty,
  number,
  optional,
  type Schema,
  string,
  text,
  time,
  topic,
  waitMs,
} from "./schema_fields.ts";

const MESSAGE: Schema<KeptMessageRow> = v.looseObject({
  type: v.literal("message"),
  id: string,
  from: id,
  ...names,
  topic: string,
  receivedAt: time,
  deliveryCount: count,
  leasedUntil: optional(time),
  text: optional(string),
  base64: optional(base64),
});

const MESSAGES = v.looseObject({ messages: v.array(MESSAGE) });

const SETTLED: Schema<SettledAnswer> = v.looseObject({
  ids: v.array(string),
  unknown: v.array(string),
});

const since = v.pipe(
  text,
  v.check(
    (it) => /^\d{4}-\d\d-\d\d/.test(it) && !Number.isNaN(Date.parse(it)),
    "a time in ISO 8601",
  ),
);
const ids = v.pipe(
  v.array(nonEmpty, "a list of ids"),
  v.minLength(1, "a list of ids"),
  v.maxLength(MAX_CONTROL_IDS, `at most ${MAX_CONTROL_IDS} ids`),
);
const which = { ids, from: optional(text) };
const consumer = {
  topic,
  anyOrder: optional(flag),
  since: optional(since),
};

/** Requests about kept topics, and those that settle messages. */
export const keptTopicEndpoints = {
  keptTopics: get(
    "/v1/kept-topics",
    {},
    v.looseObject({ topics: v.array(KEPT_TOPIC) }),
  ),
  keepTopic: post(
    "/v1/kept-topics",
    { topic },
    v.looseObject({ topic: v.string(), isNew: v.boolean() }),
  ),
  dropTopic: post(
    "/v1/kept-topics/drop",
    { topic },
    v.looseObject({ topic: v.string(), messages: v.number() }),
  ),
  keptMessages: get(
    "/v1/kept-topics/messages",
    { topic, max: optional(digits), since: optional(since) },
    MESSAGES,
  ),
  lease: post("/v1/kept-topics/lease", {
    ...consumer,
    max: optional(number),
    leaseMs: optional(number),
    waitMs: optional(waitMs),
  }, MESSAGES),
  ackKept: post("/v1/kept-topics/ack", which, SETTLED),
  nackKept: post("/v1/kept-topics/nack", {
    ...which,
    reason: optional(text),
    delayMs: optional(number),
  }, SETTLED),
  releaseKept: post("/v1/kept-topics/release", which, SETTLED),
  extendKept: post(
    "/v1/kept-topics/extend",
    { ...which, leaseMs: number },
    SETTLED,
  ),
};

/** Operations on kept topics. */
export const keptTopicOperations = {
  receiveMessages: operation("/v1/kept-topics/receive", consumer, {
    message: MESSAGE,
  }),
};
