/**
 * Maps records to the rows of a table, for reading and writing: identities as 32 bytes, times
 * as whole milliseconds, booleans as 0 and 1. The schema's checks run when a database is opened
 * (`database.ts`), so that rows are not checked again.
 */
import { type PeerId, peerIdBytes, peerIdFromBytes } from "../core/peer_id.ts";

/** A parameter of node:sqlite. */
export type Value = string | number | Uint8Array | null;

/** A row of node:sqlite. */
export type Row = Record<string, unknown>;

/** Identities as one parameter, JSON. */
export const LISTED = "(SELECT unhex(value) FROM json_each(?))";

/** An identity from a column. */
export function toPeerId(value: unknown): PeerId {
  return peerIdFromBytes(value as Uint8Array);
}

/** A column, and the encoding of its values. */
export interface Column<T> {
  readonly name: string;
  readonly encode: (value: T) => Value;
  readonly decode: (value: unknown) => T;
  /** What is selected, if not the column as it is. */
  readonly selected?: string;
}

/** Text of our own or a number, as it is. */
export function plain<T extends string | number>(name: string): Column<T> {
  return { name, encode: (value) => value, decode: (value) => value as T };
}

/** One of several values, each with its own encoding. */
export function word<T extends string>(
  name: string,
  words: Readonly<Record<T, string>>,
): Column<T> {
  const read = new Map(Object.entries(words).map(([word, it]) => [it, word]));
  return {
    name,
    encode: (value) => words[value],
    decode: (value) => read.get(value) as T,
  };
}

/**
 * Text of others, read as a blob: node:sqlite ends text at the first NUL when it
 * reads it.
 */
export function foreignText(name: string): Column<string> {
  return {
    name,
    encode: (value) => value,
    decode: (value) => new TextDecoder().decode(value as Uint8Array),
    selected: `CAST(${name} AS BLOB) AS ${name}`,
  };
}

/** Bytes. */
export function bytes<T extends Uint8Array>(name: string): Column<T> {
  return { name, encode: (value) => value, decode: (value) => value as T };
}

/** An identity. */
export function peerId(name: string): Column<PeerId> {
  return { name, encode: peerIdBytes, decode: toPeerId };
}

/** A time or a duration, rounded, because clocks of tests have fractions. */
export function wholeMs(name: string): Column<number> {
  return { name, encode: Math.trunc, decode: Number };
}

/** A boolean. */
export function flag(name: string): Column<boolean> {
  return { name, encode: Number, decode: (value) => value === 1 };
}

/** A field that may be missing, which is NULL. */
export function optional<T>({ encode, decode, ...column }: Column<T>) {
  return {
    ...column,
    encode: (value: T | undefined) =>
      value === undefined ? null : encode(value),
    decode: (value: unknown) => value === null ? undefined as T : decode(value),
  } satisfies Column<T>;
}

/** The column of each field of a record, or the columns of the record in it. */
export type Columns<T> = {
  readonly [K in keyof Required<T>]:
    | Column<Required<T>[K]>
    | (Required<T>[K] extends object ? Columns<Required<T>[K]> : never);
};

/** A table whose rows are records of type `T`, which may have getters for fields. */
export class Table<T extends object> {
  /** Selects the columns of all rows; to be followed by conditions. */
  readonly select: string;
  /** Inserts a row. */
  readonly insert: string;
  /** Inserts a row in the place of an older one with the same key. */
  readonly replace: string;
  readonly #columns: readonly [path: readonly string[], Column<unknown>][];

  constructor(name: string, columns: Columns<T>) {
    this.#columns = [...leaves(columns as Columns<Row>)];
    const all = this.#columns.map(([, column]) => column);
    const selected = all.map(({ name, selected }) => selected ?? name);
    const into = `INTO ${name} (${all.map(({ name }) => name)})
      VALUES (${all.map(() => "?")})`;
    this.select = `SELECT ${selected} FROM ${name}`;
    this.insert = `INSERT ${into}`;
    this.replace = `INSERT OR REPLACE ${into}`;
  }

  /** Inserts a row, or changes the one with this key where it is. */
  upsert(key: string): string {
    const changes = this.#columns.map(([, { name }]) =>
      `${name} = excluded.${name}`
    );
    return `${this.insert} ON CONFLICT (${key}) DO UPDATE SET ${changes}`;
  }

  /** The parameters of {@linkcode insert} and the like for a record. */
  values(record: T): Value[] {
    return this.#columns.map(([path, { encode }]) => {
      let value: unknown = record;
      for (const field of path) value = (value as Row)[field];
      return encode(value);
    });
  }

  /** The record of a row that {@linkcode select} gave. */
  read(row: Row): T {
    const record: Row = {};
    for (const [path, { name, decode }] of this.#columns) {
      const value = decode(row[name]);
      if (value === undefined) continue;
      let inner = record;
      for (const field of path.slice(0, -1)) {
        inner = (inner[field] ??= {}) as Row;
      }
      inner[path.at(-1)!] = value;
    }
    return record as T;
  }
}

function* leaves(
  columns: Columns<Row>,
  outer: readonly string[] = [],
): Generator<[readonly string[], Column<unknown>]> {
  for (const [field, value] of Object.entries(columns)) {
    const path = [...outer, field];
    if ("encode" in value) yield [path, value as Column<unknown>];
    else yield* leaves(value as Columns<Row>, path);
  }
}
