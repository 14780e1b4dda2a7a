/**
 * Schemas of what the control API answers, and of its events. They are loose: a later
 * version may add fields.
 */
import * as v from "npm:valibot@1.5.0";
import { isPeerId, type PeerId } from "../identity/identity.ts";
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
export const id: Schema<PeerId> = v.custom<PeerId>((it) =>
  typeof it === "string" && isPeerId(it)
);
const names = { name: optional(string), boundName: optional(string) };
const direction = v.picklist(["inbound", "outbound"]);
const trust = v.picklist(["first-use", "known", "pinned"]);
const rule = v.picklist(["allowed", "denied", "forgotten"]);
const missing = v.array(v.tuple([id, id]));

/** {@linkcode StatusAnswer}. */
export const STATUS: Schema<StatusAnswer> = v.looseObject({
  id,
  name: optional(string),
  ephemeral: boolean,
  address: string,
  advertise: optional(string),
  network: string,
  admission: v.picklist(["open", "closed"]),
  secret: boolean,
  version: string,
  startedAt: string,
  uptimeMs: count,
  mesh: v.looseObject({ nodes: count, links: count, missing }),
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

/** {@linkcode PeersAnswer}. */
export const PEERS: Schema<PeersAnswer> = v.looseObject({
  peers: v.array(PEER),
  links: v.array(SESSION),
  self: optional(boolean),
});

/** {@linkcode JoinRequestRow}. */
export const JOIN_REQUEST: Schema<JoinRequestRow> = v.looseObject({
  id,
  address: string,
  direction,
  firstSeen: string,
  lastSeen: string,
});

/** {@linkcode AccessRuleRow}. */
export const ACCESS_RULE: Schema<AccessRuleRow> = v.looseObject({
  id,
  rule: rule,
  at: string,
});

/** {@linkcode InviteRow}. */
export const INVITE: Schema<InviteRow> = v.looseObject({
  id: string,
  expiresAt: string,
  usedBy: optional(id),
});

/** {@linkcode SendAnswer}. */
export const SENT: Schema<SendAnswer> = v.looseObject({
  id: string,
  to: id,
  ...names,
  delivered: boolean,
  connected: boolean,
});

/** {@linkcode BroadcastAnswer}. */
export const BROADCAST: Schema<BroadcastAnswer> = v.looseObject({
  id: string,
  delivered: v.array(id),
  waiting: v.array(id),
  failed: v.array(
    v.looseObject({ id, standing: boolean, reason: string }),
  ),
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

/** {@linkcode DeadLetterRow}. */
export const DEAD_LETTER: Schema<DeadLetterRow> = v.looseObject({
  ...letter,
  preview: string,
});

/** {@linkcode WholeDeadLetter}. */
export const WHOLE_DEAD_LETTER: Schema<WholeDeadLetter> = v.looseObject({
  ...letter,
  base64: string,
});

function event<const T extends string, const F extends v.ObjectEntries>(
  type: T,
  fields: F,
): v.LooseObjectSchema<
  & {
    readonly time: typeof string;
    readonly type: v.LiteralSchema<T, undefined>;
  }
  & F,
  undefined
> {
  return v.looseObject({ time: string, type: v.literal(type), ...fields });
}

const peer = { id, ...names };
const failure = { address: string, reason: string };
const aboutMessage = {
  ...names,
  topic: string,
  id: string,
  reason: string,
};

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
  "mesh": event("mesh", { nodes: count, links: count, missing }),
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
