/** Requests to peers, which they answer at once. */
import * as v from "npm:valibot@1.5.0";
import { MAX_METHOD_BYTES } from "../../streams/streams_limits.ts";
import type { RequestAnswer } from "../answers.ts";
import { post } from "./endpoint.ts";
import {
  base64,
  digits,
  id,
  names,
  nonEmpty,
  optional,
  type Schema,
  string,
  text,
  waitFrom,
} from "./schema_fields.ts";

const ANSWER: Schema<RequestAnswer> = v.looseObject({
  id,
  ...names,
  kind: v.picklist(["none", "bytes", "text", "json"]),
  text: optional(string),
  base64: optional(base64),
  json: optional(v.unknown()),
});

const method = v.pipe(
  nonEmpty,
  v.maxBytes(MAX_METHOD_BYTES, `at most ${MAX_METHOD_BYTES} bytes`),
);
const timeoutMs = waitFrom(1);

/** Any JSON value. */
type Json = string | number | boolean | object | null;

/** The request. */
export const requestEndpoints = {
  request: post(
    "/v1/request",
    {
      to: text,
      method,
      timeoutMs: optional(timeoutMs),
      text: optional(text),
      base64: optional(text),
      json: optional(v.custom<Json>(() => true)),
    },
    ANSWER,
    {
      binaryInput: {
        to: text,
        method,
        timeoutMs: optional(v.pipe(digits, timeoutMs)),
        kind: optional(
          v.picklist(["bytes", "text", "json"], "bytes, text or json"),
        ),
      },
    },
  ),
};
