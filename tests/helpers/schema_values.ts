/** Values that a schema of Valibot accepts, with strings and numbers of the worst kind. */
import * as v from "npm:valibot@1.5.0";

/** The parts of a schema of Valibot that are looked at. */
interface SchemaLike {
  readonly type: string;
  readonly entries?: Readonly<Record<string, SchemaLike>>;
  readonly wrapped?: SchemaLike;
  readonly item?: SchemaLike;
  readonly items?: readonly SchemaLike[];
  readonly options?: readonly unknown[];
  readonly literal?: unknown;
}

/** What values are made of, by preference: the first one that a schema accepts. */
export interface Bricks {
  readonly strings: readonly string[];
  readonly numbers: readonly number[];
}

/** A value with all keys, each list with one element. */
export function valueOfSchema(schema: unknown, bricks: Bricks): unknown {
  return valueOf(schema as SchemaLike, bricks);
}

function valueOf(schema: SchemaLike, bricks: Bricks): unknown {
  const { entries, wrapped, item, items, options } = schema;
  if (wrapped !== undefined) return valueOf(wrapped, bricks);
  if (entries !== undefined) {
    return Object.fromEntries(
      Object.entries(entries).map(([key, it]) => [key, valueOf(it, bricks)]),
    );
  }
  if (item !== undefined) return [valueOf(item, bricks)];
  if (items !== undefined) return items.map((it) => valueOf(it, bricks));
  const candidates: readonly unknown[] = [
    ...(options ?? []),
    ...("literal" in schema ? [schema.literal] : []),
    ...bricks.strings,
    ...bricks.numbers,
    true,
    {},
    [],
  ];
  const found = candidates.find((it) => v.is(schema as never, it));
  if (found === undefined) throw new TypeError(`No value of ${schema.type}`);
  return found;
}
