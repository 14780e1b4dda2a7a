/** The keys of JSON objects, from a schema or from a value, as `docs/events.md` writes them. */

/** The parts of a schema of Valibot that are looked at. */
interface SchemaLike {
  readonly type: string;
  readonly entries?: Readonly<Record<string, SchemaLike>>;
  readonly wrapped?: SchemaLike;
  readonly item?: SchemaLike;
}

/** Whether each key is always there, by its path: `mesh.nodes`, `queues[].id`. */
export type KeyPaths = ReadonlyMap<string, "required" | "optional">;

/** The keys of an object by its schema; a value that is no object has the path "". */
export function keysOfSchema(schema: unknown): KeyPaths {
  const paths = new Map<string, "required" | "optional">();
  collect(schema as SchemaLike, "", "required", paths);
  return paths;
}

function collect(
  schema: SchemaLike,
  path: string,
  presence: "required" | "optional",
  paths: Map<string, "required" | "optional">,
): void {
  if (schema.wrapped !== undefined) {
    return collect(schema.wrapped, path, "optional", paths);
  }
  const isList = schema.type === "array" &&
    schema.item?.entries !== undefined;
  if (isList && schema.item !== undefined) {
    return collect(schema.item, `${path}[]`, presence, paths);
  }
  if (schema.entries === undefined) {
    paths.set(path, presence);
    return;
  }
  for (const [key, entry] of Object.entries(schema.entries)) {
    const inner = path === "" ? key : `${path}.${key}`;
    collect(entry, inner, presence, paths);
  }
}

/** The keys that a value has. */
export function keysOfValue(value: unknown, path = ""): Set<string> {
  if (Array.isArray(value)) {
    const rows = value.filter((it) => isObject(it));
    if (rows.length < value.length || rows.length === 0) return new Set([path]);
    return new Set(rows.flatMap((it) => [...keysOfValue(it, `${path}[]`)]));
  }
  if (!isObject(value)) return new Set([path]);
  return new Set(
    Object.entries(value).flatMap(([key, inner]) => [
      ...keysOfValue(inner, path === "" ? key : `${path}.${key}`),
    ]),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const DOCUMENT = await Deno.readTextFile(
  new URL("../../docs/events.md", import.meta.url),
);

/** The rows of the table with this first title, in a section of `docs/events.md`. */
export function tableOf(section: string, title: string): string[][] {
  const [, text = ""] = DOCUMENT.split(`\n## ${section}\n`);
  const lines = text.split(/\n## /)[0]?.split("\n") ?? [];
  const head = new RegExp(`^\\| ${title} +\\|`);
  const begin = lines.findIndex((it) => head.test(it));
  if (begin < 0) throw new Error(`No table of ${title} in ${section}`);
  const rows = lines.slice(begin + 2);
  const end = rows.findIndex((it) => !it.startsWith("|"));
  return rows.slice(0, end === -1 ? rows.length : end)
    .map((it) => it.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** The code spans of a cell. */
export function words(cell = ""): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((it) => it[1] ?? "");
}

/**
 * The keys in a cell, sorted, and whether each is always there: those in brackets are not. What
 * is behind a semicolon is about other lines.
 */
export function keysOfCell(cell = ""): Record<string, string> {
  const keys = words(cell.split(";")[0]).map((key) => {
    const optional = /^\[(.*)\]$/.exec(key)?.[1];
    return optional === undefined
      ? [key, "required"] as const
      : [optional, "optional"] as const;
  });
  return Object.fromEntries(keys.toSorted());
}
