/**
 * `deno task release`: binaries for all targets as archives, their SBOM and checksums, in
 * `dist/release`. A target without a base binary to download is reported and left out; the
 * exit code is 1 only if no target could be built. SOURCE_DATE_EPOCH stands in for the time of
 * the last commit.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import config from "../../deno.json" with { type: "json" };
import {
  importedPackages,
  type LockFile,
  lockOf,
  readSources,
} from "./runtime_packages.ts";
import { buildTarget, type Target, TARGETS } from "./targets.ts";

const ROOT = new URL("../../", import.meta.url);

/** Beside each binary. */
const FILES = ["LICENSE", "README.md", "CHANGELOG.md"];
/** Beside the binaries for Linux. */
const LINUX_FILES = [
  "deploy/systemd/verack.service",
  "deploy/systemd/verack@.service",
];

const USAGE = `deno task release [--target TARGET]… [--out FOLDER]
Targets: ${TARGETS.join(", ")}`;

async function main(argv: string[]): Promise<number> {
  let out: string;
  let wanted: readonly Target[];
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        target: { type: "string", multiple: true, default: [...TARGETS] },
        out: { type: "string", default: "dist/release" },
      },
    });
    out = values.out;
    wanted = values.target.map(parseTarget);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`error: ${error.message}\n${USAGE}`);
    return 2;
  }
  Deno.chdir(ROOT);
  const { version } = config;
  const date = await sourceDate();
  try {
    await Deno.mkdir(out, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    console.error(
      `error: --out is ${out}, must be a folder in dist: the task may write nowhere else`,
    );
    return 2;
  }

  const made = [`verack-${version}.cdx.json`];
  await Deno.writeTextFile(`${out}/${made[0]}`, await sbom(date));
  const archives: string[] = [];
  for (const target of wanted) {
    const files = target.includes("linux") ? [...FILES, ...LINUX_FILES] : FILES;
    const result = await buildTarget({
      target,
      version,
      compile: config.tasks.compile.command,
      files,
      folder: out,
      date,
    });
    if ("archive" in result) {
      archives.push(result.archive);
      console.log(`built    ${target}  ${out}/${result.archive}`);
    } else console.error(`missing  ${target}  ${result.failure}`);
  }
  made.push(...archives);
  await Deno.writeTextFile(`${out}/SHA256SUMS`, await sums(out, made));
  console.error(
    `${archives.length} of ${wanted.length} targets built, in ${out}`,
  );
  return archives.length > 0 ? 0 : 1;
}

function parseTarget(text: string): Target {
  const target = TARGETS.find((it) => it === text);
  if (target !== undefined) return target;
  throw new TypeError(`The target is ${text}, must be one of those below`);
}

/** In the form of `sha256sum --check`. */
async function sums(folder: string, names: string[]): Promise<string> {
  const lines = names.toSorted().map(async (name) => {
    const bytes = await Deno.readFile(`${folder}/${name}`);
    const hash = await crypto.subtle.digest("SHA-256", bytes);
    return `${new Uint8Array(hash).toHex()}  ${name}\n`;
  });
  return (await Promise.all(lines)).join("");
}

async function sbom(date: Date): Promise<string> {
  const lock: LockFile = JSON.parse(await Deno.readTextFile("deno.lock"));
  const imported = importedPackages(readSources("src"));
  const needed = lockOf(lock, imported);
  const cache = await npmCache();
  // A package that the library loads if it is there warns of itself.
  Object.assign(process, { noDeprecation: true });
  const { makeSbom, packageOf } = await import("./sbom.ts");
  return makeSbom({
    name: "verack",
    version: config.version,
    license: config.license,
    denoVersion: Deno.version.deno,
    lock: needed,
    direct: [...imported].map((it) =>
      it.replace(/(?<=.)@.*/, `@${needed.specifiers[`npm:${it}`]}`)
    ),
    licenseOf(key) {
      const { name, version } = packageOf(key);
      return licenseAt(`${cache}/${name}/${version}`);
    },
    date,
  });
}

/** Where Deno has unpacked the packages of the registry. */
async function npmCache(): Promise<string> {
  const info = JSON.parse(await said(Deno.execPath(), "info", "--json"));
  const [registry] = [...Deno.readDirSync(info.npmCache)]
    .filter(({ isDirectory }) => isDirectory);
  if (registry === undefined) throw new Error(`${info.npmCache} is empty`);
  return `${info.npmCache}/${registry.name}`;
}

function licenseAt(folder: string): string | undefined {
  const text = Deno.readTextFileSync(`${folder}/package.json`);
  const { license } = JSON.parse(text);
  return typeof license === "string" ? license : undefined;
}

async function sourceDate(): Promise<Date> {
  const given = Deno.env.get("SOURCE_DATE_EPOCH") ??
    await said("git", "log", "-1", "--format=%ct");
  const seconds = Number(given);
  if (given.trim() === "" || !Number.isSafeInteger(seconds)) {
    throw new Error(
      `SOURCE_DATE_EPOCH is ${given}, must be seconds since 1970`,
    );
  }
  return new Date(seconds * 1_000);
}

async function said(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args })
    .output();
  const text = new TextDecoder();
  if (!success) throw new Error(`${program}: ${text.decode(stderr)}`);
  return text.decode(stdout);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
