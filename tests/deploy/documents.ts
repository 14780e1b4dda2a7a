/** The YAML and JSON files of `deploy/`, for the tests beside this file. */
import { assert } from "@std/assert";
import { parseAllDocuments } from "yaml";

/** `deploy/` of this repository. */
export const DEPLOY: URL = new URL("../../deploy/", import.meta.url);

/** The memory that a node takes at most, MiB, by docs/limits.md. */
export function mostMemory(): number {
  const path = new URL("../docs/limits.md", DEPLOY);
  const [, figure] = /^Together ([\d,]+) MiB/m
    .exec(Deno.readTextFileSync(path)) ?? [];
  assert(figure, "docs/limits.md must have what a node takes together");
  return Number(figure.replace(",", ""));
}

/** A value of a YAML or JSON file; its parts are looked up by name or number. */
export class Value {
  readonly #path: string;
  readonly #value: unknown;

  constructor(path: string, value: unknown) {
    this.#path = path;
    this.#value = value;
  }

  /** What is there, in whatever form. */
  get raw(): unknown {
    return this.#value;
  }

  get exists(): boolean {
    return this.#value !== undefined;
  }

  /** The part behind these names and numbers, which need not be there. */
  at(...keys: readonly (string | number)[]): Value {
    let value: unknown = this.#value;
    for (const key of keys) {
      value = typeof value === "object" && value !== null
        ? (value as Record<string | number, unknown>)[key]
        : undefined;
    }
    return new Value(`${this.#path}.${keys.join(".")}`, value);
  }

  get text(): string {
    assert(typeof this.#value === "string", `${this.#path} must be text`);
    return this.#value;
  }

  get number(): number {
    assert(typeof this.#value === "number", `${this.#path} must be a number`);
    return this.#value;
  }

  get list(): Value[] {
    assert(Array.isArray(this.#value), `${this.#path} must be a list`);
    return this.#value.map((it, index) =>
      new Value(`${this.#path}.${index}`, it)
    );
  }

  get texts(): string[] {
    return this.list.map(({ text }) => text);
  }

  get entries(): [string, Value][] {
    const value = this.#value;
    assert(
      typeof value === "object" && value !== null && !Array.isArray(value),
      `${this.#path} must have names`,
    );
    return Object.entries(value).map(([key, it]) => [
      key,
      new Value(`${this.#path}.${key}`, it),
    ]);
  }

  get keys(): string[] {
    return this.entries.map(([key]) => key);
  }
}

/** Files below `deploy/`, from there. */
export function filesOf(folder = ""): string[] {
  return [...Deno.readDirSync(new URL(folder, DEPLOY))]
    .filter(({ name }) => name !== "secrets")
    .flatMap(({ name, isDirectory }) =>
      isDirectory ? filesOf(`${folder}${name}/`) : [folder + name]
    ).sort();
}

/** The text of a file in `deploy/`. */
export function readDeploy(path: string): string {
  return Deno.readTextFileSync(new URL(path, DEPLOY));
}

/** All documents of a YAML file; neither errors nor warnings pass, nor a key that is there twice. */
export function yamlOf(path: string): Value[] {
  const documents = parseAllDocuments(readDeploy(path), {
    merge: true,
    uniqueKeys: true,
  });
  assert(Array.isArray(documents), `${path} is empty`);
  return documents.map((document) => {
    const faults = [...document.errors, ...document.warnings];
    assert(faults.length === 0, `${path}: ${faults.join("; ")}`);
    return new Value(path, document.toJS());
  });
}

/** The one document of a YAML file. */
export function oneYaml(path: string): Value {
  const [first, ...rest] = yamlOf(path);
  assert(first !== undefined && rest.length === 0, `${path} must be one`);
  return first;
}
