/** Join requests, access rules and invites. */
import * as v from "npm:valibot@1.5.0";
import type { AccessRuleRow, InviteRow, JoinRequestRow } from "../answers.ts";
import { MAX_INVITE_CHARS } from "../../mesh/mesh_limits.ts";
import type { QrCode } from "../qr_code.ts";
import { get, post } from "./endpoint.ts";
import {
  count,
  direction,
  flag,
  id,
  number,
  optional,
  type Schema,
  string,
  text,
  time,
} from "./schema_fields.ts";

/** Answer to `POST /v1/invites`. */
export interface InviteAnswer {
  /** A line for one guest. */
  readonly invite: string;
  /** Its id. */
  readonly id: string;
  /** A picture of the invite, if it was asked for. */
  readonly qr?: QrCode;
}

const rule = v.picklist(["allowed", "denied", "forgotten"]);

const JOIN_REQUEST: Schema<JoinRequestRow> = v.looseObject({
  id,
  address: string,
  direction,
  firstSeen: time,
  lastSeen: time,
});

const ACCESS_RULE: Schema<AccessRuleRow> = v.looseObject({
  id,
  rule,
  at: time,
});

const INVITE: Schema<InviteRow> = v.looseObject({
  id: string,
  expiresAt: time,
  usedBy: optional(id),
});

const INVITED: Schema<InviteAnswer> = v.looseObject({
  invite: v.pipe(string, v.maxLength(MAX_INVITE_CHARS)),
  id: string,
  qr: optional(v.looseObject({ size: count, path: string })),
});

const decided = v.looseObject({ id });

/** Requests that decide which peers may come in. */
export const admissionEndpoints = {
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
    { ttlMs: optional(number), address: optional(text), qr: optional(flag) },
    INVITED,
    { status: 201 },
  ),
  revoke: post("/v1/invites/revoke", { id: text }, INVITE),
};
