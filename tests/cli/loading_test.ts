/** What commands load before they run: most of the time of a short one. */
import { assertEquals } from "@std/assert";

const SRC = new URL("../../src/", import.meta.url);

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly isDynamic?: boolean;
  }[];
}

/** All modules of the program, with those that it may load later. */
async function modulesOfProgram(): Promise<ReadonlyMap<string, Module>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", new URL("cli/main.ts", SRC).href],
  }).output();
  const graph: { modules: Module[] } = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  return new Map(graph.modules.map((it) => [it.specifier, it]));
}

const MODULES = await modulesOfProgram();

/** Whatever is loaded with a file of `src/`, without what it may load later. */
function loadedWith(...files: readonly string[]): string[] {
  const loaded = new Set<string>();
  const queue = files.map((file) => new URL(file, SRC).href);
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (loaded.has(name)) continue;
    loaded.add(name);
    for (const { code, isDynamic } of MODULES.get(name)?.dependencies ?? []) {
      if (code?.specifier !== undefined && !isDynamic) {
        queue.push(code.specifier);
      }
    }
  }
  return [...loaded].map((name) => name.replace(SRC.href, "")).sort();
}

/** Modules of Node: the first of them takes as long to load as an empty program, almost. */
function nodeModulesOf(loaded: readonly string[]): string[] {
  return loaded.filter((name) => name.startsWith("node:"));
}

const ALWAYS = [
  "cli/main.ts",
  "cli/commands.ts",
  "transport/extra_authorities.ts",
];

Deno.test("a command that asks a running node loads no module of Node", () => {
  for (const command of ["status", "health", "send", "tail", "stop"]) {
    const loaded = loadedWith(
      ...ALWAYS,
      `cli/${command}.ts`,
      "control/control_client.ts",
    );
    assertEquals(nodeModulesOf(loaded), [], command);
  }
});

Deno.test("a command that reads records loads neither TLS nor Node's file system", () => {
  for (
    const command of ["peers", "admission_commands", "dead_letter_commands"]
  ) {
    const loaded = loadedWith(...ALWAYS, `cli/${command}.ts`);
    const unused = nodeModulesOf(loaded)
      .filter((name) => /^node:(fs|tls)$/.test(name));
    assertEquals(unused, [], command);
  }
});

Deno.test("a node without control API and data directory loads neither", () => {
  const loaded = loadedWith(...ALWAYS, "cli/run.ts");
  assertEquals(nodeModulesOf(loaded), [
    "node:buffer",
    "node:crypto",
    "node:events",
    "node:path",
    "node:stream",
    "node:timers/promises",
    "node:tls",
    "node:util",
  ]);
  const packages = /^npm:\/(hono|valibot|@peculiar|reflect-metadata)/;
  assertEquals(loaded.filter((name) => packages.test(name)), []);
});
