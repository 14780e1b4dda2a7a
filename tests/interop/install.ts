/**
 * Installs the Bitcoin software of others that `tests/interop/` talks to:
 * `deno run -A tests/interop/install.ts`. Needs Node 20 and its npm; nothing in
 * the repository changes. Exits 0 when all of it is there.
 *
 * No script of a package is run, so that nothing needs a compiler; what bcoin
 * would build natively it also has in JavaScript.
 */
import { dirname, join } from "node:path";
import {
  interopFolder,
  isInstalled,
  isMarked,
  markInstalled,
  readPackages,
} from "./place.ts";

const NPM_FLAGS = [
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
  "--no-package-lock",
  "--no-update-notifier",
  "--loglevel=error",
];

async function install(folder: string): Promise<boolean> {
  await Deno.mkdir(dirname(folder), { recursive: true });
  // Elsewhere first: two who install at once, or a stop half way, leave no mess.
  const fresh = await Deno.makeTempDir({
    dir: dirname(folder),
    prefix: "verack-interop-new-",
  });
  try {
    await Deno.writeTextFile(join(fresh, "package.json"), readPackages());
    const npm = Deno.build.os === "windows" ? "npm.cmd" : "npm";
    const { success } = await new Deno.Command(npm, {
      args: ["install", ...NPM_FLAGS],
      cwd: fresh,
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).output();
    if (!success) return false;
    await markInstalled(fresh);
    // Only what this script made: the folder's name may be anybody's.
    if (await isMarked(folder)) await Deno.remove(folder, { recursive: true });
    await Deno.rename(fresh, folder).catch(report);
    return await isInstalled(folder);
  } finally {
    await Deno.remove(fresh, { recursive: true }).catch(() => {});
  }
}

if (import.meta.main) {
  const folder = await interopFolder();
  if (await isInstalled(folder)) {
    console.log(`The other implementations are already in ${folder}`);
  } else if (await install(folder).catch(report)) {
    console.log(`The other implementations are in ${folder}`);
  } else {
    console.log(
      "The other implementations cannot be installed; what needs them will be skipped",
    );
    Deno.exitCode = 1;
  }
}

function report(error: unknown): boolean {
  console.error(error instanceof Error ? error.message : error);
  return false;
}
