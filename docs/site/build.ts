/**
 * `deno task docs`: builds a web site of the README, the pages of `docs/` and the API into
 * `dist/docs`, or `--out DIR`. VitePress makes the pages, `deno doc --html` those of the API.
 *
 * VitePress is installed for it from the npm registry into a temporary folder, by `site.lock`.
 * The site names its own files only, so that it can be read without internet.
 */
import { parseArgs } from "@std/cli/parse-args";
import { checkLinks } from "./check_links.ts";
import config from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url);
const SITE = new URL("./", import.meta.url);
const VITEPRESS = "npm:vitepress@1.6.4";
/** What the pages that VitePress makes import. */
const VUE = "npm:vue@3.5.45";

/** Pages beside those of `docs/`, and what they are in the site. */
const PAGES = {
  "README.md": "index.md",
  "CONTRIBUTING.md": "CONTRIBUTING.md",
  "CHANGELOG.md": "CHANGELOG.md",
  "LICENSE": "LICENSE.md",
} as const;

/** Folders of pages, and of files that pages link to. */
const FOLDERS = ["docs", "examples"] as const;

/** Copies the pages, and what they show, to where VitePress builds them. */
async function stage(to: string): Promise<void> {
  for (const [from, name] of Object.entries(PAGES)) {
    await copyPage(new URL(from, ROOT), `${to}/${name}`);
  }
  for (const path of FOLDERS.flatMap(filesBelow)) {
    const source = new URL(path, ROOT);
    const target = (folder: string) => targetBelow(`${to}/${folder}`, path);
    if (path.endsWith(".md")) {
      await copyPage(source, await target(""));
      continue;
    }
    // What pages link to is served as it is; pictures that they show become part of them.
    await Deno.copyFile(source, await target("public/"));
    if (/\.(svg|png|webp)$/.test(path)) {
      await Deno.copyFile(source, await target(""));
    }
  }
  await Deno.mkdir(`${to}/.vitepress`);
  await Deno.copyFile(
    new URL("vitepress.ts", SITE),
    `${to}/.vitepress/config.ts`,
  );
  await Deno.copyFile(new URL("site.lock", SITE), `${to}/deno.lock`);
  const imports = { vitepress: VITEPRESS, vue: VUE };
  await Deno.writeTextFile(
    `${to}/deno.json`,
    JSON.stringify({ nodeModulesDir: "auto", imports }),
  );
}

/** Where a file goes, in a folder that is there. */
async function targetBelow(folder: string, path: string): Promise<string> {
  const target = `${folder}${path}`;
  await Deno.mkdir(target.replace(/\/[^/]*$/, ""), { recursive: true });
  return target;
}

/** The README is the site's first page. */
async function copyPage(from: URL, to: string): Promise<void> {
  const text = await Deno.readTextFile(from);
  await Deno.writeTextFile(
    to,
    text.replaceAll("](../README.md", "](../index.md"),
  );
}

/** The pages of the API name the files of this machine as their sources. */
async function removeLocalSources(folder: string): Promise<void> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) await removeLocalSources(path);
    if (!path.endsWith(".html")) continue;
    const text = await Deno.readTextFile(path);
    const without = text.replaceAll(/ href="file:[^"]*"/g, "");
    if (without !== text) await Deno.writeTextFile(path, without);
  }
}

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(new URL(`${folder}/`, ROOT))].flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (path === "docs/site") return [];
    return entry.isDirectory ? filesBelow(path) : [path];
  });
}

/** Runs Deno, with its output to standard error; exits with its code if it fails. */
async function deno(
  args: string[],
  cwd: string | URL,
  explain: () => void = () => console.error(`deno ${args[0]} failed`),
): Promise<void> {
  const { success, code } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  if (success) return;
  explain();
  Deno.exit(code);
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, { string: ["out", "base"] });
  const folder = String(flags.out ?? "dist/docs");
  // The path of the site at its host, as `/verack/`.
  const base = String(flags.base ?? "/");
  const out = new URL(`${folder}/`, `file://${Deno.cwd()}/`).pathname;
  const staged = await Deno.makeTempDir({ prefix: "verack-docs-" });
  try {
    await stage(staged);
    const args = ["--base", base, "--outDir", out];
    await deno(
      ["install", "--quiet", "--frozen"],
      staged,
      () =>
        console.error("VitePress cannot be installed from the npm registry"),
    );
    await deno(
      ["run", "--quiet", "--allow-all", VITEPRESS, "build", ".", ...args],
      staged,
    );
    const entries = Object.values(config.exports);
    await deno(
      ["doc", "--quiet", "--html", `--name=${config.name}`]
        .concat(`--output=${out}api`, ...entries),
      ROOT,
    );
    await removeLocalSources(`${out}api`);
  } finally {
    await Deno.remove(staged, { recursive: true });
  }
  const faults = checkLinks(out, base);
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) Deno.exit(1);
  console.log(`${out}index.html`);
  if (base === "/") {
    console.error(
      `To look at it, serve it: python3 -m http.server --directory ${folder}, or by any other server; links do not work from files`,
    );
  }
}
