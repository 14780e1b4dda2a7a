/**
 * What a request of the control API is: an {@linkcode Endpoint} has one answer, an
 * {@linkcode Operation} is answered by records until it ends.
 */
import type * as v from "npm:valibot@1.5.0";
import type { Schema } from "./schema_fields.ts";

/** Fields of an object, by name. */
export type Fields = Readonly<
  Record<
    string,
    v.GenericSchema<
      unknown,
      string | number | boolean | object | null | undefined
    >
  >
>;

/**
 * The rights that a request needs: `owner` excludes the page, which needs neither files nor
 * ports of the machine; `public` needs no sign-in. @default both the owner and the page
 */
export type RequiredAccess = "owner" | "public";

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
  /** A status beside those of success with which it is answered, rather than an error. */
  readonly failingStatus?: number;
  /** Most bytes of the JSON body. @default {MAX_CONTROL_JSON_BYTES} */
  readonly maxBytes?: number;
  readonly access?: RequiredAccess;
}

/** What an operation reports; `type` selects its schema. */
export interface OperationRecord {
  readonly type: string;
}

/** The schema of each type of record. Like answers they are loose. */
export type RecordSchemas<R extends OperationRecord> = {
  readonly [T in R["type"]]: Schema<Extract<R, { readonly type: T }>>;
};

/** A `POST` that is answered by server-sent events: records, until it ends or fails. */
export interface Operation<
  I extends Fields = Fields,
  R extends OperationRecord = OperationRecord,
> {
  readonly method: "POST";
  readonly path: string;
  /** In the JSON body. */
  readonly input: I;
  /** Most bytes of the body. @default {MAX_CONTROL_JSON_BYTES} */
  readonly maxBytes?: number;
  readonly access?: RequiredAccess;
  readonly records: Readonly<Record<string, Schema<R>>>;
}

/** What has an input. */
interface Takes<I extends Fields> {
  readonly input: I;
}

/** The input of an endpoint or operation, after it was checked. */
export type Input<E> = E extends Takes<infer I>
  ? v.InferOutput<v.StrictObjectSchema<I, undefined>>
  : never;

/** The answer of an endpoint, as a client gets it. */
export type Answer<E> = E extends Endpoint<infer _, infer A> ? A : never;

/** The records of an operation, as a client gets them. */
export type RecordOf<O> = O extends Operation<infer _, infer R> ? R : never;

/** A request that reads. */
export function get<const I extends Fields, A>(
  path: string,
  input: I,
  answer: Schema<A>,
  more: Pick<Endpoint, "failingStatus"> = {},
): Endpoint<I, A> {
  return { method: "GET", path, input, answer, ...more };
}

/** A request that changes something. */
export function post<const I extends Fields, A>(
  path: string,
  input: I,
  answer: Schema<A>,
  more: Partial<
    Pick<Endpoint, "status" | "binaryInput" | "maxBytes" | "access">
  > = {},
): Endpoint<I, A> {
  return { method: "POST", path, input, answer, ...more };
}

/**
 * @param records The schema of each type of record.
 * @param more `maxBytes`, where the input may be larger than others; `access`.
 */
export function operation<
  const I extends Fields,
  S extends Readonly<Record<string, Schema<OperationRecord>>>,
>(
  path: string,
  input: I,
  records: S,
  more: Pick<Operation, "maxBytes" | "access"> = {},
): Operation<I, v.InferOutput<S[keyof S]>> {
  return { method: "POST", path, input, records, ...more } as Operation<
    I,
    v.InferOutput<S[keyof S]>
  >;
}
