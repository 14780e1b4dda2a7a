/** Messages, broadcasts and dead letters. */
import * as v from "npm:valibot@1.5.0";
import type {
  BroadcastAnswer,
  DeadLetterHead,
  DeadLetterRow,
  SendAnswer,
  WholeDeadLetter,
} from "../answers.ts";
import { get, post } from "./endpoint.ts";
import {
  base64,
  boolean,
  count,
  digits,
  id,
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

const SENT: Schema<SendAnswer> = v.looseObject({
  id: string,
  to: id,
  ...names,
  delivered: boolean,
  connected: boolean,
});

const BROADCAST: Schema<BroadcastAnswer> = v.looseObject({
  id: string,
  delivered: v.array(id),
  waiting: v.array(id),
  failed: v.array(v.looseObject({ id, standing: boolean, reason: string })),
  names: v.record(string, string),
  boundNames: v.record(string, string),
});

const letter = {
  id: string,
  from: id,
  ...names,
  topic: string,
  bytes: count,
  reason: string,
  at: time,
  retried: boolean,
} satisfies { [K in keyof DeadLetterHead]-?: unknown };

const DEAD_LETTER: Schema<DeadLetterRow> = v.looseObject({
  ...letter,
  preview: string,
});

const WHOLE_DEAD_LETTER: Schema<WholeDeadLetter> = v.looseObject({
  ...letter,
  base64,
});

const common = {
  topic: optional(topic),
  ttlMs: optional(number),
  waitMs: optional(waitMs),
};
const commonQuery = {
  topic: optional(topic),
  ttlMs: optional(digits),
  waitMs: optional(v.pipe(digits, waitMs)),
};
const body = { text: optional(text), base64: optional(text) };
const letterId = { id: nonEmpty, from: optional(text) };
const givenId = v.looseObject({ id: v.string() });

/** Requests that send messages, and about those that were not taken. */
export const messageEndpoints = {
  send: post(
    "/v1/messages",
    { to: text, ...common, ...body },
    SENT,
    { binaryInput: { to: text, ...commonQuery } },
  ),
  broadcast: post("/v1/broadcasts", { ...common, ...body }, BROADCAST, {
    binaryInput: commonQuery,
  }),
  deadLetters: get(
    "/v1/dead-letters",
    {},
    v.looseObject({ messages: v.array(DEAD_LETTER) }),
  ),
  deadLetter: get("/v1/dead-letters/message", letterId, WHOLE_DEAD_LETTER),
  retry: post("/v1/dead-letters/retry", letterId, givenId),
  discard: post("/v1/dead-letters/discard", letterId, givenId),
};
