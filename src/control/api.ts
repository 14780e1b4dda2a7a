/**
 * The schema of the control API, version 1: every request with its input and its
 * answer, and the events. The server refuses what does not match an input, the client
 * what does not match an answer; `docs/control.md` describes it.
 *
 * Inputs are strict, so that a misspelt field is not overlooked. Answers are loose: a
 * later version may add fields.
 */
import * as v from "npm:valibot@1.5.0";
import { isPeerId, type PeerId } from "../core/peer_id.ts";
import { MAX_CONTROL_WAIT_MS } from "./control_limits.ts";
import { MAX_TOPIC_BYTES } from "../wire/wire_limits.ts";
import type {
  AccessRuleRow,
  BroadcastAnswer,
  ControlEvent,
  DeadLetterHead,
  DeadLetterRow,
  InviteRow,
  JoinRequestRow,
  PeerRow,
  PeersAnswer,
  SendAnswer,
  SessionRow,
  StatusAnswer,
  WholeDeadLetter,
} from "./answers.ts";

/** A schema that gives a `T`. */
export type Schema<T> = v.GenericSchema<unknown, T>;

const optional = v.exactOptional;
const string = v.string();
const boolean = v.boolean();
const count = v.number();
/** A whole identity. */
const id: Schema<PeerId> = v.custom<PeerId>((it) =>
  typeof it === "string" && isPeerId(it)
);
const names = { name: optional(string), boundName: optional(string) };
const direction = v.picklist(["inbound", "outbound"]);
const trust = v.picklist(["first-use", "known", "pinned"]);
const rule = v.picklist(["allowed", "denied", "forgotten"]);
const missing = v.array(v.tuple([id, id]));

const STATUS: Schema<StatusAnswer> = v.looseObject({
  id,
  name: optional(string),
  ephemeral: boolean,
  address: string,
  advertise: optional(string),
  tls: optional(v.picklist(["engine", "streams"])),
  network: string,
  admission: v.picklist(["open", "closed"]),
  secret: boolean,
  version: string,
  startedAt: string,
  uptimeMs: count,
  mesh: v.looseObject({ nodes: count, sessions: count, missing }),
  health: v.array(
    v.looseObject({ code: string, message: string, since: string }),
  ),
  peers: count,
  unproven: count,
  outbox: v.looseObject({ messages: count, bytes: count }),
  queues: v.array(v.looseObject({
    id,
    ...names,
    connected: boolean,
    messages: count,
    bytes: count,
  })),
  limits: v.looseObject({
    connectedPeers: count,
    peers: count,
    unproven: count,
    queueBytes: count,
    messages: count,
    messageBytes: count,
    messageAgeMs: count,
  }),
  control: v.looseObject({
    requests: count,
    streams: count,
    eventsMissed: count,
    url: optional(string),
  }),
});

const PEER: Schema<PeerRow> = v.looseObject({
  id,
  ...names,
  nameHeldBy: optional(id),
  connected: boolean,
  addresses: v.array(string),
  standing: boolean,
  trust,
  ephemeral: boolean,
  firstSeen: optional(string),
  lastSeen: optional(string),
  introducedBy: optional(id),
  admittedBy: optional(id),
});

const SESSION: Schema<SessionRow> = v.looseObject({
  id,
  ...names,
  direction,
  remoteAddress: string,
  userAgent: string,
  rttMs: optional(count),
});

const PEERS: Schema<PeersAnswer> = v.looseObject({
  peers: v.array(PEER),
  sessions: v.array(SESSION),
  self: optional(boolean),
});

const JOIN_REQUEST: Schema<JoinRequestRow> = v.looseObject({
  id,
  address: string,
  direction,
  firstSeen: string,
  lastSeen: string,
});

const ACCESS_RULE: Schema<AccessRuleRow> = v.looseObject({
  id,
  rule,
  at: string,
});

const INVITE: Schema<InviteRow> = v.looseObject({
  id: string,
  expiresAt: string,
  usedBy: optional(id),
});

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
  at: string,
  retried: boolean,
} satisfies { [K in keyof DeadLetterHead]-?: unknown };

const DEAD_LETTER: Schema<DeadLetterRow> = v.looseObject({
  ...letter,
  preview: string,
});

const WHOLE_DEAD_LETTER: Schema<WholeDeadLetter> = v.looseObject({
  ...letter,
  base64: string,
});

function event<const T extends string, const F extends v.ObjectEntries>(
  type: T,
  fields: F,
) {
  return v.looseObject({ time: string, type: v.literal(type), ...fields });
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
  "listening": event("listening", { id, address: string }),
  "peer:up": event("peer:up", {
    ...peer,
    address: string,
    advertised: optional(string),
    direction,
    trust,
  }),
  "peer:down": event("peer:down", { ...peer, reason: string, left: boolean }),
  "ping": event("ping", { ...peer, text: string }),
  "message": event("message", {
    from: id,
    ...names,
    topic: string,
    id: string,
    deliveryCount: count,
    text: optional(string),
    base64: optional(string),
  }),
  "mesh": event("mesh", { nodes: count, sessions: count, missing }),
  "refused": event("refused", {
    ...failure,
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
  "replaced": event("replaced", { address: string, former: id, id }),
  "undelivered": event("undelivered", { to: id, ...aboutMessage }),
  "dead-letter": event("dead-letter", { from: id, ...aboutMessage }),
  "resolved": event("resolved", {
    code: string,
    reason: string,
    lastedMs: count,
  }),
  "overflow": event("overflow", { dropped: count }),
  "stopped": event("stopped", {}),
};

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

/** The input of an endpoint, after it was checked. */
export type Input<E> = E extends Endpoint<infer I, infer _>
  ? v.InferOutput<v.StrictObjectSchema<I, undefined>>
  : never;

/** The answer of an endpoint, as a client gets it. */
export type Answer<E> = E extends Endpoint<infer _, infer A> ? A : never;

// The message of each check is the phrase after "must be".
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
        `a list of ${eventTypes.join(", ")}`,
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
  allow: post("/v1/allow", { id: text, name: optional(text) }, decided),
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
