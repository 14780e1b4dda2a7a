// What the documents print exists: links, files of this repository, commands and their flags.
import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
const DOCUMENTS = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md"],
  ...[...Deno.readDirSync(new URL("docs/", ROOT))]
    .filter(({ name }) => name.endsWith(".md"))
    .map(({ name }) => `docs/${name}`).sort(),
];
const TEXTS = new Map(DOCUMENTS.map((path) => [path, read(path)]));

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

function exists(path: string): boolean {
  try {
    Deno.statSync(new URL(path, ROOT));
    return true;
  } catch {
    return false;
  }
}

/** Anchors of a page's headings, as GitHub makes them. */
function anchors(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, it = ""]) => it);
  return new Set(
    headings.map((it) =>
      it.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
    ),
  );
}

/** The text of each page that `pattern` matches somewhere, and where it is. */
function find(pattern: RegExp): { path: string; found: string }[] {
  return [...TEXTS].flatMap(([path, text]) =>
    [...text.matchAll(pattern)].map(([, found = ""]) => ({ path, found }))
  );
}

Deno.test("the README is short enough to read, with a list of its sections", () => {
  const text = read("README.md");
  assert(text.split("\n").length <= 250, "README.md is longer than 249 lines");
  const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, it = ""]) => it);
  for (const it of headings) assert(text.includes(`[${it}](#`), it);
});

Deno.test("every link between the documents leads to a page and a heading", () => {
  const links = find(/\]\(([^)\s]+)\)/g).filter(({ found }) =>
    !/^https?:/.test(found)
  );
  const broken = links.filter(({ path, found }) => {
    const [file = "", anchor] = found.split("#");
    const base = new URL(path, ROOT);
    const target = file === ""
      ? path
      : new URL(file, base).href.slice(ROOT.href.length);
    return !exists(target) ||
      anchor !== undefined && !anchors(read(target)).has(anchor);
  });
  assertEquals(broken, []);
});

Deno.test("every file of this repository that the documents name exists", () => {
  const named = find(
    /`((?:src|tests|docs|certs|\.ci)\/[\w./-]*(?:\/|\.ts|\.md|\.json|\/run))`/g,
  ).filter(({ found }) => !found.includes("NAME"));
  assertEquals(named.filter(({ found }) => !exists(found)), []);
});

Deno.test("every scenario that docs/deployment.md names is a test in a file that it names", () => {
  const page = TEXTS.get("docs/deployment.md") ?? "";
  const files = [...page.matchAll(/`(tests\/process\/network_\w+\.ts)`/g)];
  const tests = files.map(([, path = ""]) => read(path)).join("");
  const named = [...page.matchAll(/^\| [^|`]+ \| `([^`]{20,})` +\|$/gm)];
  const missing = named.filter(([, name = ""]) => !tests.includes(`\`${name}`));
  assertEquals(missing.map(([, name]) => name), []);
  assert(named.length > 10, `${named.length} scenarios`);
});

Deno.test("every task of deno.json that the documents name exists", () => {
  const { tasks } = JSON.parse(read("deno.json"));
  const named = find(/deno(?:@[\d.]+)? task ([a-z][\w:]*)/g);
  assertEquals(named.filter(({ found }) => !(found in tasks)), []);
});

Deno.test("what is published has every page that the README links to", () => {
  const { publish } = JSON.parse(read("deno.json"));
  const linked = find(/\]\(([\w./]+\.md|LICENSE)[^)]*\)/g)
    .filter(({ path }) => path === "README.md").map(({ found }) => found);
  const missing = linked.filter((it) =>
    !publish.include.some((kept: string) => it.split("/")[0] === kept)
  );
  assertEquals(missing, []);
});

/** What `verack COMMAND --help` prints. */
async function help(command: string): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--cached-only"],
      ...["--allow-env", new URL("mod.ts", ROOT).pathname],
      ...command.split(" ").filter((it) => it !== ""),
      "--help",
    ],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

/** Commands in code of the documents, each as its words behind `verack`. */
function commandLines(): { path: string; words: string[] }[] {
  const blocks = find(/^```sh\n(.*?)^```/gms).flatMap(({ path, found }) =>
    found.split("\n").map((line) => ({ path, found: line }))
  );
  const inline = find(/(?<!`)`([^`]+)`(?!`)/g);
  const tasks = { start: "run", identity: "identity", verack: "" };
  // docs/protocol.md has texts that are hashed, which begin alike.
  const all = [...blocks, ...inline].filter(({ path }) =>
    path !== "docs/protocol.md"
  );
  return all.flatMap(({ path, found }) => {
    const [, task, program, rest] =
      /(?:deno task (start|identity|verack)|(?:^|\| )(verack)|mod\.ts) ([a-z-].*)/
        .exec(found.replaceAll(/\s+/g, " ")) ?? [];
    if (rest === undefined) return [];
    const name = tasks[(task ?? program ?? "verack") as keyof typeof tasks];
    const [before = ""] = `${name} ${rest}`.split(/ (?:\||--|#) /);
    return [{ path, words: before.trim().split(" ") }];
  });
}

Deno.test("every command that the documents print exists, with the flags it is printed with", async () => {
  const names = [
    ...(await help("")).matchAll(/^ {2}([a-z-]+(?: [a-z-]+)?) {2,}/gm),
  ].map(([, name = ""]) => name);
  const lines = commandLines();
  assert(names.length > 20 && lines.length > 60, `${lines.length} lines`);
  const texts = new Map<string, Promise<string>>();
  const faults: string[] = [];
  await Promise.all(lines.map(async ({ path, words }) => {
    const [first = "", second = ""] = words;
    const name = [`${first} ${second}`, first].find((it) => names.includes(it));
    if (name === undefined && !first.startsWith("-")) {
      return faults.push(`${path}: no command ${first} ${second}`);
    }
    const flags = words
      .map((word) => /^(--[a-z][a-z-]*)/.exec(word)?.[1] ?? "")
      .filter((flag) => flag !== "" && !/^--(help|version)$/.test(flag));
    if (flags.length === 0) return;
    const key = name ?? "run";
    if (!texts.has(key)) texts.set(key, help(key));
    const text = await texts.get(key) ?? "";
    for (const flag of flags) {
      const bare = flag.replace(/^--(no-)?/, "");
      if (!new RegExp(`--(\\[no-\\])?${bare}\\b`).test(text)) {
        faults.push(`${path}: ${key} has no ${flag}`);
      }
    }
  }));
  assertEquals(faults, []);
});
