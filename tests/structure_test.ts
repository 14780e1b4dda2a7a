/**
 * The rules of the source tree that neither the compiler nor the linter knows:
 * which folder may import which, which file may look at the clock, how long a file may be.
 */
import { assert, assertEquals } from "@std/assert";
import { PAGE_FILE_NAMES, pageFile } from "../src/page/page_files.ts";
import { VERSION } from "../src/version.ts";

const ROOT = new URL("../", import.meta.url);

/** Folders of `src/` in the order in which a packet travels; none imports a later one. */
const LAYERS = [
  "core",
  "transport",
  "wire",
  "identity",
  "session",
  "delivery",
  "streams",
  "mesh",
  "services",
  "bitcoin",
  "store",
  "page",
  "control",
  "cli",
] as const;

const MAX_SOURCE_LINES = 400;

/** Not ours, or not kept. */
const SKIPPED = new Set([".git", "node_modules", "dist", "coverage", "data"]);

/** Time and chance: what makes a run differ from the next. */
const UNINJECTED =
  /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bsetTimeout\b|\bsetInterval\b|\bAbortSignal\.timeout\b|\bMath\.random\b|\bgetRandomValues\b|\brandomBytes\b|\brandomUUID\b/;

interface SourceFile {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
  /** The text without comments. */
  readonly code: string;
}

function walk(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))]
    .filter((entry) => !SKIPPED.has(entry.name))
    .flatMap((entry) => {
      const path = folder + entry.name;
      if (entry.isDirectory) return walk(`${path}/`);
      return entry.isFile ? [path] : [];
    })
    .sort();
}

function load(path: string): SourceFile {
  const text = Deno.readTextFileSync(new URL(path, ROOT));
  // Formatted code has its comments at the beginning of a line or behind a space.
  const code = text.replaceAll(/^\s*\/?\*.*$|(^|\s)\/\/ .*$/gm, "");
  return { path, text, code };
}

const SOURCES = walk("src/").filter((path) => path.endsWith(".ts")).map(load);
const MOD = load("mod.ts");

/** What the browser gets. */
const PAGE = walk("src/page/").filter((path) => !path.endsWith(".ts"))
  .map(load);

/** What a file imports, statically or dynamically, as it is written. */
function importsOf(file: SourceFile): string[] {
  const pattern = /(?:\bfrom|\bimport)\s*\(?\s*"([^"\s]+)"/g;
  return [...file.code.matchAll(pattern)].map((match) => match[1] ?? "");
}

/** Files of the repository that a file imports, from the root. */
function localImportsOf(file: SourceFile): string[] {
  return importsOf(file).filter((name) => name.startsWith(".")).map((name) =>
    new URL(name, new URL(file.path, ROOT)).href.slice(ROOT.href.length)
  );
}

/** First folder below `src/`, or `undefined` for a file right there. */
function folderOf(path: string): string | undefined {
  const [, folder, file] = path.split("/");
  return file === undefined ? undefined : folder;
}

function assertNone(faults: string[]): void {
  assertEquals(faults, []);
}

Deno.test("no file in src/ imports one from a later layer, from std/ or from outside", () => {
  const rank = (folder: string) =>
    (LAYERS as readonly string[]).indexOf(folder);
  assertNone(SOURCES.flatMap((file) => {
    const from = folderOf(file.path);
    return localImportsOf(file).flatMap((path) => {
      const to = folderOf(path);
      const allowed = path.startsWith("src/") &&
        (to === undefined || to === from || to === "std" ||
          from === "testing" ||
          (from === "std" && to === "core") ||
          (from !== undefined && rank(to) >= 0 && rank(to) < rank(from)));
      return allowed ? [] : [`${file.path} imports ${path}`];
    });
  }));
});

