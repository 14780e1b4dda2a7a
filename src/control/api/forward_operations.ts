/** Forwarded connections, for as long as the client is connected. */
import * as v from "npm:valibot@1.5.0";
import type { ForwardRecord } from "../answers.ts";
import { operation } from "./endpoint.ts";
import {
  count,
  flag,
  id,
  names,
  nonEmpty,
  optional,
  type Schema,
  string,
} from "./schema_fields.ts";

type Of<T extends ForwardRecord["type"]> = Schema<
  Extract<ForwardRecord, { readonly type: T }>
>;

const LISTENING: Of<"listening"> = v.looseObject({
  type: v.literal("listening"),
  address: string,
  to: string,
  id,
  ...names,
});

const OPENED: Of<"opened"> = v.looseObject({
  type: v.literal("opened"),
  connection: count,
  from: string,
});

const CLOSED: Of<"closed"> = v.looseObject({
  type: v.literal("closed"),
  connection: count,
  from: string,
  sentBytes: count,
  receivedBytes: count,
  durationMs: count,
  reason: optional(string),
});

const REFUSED: Of<"refused"> = v.looseObject({
  type: v.literal("refused"),
  from: string,
  code: string,
  reason: string,
});

const LOST: Of<"lost"> = v.looseObject({
  type: v.literal("lost"),
  reason: string,
});

const BACK: Of<"back"> = v.looseObject({ type: v.literal("back") });

const OVERFLOW: Of<"overflow"> = v.looseObject({
  type: v.literal("overflow"),
  dropped: count,
});

/** The operation. */
export const forwardOperations = {
  forward: operation("/v1/forward", {
    listen: nonEmpty,
    peer: nonEmpty,
    to: nonEmpty,
    reverse: optional(flag),
  }, {
    listening: LISTENING,
    opened: OPENED,
    closed: CLOSED,
    refused: REFUSED,
    lost: LOST,
    back: BACK,
    overflow: OVERFLOW,
  }, { access: "owner" }),
};
