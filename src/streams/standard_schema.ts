/**
 * Checks values by any validator that implements Standard Schema version 1
 * (https://standardschema.dev), such as Valibot, Zod and ArkType; no package is needed for it.
 */
import { MAX_SHOWN_ISSUES } from "./streams_limits.ts";

/** A validator: the interface of Standard Schema version 1, as far as it is used here. */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** The properties of the interface. */
  readonly "~standard": {
    /** Its version. */
    readonly version: 1;
    /** Name of the validator's library. */
    readonly vendor: string;
    /** The value that the schema makes of another one, or what is wrong with that. */
    readonly validate: (
      value: unknown,
    ) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** For the compiler only. */
    readonly types?:
      | { readonly input: Input; readonly output: Output }
      | undefined;
  };
}

/** What a validator returns: a value, or issues. */
export interface SchemaResult<Output> {
  /** The value of the schema. */
  readonly value?: Output;
  /** What is wrong, and the keys that lead there. */
  readonly issues?:
    | readonly {
      readonly message: string;
      readonly path?:
        | readonly (PropertyKey | { readonly key: PropertyKey })[]
        | undefined;
    }[]
    | undefined;
}

type SchemaIssues = NonNullable<SchemaResult<unknown>["issues"]>;

/**
 * The value that a schema makes of `value`, at once unless the schema is asynchronous.
 *
 * @param refuse Throws the error for a value that does not match, given what is wrong.
 */
export function checkValue<T>(
  schema: StandardSchema<unknown, T>,
  value: unknown,
  refuse: (issues: string) => never,
): T | Promise<T> {
  const settle = (result: SchemaResult<T>): T =>
    result.issues === undefined
      ? result.value as T
      : refuse(issuesText(result.issues));
  const result = schema["~standard"].validate(value);
  return isPromiseLike(result)
    ? Promise.resolve(result).then(settle)
    : settle(result);
}

/** Whether a value is to be awaited, whatever class made it. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then ===
    "function";
}

/** Throws a `TypeError` for what is no schema. */
export function requireSchema(name: string, schema: unknown): void {
  const { validate } = (schema as StandardSchema | undefined)?.["~standard"] ??
    {};
  if (schema === undefined || typeof validate === "function") return;
  throw new TypeError(
    `Cannot use ${name}: it has no "~standard".validate, must be a Standard Schema`,
  );
}

/** `name is …; tags[2] is …`: the first issues with their paths. */
export function issuesText(issues: SchemaIssues): string {
  const shown = issues.slice(0, MAX_SHOWN_ISSUES).map(({ message, path }) => {
    const place = pathText(path ?? []);
    return place === "" ? message : `${place}: ${message}`;
  });
  const more = issues.length - shown.length;
  return shown.join("; ") + (more > 0 ? `; and ${more} more` : "");
}

function pathText(path: NonNullable<SchemaIssues[number]["path"]>): string {
  let text = "";
  for (const part of path) {
    const key = typeof part === "object" ? part.key : part;
    if (typeof key === "number") text += `[${key}]`;
    else text += text === "" ? String(key) : `.${String(key)}`;
  }
  return text;
}