Deno.test("the wings of the mesh know only mesh/peers/ of each other, and of the rest of the mesh no part of a node", () => {
  // Values and settings; `node.ts` and what wires the parts import the wings.
  const shared = [
    "events",
    "health",
    "kept_time",
    "mesh_limits",
    "options",
    "peer_target",
  ];
  const wingOf = (path: string) => /^src\/mesh\/(\w+)\//.exec(path)?.[1];
  assertNone(SOURCES.flatMap((file) => {
    const wing = wingOf(file.path);
    if (wing === undefined) return [];
    return localImportsOf(file)
      .filter((path) => path.startsWith("src/mesh/"))
      .filter((path) => {
        const to = wingOf(path);
        return to === undefined
          ? !shared.some((name) => path === `src/mesh/${name}.ts`)
          : to !== wing && to !== "peers";
      })
      .map((path) => `${file.path} imports ${path}`);
  }));
});

Deno.test("no files of src/ import each other in a circle, not even types, but where a command is loaded when it runs", () => {
  const lazily = /\bimport\s*\(/g;
  const imports = new Map(SOURCES.map((file) => {
    const code = file.code.replaceAll(lazily, "");
    return [file.path, localImportsOf({ ...file, code })];
  }));
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, above: readonly string[]) => {
    const at = above.indexOf(path);
    if (at >= 0) circles.push([...above.slice(at), path].join(" > "));
    if (at >= 0 || done.has(path)) return;
    for (const next of imports.get(path) ?? []) visit(next, [...above, path]);
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
  assertNone(circles);
});

Deno.test("every folder in src/ has its place in the order", () => {
  const folders = new Set(SOURCES.map((file) => folderOf(file.path)));
  const known = new Set<string | undefined>([
    ...LAYERS,
    "std",
    "testing",
    undefined,
  ]);
  assertNone([...folders].filter((it) => !known.has(it)).map(String));
});

Deno.test("the only file right in src/ is version.ts", () => {
  assertEquals(
    SOURCES.map(({ path }) => path).filter((it) => folderOf(it) === undefined),
    ["src/version.ts"],
  );
});

Deno.test("docs/architecture.md lists the folders of src/ in that order, and the wings of the mesh", () => {
  const { text } = load("docs/architecture.md");
  const listed = [...text.matchAll(/^\| `([a-z]+)\/` +\|/gm)]
    .map(([, folder = ""]) => folder);
  const wings = new Set(
    SOURCES.map(({ path }) => /^src\/mesh\/(\w+)\//.exec(path)?.[1] ?? "")
      .filter((wing) => wing !== ""),
  );
  assertEquals(listed.slice(0, LAYERS.length), [...LAYERS]);
  assertEquals(listed.slice(LAYERS.length).sort(), [...wings].sort());
});

Deno.test("src/ imports packages by version, without an import map, as a consumer has none of ours", () => {
  assertNone([...SOURCES, MOD].flatMap((file) =>
    importsOf(file)
      .filter((name) =>
        !/^(\.|node:|npm:\/?(@[^/]+\/)?[^/@]+@\d+\.\d+\.\d+)/.test(name)
      )
      .map((name) => `${file.path} imports ${name}`)
  ));
});

Deno.test("packages have one version, in src/ and in both import maps", () => {
  const { imports } = JSON.parse(load("deno.json").text);
  const { imports: jsr } = JSON.parse(load("import_map.jsr.json").text);
  const versions = new Map<string, Set<string>>();
  const targets = [
    ...SOURCES.flatMap(importsOf),
    ...Object.values(imports).map(String),
    ...Object.values(jsr).map(String),
  ];
  for (const target of targets) {
    const [, name, version] =
      /^npm:\/?((?:@[^/]+\/)?[^/@]+)@([^/]+)/.exec(target) ?? [];
    if (name === undefined || version === undefined) continue;
    versions.set(name, (versions.get(name) ?? new Set()).add(version));
  }
  assert(versions.size > 3);
  assertNone([...versions].filter(([, them]) => them.size > 1).map(String));
});

Deno.test("the import map of JSR puts the original in the place of every file of src/std/", () => {
  const { imports } = JSON.parse(load("import_map.jsr.json").text);
  for (
    const { path } of SOURCES.filter(({ path }) =>
      /^src\/std\/\w+\.ts$/.test(path)
    )
  ) {
    assert(`${imports[`./${path}`]}`.startsWith("jsr:@std/"), path);
  }
});

Deno.test("only src/core/ imports logging, and only src/std/ the standard library by npm", () => {
  assertNone(
    [...SOURCES, MOD].flatMap((file) =>
      importsOf(file).filter((name) =>
        name.endsWith("std/log.ts")
          ? file.path !== "src/core/log.ts"
          : name.includes("@logtape/")
          ? file.path !== "src/core/logtape.ts"
          : /deno-std/.test(name) &&
            !file.path.startsWith("src/std/")
      ).map((name) => `${file.path} imports ${name}`)
    ),
  );
});

Deno.test("src/version.ts and deno.json name one version", () => {
  assertEquals(VERSION, JSON.parse(load("deno.json").text).version);
});

Deno.test("the library has at most 44 names, and loads neither command line, demo, Bitcoin tools nor control server", () => {
  const names = [...MOD.code.matchAll(/^export (?:type )?\{([^}]*)\}/gm)]
    .flatMap(([, list]) => (list ?? "").split(","))
    .map((name) => name.trim()).filter((name) => name !== "");
  assert(names.length <= 44, `${names.length} names`);
  const seen = new Set<string>();
  const visit = (file: SourceFile) => {
    if (seen.has(file.path)) return;
    seen.add(file.path);
    const text = file.code.replaceAll(/\bimport\s*\(/g, "");
    for (const path of localImportsOf({ ...file, code: text })) {
      const next = SOURCES.find((it) => it.path === path);
      if (next !== undefined) visit(next);
    }
  };
  visit({ ...MOD, code: MOD.code.replace(/\bimport\(.*/g, "") });
  assert(seen.size > 50);
  assertNone(
    [...seen].filter((path) =>
      /^src\/(cli|control|bitcoin|testing)\//.test(path)
    ),
  );
});

Deno.test("only src/control/ imports Hono and Valibot, of which the routes alone load Hono", () => {
  assertNone(
    [...SOURCES, MOD].filter((file) =>
      importsOf(file).some((name) =>
        /^npm:valibot@/.test(name) && !file.path.startsWith("src/control/") ||
        /^npm:hono@/.test(name) && file.path !== "src/control/routes.ts"
      )
    ).map((file) => file.path),
  );
});

Deno.test("the command line loads Hono and Valibot by dynamic import only", () => {
  const lazy = ["src/control/routes.ts", "src/control/control_client.ts"];
  assertNone(
    SOURCES.flatMap((file) => {
      // Types are not loaded.
      const code = file.code
        .replaceAll(/^import type [^;]*;/gm, "")
        .replaceAll(/\bimport\s*\(/g, "");
      return localImportsOf({ ...file, code })
        .filter((path) =>
          lazy.includes(path) && !file.path.startsWith("src/control/")
        )
        .map((path) => `${file.path} imports ${path}`);
    }),
  );
  const server = SOURCES.find(({ path }) =>
    path === "src/control/control_server.ts"
  );
  assert(server !== undefined);
  assertEquals(
    /^import (?!type )[^;]*"\.\/routes\.ts";/m.test(server.code),
    false,
  );
});

Deno.test("only src/clock.ts asks for the time, waits, or rolls dice", () => {
  assertNone(
    [...SOURCES, MOD]
      .filter((file) =>
        file.path !== "src/core/clock.ts" &&
        !file.path.startsWith("src/testing/")
      )
      .flatMap((file) =>
        file.code.split("\n").flatMap((line, index) => {
          const found = UNINJECTED.exec(line)?.[0];
          return found === undefined
            ? []
            : [`${file.path}:${index + 1} ${found}`];
        })
      ),
  );
});

Deno.test("only src/core/ has backoff, sets of running tasks, maps that evict the oldest, and queues with a head", () => {
  const OWN = /2 \*\* \(|new Set<Promise|\.keys\(\)\.next\(|#head\b/;
  assertNone(
    SOURCES.filter(({ path, code }) =>
      !path.startsWith("src/core/") && OWN.test(code)
    ).map(({ path }) => path),
  );
});

Deno.test("wire/ and the version/verack machine do no input or output, and wait for nothing", () => {
  assertNone(
    SOURCES.filter(({ path }) =>
      path.startsWith("src/wire/") || path === "src/session/handshake.ts"
    )
      .filter((file) => /\bDeno\.|\basync\b|\bawait\b/.test(file.code))
      .map((file) => file.path),
  );
});

Deno.test("no file in src/ is longer than 400 lines", () => {
  assertNone([...SOURCES, ...PAGE].flatMap((file) => {
    const lines = file.text.trimEnd().split("\n").length;
    return lines > MAX_SOURCE_LINES ? [`${file.path} has ${lines} lines`] : [];
  }));
});

Deno.test("every file of the page is served, and imports others of it only", () => {
  const names = PAGE.map(({ path }) => path.slice("src/page/".length));
  assertEquals([...PAGE_FILE_NAMES].sort(), names.toSorted());
  for (const name of names) {
    assert(/^[a-z0-9]+(_[a-z0-9]+)*\.(css|html|js|svg)$/.test(name), name);
  }
  assertNone(PAGE.flatMap((file) => [
    ...importsOf(file)
      .filter((it) => !names.some((name) => it === `./${name}`))
      .map((it) => `${file.path} imports ${it}`),
    ...[...file.text.matchAll(/\b(?:src|href)="([^"#]+)"/g)]
      .map(([, target = ""]) => target)
      .filter((it) => !names.some((name) => it === `/page/${name}`))
      .map((it) => `${file.path} loads ${it}`),
    ...[...file.code.matchAll(/https?:\/\/[^"\s]+|url\(|@import "/g)]
      .map(([found]) => found)
      .filter((it) => it !== "http://www.w3.org/2000/svg")
      .map((it) => `${file.path} names ${it}`),
  ]));
});

Deno.test("the page makes no markup, code or style out of text, and is checked by the compiler", () => {
  const MARKUP =
    /\b(innerHTML|outerHTML|insertAdjacentHTML|setHTML\w*|createContextualFragment|DOMParser|srcdoc)\b|document\.write|\beval\b|\bnew Function\b|\bimport\(|set(Timeout|Interval)\(\s*["'`]/;
  const STYLE = /\bstyle=|setAttribute\(\s*"style|\bstyle:|\.cssText\b/;
  const INLINE = /<style\b|<script(?![^>]*\bsrc=)|\bon[a-z]+="|javascript:/;
  assertNone(PAGE.flatMap(({ path, text, code }) => {
    const isScript = path.endsWith(".js");
    const found = isScript
      ? (MARKUP.exec(code) ?? STYLE.exec(code))?.[0]
      : path.endsWith(".css")
      ? undefined
      : (INLINE.exec(text) ?? STYLE.exec(text))?.[0];
    return [
      ...(found === undefined ? [] : [`${path} has ${found}`]),
      ...(!isScript || text.startsWith("// @ts-check\n")
        ? []
        : [`${path} does not begin with // @ts-check`]),
    ];
  }));
});

Deno.test("all of the page has at most 150 kB as it is sent", () => {
  const length = PAGE.reduce((sum, { path }) => {
    const name = path.slice("src/page/".length);
    const file = pageFile(name === "index.html" ? "/" : `/page/${name}`);
    return sum + (file?.gzip.length ?? Infinity);
  }, 0);
  assert(length > 10_000 && length <= 150_000, `${length} bytes`);
});

Deno.test("every file in src/ has a snake_case name and begins by saying what it is for", () => {
  assertNone(SOURCES.flatMap(({ path, text }) => {
    const name = path.split("/").at(-1) ?? "";
    if (
      !/^[a-z0-9]+(_[a-z0-9]+)*(\.d)?\.ts$/.test(name) || name === "index.ts"
    ) {
      return [`${path} has another name`];
    }
    return text.startsWith("/**") || text.startsWith("// ")
      ? []
      : [`${path} begins with something else`];
  }));
});

Deno.test("no file in src/ has a default export, an enum, or work left over", () => {
  assertNone([...SOURCES, MOD].flatMap((file) => [
    ...(/^export (default|enum|declare enum|const enum)\b/m.test(file.code)
      ? [`${file.path} has a default export or an enum`]
      : []),
    ...(/\b(TODO|FIXME|XXX|HACK)\b/.test(file.text) &&
        !file.path.endsWith(".d.ts")
      ? [`${file.path} has work left over`]
      : []),
  ]));
});

Deno.test("comments in src/ speak of nodes and peers as of things", () => {
  const comments = SOURCES.flatMap(({ path, text }) =>
    text.split("\n").filter((line) => /^\s*\/?\*|(^|\s)\/\/ /.test(line))
      .map((line) => `${path}: ${line.trim()}`)
  );
  const persons = comments.filter((line) =>
    /\b(who|whom|whoever|somebody|nobody|anybody)\b/i.test(line)
  );
  // "Who" is right for a user of the command line.
  const most = Math.floor(comments.length * 5 / 1_000);
  assert(comments.length > 1_000);
  assert(persons.length <= most, persons.join("\n"));
});

Deno.test("files that comments and documents name are there", () => {
  const paths = walk("").filter((path) => path.endsWith(".ts"));
  const documents = walk("").filter((path) =>
    /^(docs\/)?[^/]+\.md$/.test(path)
  );
  assertNone(
    [...paths.map(load), ...documents.map(load)].flatMap(({ path, text }) =>
      text.split("\n")
        .filter((line) =>
          path.endsWith(".md") || /^\s*\/?\*|(^|\s)\/\/ /.test(line)
        )
        .flatMap((line) => [...line.matchAll(/`([a-z0-9_/]+\.ts)`/g)])
        .map(([, name]) => name ?? "")
        .filter((name) => !paths.some((it) => `/${it}`.endsWith(`/${name}`)))
        .map((name) => `${path} names ${name}`)
    ),
  );
});

Deno.test("mod.ts exports names, one by one", () => {
  assert(!/\bexport\s*\*/.test(MOD.code), "mod.ts has an export *");
  const outside = localImportsOf(MOD).filter((it) => !it.startsWith("src/"));
  assertEquals(outside, []);
});

Deno.test("no file names a machine's folders or a package registry's host", () => {
  // Put together here, so that this file does not name them either.
  const folder = `/(${
    ["root", "home/[a-z]+", "Users/[A-Za-z]+", "work"].join("|")
  })/`;
  const host =
    `\\b(registry|npm)\\.[a-z0-9-]+\\.(org|io|com|net|dev|internal)\\b`;
  const forbidden = new RegExp(`(?<![A-Za-z0-9_.})])${folder}|${host}`);
  assertNone(
    walk("").flatMap((path) => {
      const found = forbidden.exec(load(path).text)?.[0];
      return found === undefined ? [] : [`${path} has ${found}`];
    }),
  );
});

Deno.test("the library names no flag of the command line, which adds hints itself", () => {
  const named = SOURCES.filter(({ path }) =>
    LAYERS.slice(0, LAYERS.indexOf("control")).some((layer) =>
      path.startsWith(`src/${layer}/`)
    )
  ).flatMap(({ path, code }) =>
    // Those of Deno are named: a program's author gives them.
    [...code.matchAll(/[\s"`]--(?!allow-|cert\b|unsafely)[a-z][\w-]+/g)]
      .map(([flag]) => `${path}: ${flag.trim()}`)
  );
  assertEquals(named, []);
});
