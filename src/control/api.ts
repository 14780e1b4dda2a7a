/**
 * The schema of the control API, version 1: every request with its input and its
 * answer. The server refuses what does not match an input, the client what does not
 * match an answer; `docs/control.md` describes it.
 *
 * Inputs are strict, so that a misspelt field is not overlooked.
 */
import * as v from "npm:valibot@1.5.0";
import { MAX_TOPIC_BYTES } from "../wire/wire_limits.ts";
import { MAX_CONTROL_WAIT_MS } from "../limits.ts";
import {
  ACCESS_RULE,
  BROADCAST,
  DEAD_LETTER,
  EVENTS,
  id,
  INVITE,
  JOIN_REQUEST,
  PEERS,
  type Schema,
  SENT,
  STATUS,
  WHOLE_DEAD_LETTER,
} from "./answer_schemas.ts";

/** Fields of an object, by name. */
export type Fields = Readonly<
  Record<string, v.GenericSchema<unknown, string | number | undefined>>
>;

/** One method of one path. */
export interface Endpoint<I extends Fields = Fields, A = unknown> {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** In the query of a `GET`, in the JSON body of a `POST`. */
  readonly input: I;
  /** Fields of the query if the body is `application/octet-stream`. */
  readonly binaryInput?: Fields;
  readonly answer: Schema<A>;
  /** @default {200} */
  readonly status?: number;
}

/** What an endpoint takes, after it was checked. */
export type Input<E> = E extends Endpoint<infer I, infer _>
  ? v.InferOutput<v.StrictObjectSchema<I, undefined>>
  : never;

/** What an endpoint answers, as a client gets it. */
export type Answer<E> = E extends Endpoint<infer _, infer A> ? A : never;

// The message of each check says what was wanted, after "must be".
const text = v.pipe(
  v.string("a string"),
  // A lone surrogate cannot be encoded and would become another text.
  v.check((it) => it.isWellFormed(), "Unicode text"),
);
const nonEmpty = v.pipe(text, v.nonEmpty("something"));
const topic = v.pipe(
  text,
  v.maxBytes(MAX_TOPIC_BYTES, `at most ${MAX_TOPIC_BYTES} bytes`),
);
const number = v.number("a number");
const range = `0 to ${MAX_CONTROL_WAIT_MS}`;
const waitMs = v.pipe(
  number,
  v.minValue(0, range),
  v.maxValue(MAX_CONTROL_WAIT_MS, range),
);
/** A number in a query. */
const digits = v.pipe(
  v.string(),
  v.regex(/^\d{1,15}$/, "a number"),
  v.transform(Number),
);
const optional = v.exactOptional;

const eventTypes = Object.keys(EVENTS);

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
const decided = v.looseObject({ id });
const givenId = v.looseObject({ id: v.string() });

function get<const I extends Fields, A>(
  path: string,
  input: I,
  answer: Schema<A>,
): Endpoint<I, A> {
  return { method: "GET", path, input, answer };
}

function post<const I extends Fields, A>(
  path: string,
  input: I,
  answer: Schema<A>,
  more: Partial<Pick<Endpoint, "status" | "binaryInput">> = {},
): Endpoint<I, A> {
  return { method: "POST", path, input, answer, ...more };
}

/** Every request, by the name of its handler. */
export const API = {
  status: get("/v1/status", {}, STATUS),
  peers: get("/v1/peers", { query: optional(nonEmpty) }, PEERS),
  events: get("/v1/events", {
    type: optional(v.pipe(
      text,
      v.check(
        (it) => it.split(",").every((type) => eventTypes.includes(type)),
        `of ${eventTypes.join(", ")}`,
      ),
    )),
    topic: optional(topic),
  }, v.never()),
  send: post(
    "/v1/messages",
    { to: text, ...common, ...body },
    SENT,
    { binaryInput: { to: text, ...commonQuery } },
  ),
  broadcast: post(
    "/v1/broadcasts",
    { ...common, ...body },
    BROADCAST,
    { binaryInput: commonQuery },
  ),
  deadLetters: get(
    "/v1/dead-letters",
    {},
    v.looseObject({ messages: v.array(DEAD_LETTER) }),
  ),
  deadLetter: get("/v1/dead-letters/message", letterId, WHOLE_DEAD_LETTER),
  retry: post("/v1/dead-letters/retry", letterId, givenId),
  discard: post(
    "/v1/dead-letters/discard",
    letterId,
    givenId,
  ),
  joinRequests: get(
    "/v1/requests",
    {},
    v.looseObject({ requests: v.array(JOIN_REQUEST) }),
  ),
  accessRules: get(
    "/v1/access-rules",
    {},
    v.looseObject({ rules: v.array(ACCESS_RULE) }),
  ),
  allow: post(
    "/v1/allow",
    { id: text, name: optional(text) },
    decided,
  ),
  deny: post("/v1/deny", { id: text }, decided),
  forget: post("/v1/forget", { id: text }, decided),
  invites: get(
    "/v1/invites",
    {},
    v.looseObject({ invites: v.array(INVITE) }),
  ),
  invite: post(
    "/v1/invites",
    { ttlMs: optional(number), address: optional(text) },
    v.looseObject({ invite: v.string(), id: v.string() }),
    { status: 201 },
  ),
  revoke: post("/v1/invites/revoke", { id: text }, INVITE),
  stop: post("/v1/stop", {}, v.looseObject({ stopping: v.boolean() }), {
    status: 202,
  }),
};
