/** Fields that several requests, answers and events have, as Valibot checks them. */
import * as v from "npm:valibot@1.5.0";
import { isPeerId, type PeerId } from "../../core/peer_id.ts";
import type { KeptTopicRow } from "../answers.ts";
import { MAX_CONTROL_WAIT_MS } from "../control_limits.ts";
import { MAX_TOPIC_BYTES } from "../../wire/wire_limits.ts";

/** A schema that gives a `T`. */
export type Schema<T> = v.GenericSchema<unknown, T>;

// Answers, events and records.
export const optional: typeof v.exactOptional = v.exactOptional;
export const string = v.string();
export const boolean = v.boolean();
/** JSON such as `1e999` is infinite. */
export const count = v.pipe(v.number(), v.finite());
/** ISO 8601 in UTC, as `Date` writes it; `Date.parse` alone takes other texts, too. */
export const time = v.pipe(
  v.string(),
  v.check((it) =>
    /^\d{4}-\d\d-\d\dT[\d:.]{5,12}Z$/.test(it) && !Number.isNaN(Date.parse(it))
  ),
);
/** Bytes. */
export const base64 = v.pipe(
  v.string(),
  v.check((it) => {
    try {
      Uint8Array.fromBase64(it);
      return true;
    } catch {
      return false;
    }
  }),
);
/** A whole identity. */
export const id: Schema<PeerId> = v.custom<PeerId>((it) =>
  typeof it === "string" && isPeerId(it)
);
/** The names of a peer. */
export const names = { name: optional(string), boundName: optional(string) };
export const direction = v.picklist(["inbound", "outbound"]);
export const trust = v.picklist(["first-use", "known", "pinned"]);
/** A kept topic. */
export const KEPT_TOPIC: Schema<KeptTopicRow> = v.looseObject({
  topic: string,
  messages: count,
  bytes: count,
  leased: count,
  blocked: count,
  oldestAt: optional(time),
});
/** Pairs of members without a session. */
export const missing = v.array(v.tuple([id, id]));

// Inputs. The message of each check is the phrase after "must be".
export const text = v.pipe(
  v.string("a string"),
  // A lone surrogate cannot be encoded and would become another text.
  v.check((it) => it.isWellFormed(), "Unicode text"),
);
export const nonEmpty = v.pipe(text, v.nonEmpty("something"));
export const topic = v.pipe(
  text,
  v.maxBytes(MAX_TOPIC_BYTES, `at most ${MAX_TOPIC_BYTES} bytes`),
);
export const number = v.number("a number");
export const flag = v.boolean("true or false");
/** A number in a query. */
export const digits = v.pipe(
  v.string(),
  v.regex(/^\d{1,15}$/, "a number"),
  v.transform(Number),
);
/** A time to wait, milliseconds: `least` or more. */
export function waitFrom(least: 0 | 1) {
  const range = `${least} to ${MAX_CONTROL_WAIT_MS}`;
  return v.pipe(
    number,
    v.minValue(least, range),
    v.maxValue(MAX_CONTROL_WAIT_MS, range),
  );
}
export const waitMs = waitFrom(0);
