/**
 * Where Bitcoin software of others is installed for `tests/interop/` and
 * `tests/bench/`: outside the repository, by `install.ts`.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What is to be installed; another name than package.json, which Deno would heed. */
const PACKAGES = new URL("packages.json", import.meta.url);
/** Written last. */
const MARK = "installed";

/** The packages and their versions, and what is needed to install them. */
export function readPackages(): string {
  return Deno.readTextFileSync(PACKAGES);
}

/**
 * The folder: `VERACK_INTEROP_DIR`, or one in the temporary directory of the
 * system whose name follows from what is to be installed.
 */
export async function interopFolder(): Promise<string> {
  const told = Deno.env.get("VERACK_INTEROP_DIR");
  if (told !== undefined && told !== "") return told;
  const text = new TextEncoder().encode(readPackages());
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return join(tmpdir(), `verack-interop-${hash.toHex().slice(0, 12)}`);
}

/** Whether all of it is in that folder. */
export async function isInstalled(folder: string): Promise<boolean> {
  return await markOf(folder) === readPackages();
}

/** Whether these or other versions were installed there. */
export async function isMarked(folder: string): Promise<boolean> {
  return await markOf(folder) !== undefined;
}

/** Says that all of it is in that folder. */
export async function markInstalled(folder: string): Promise<void> {
  await Deno.writeTextFile(join(folder, MARK), readPackages());
}

async function markOf(folder: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(join(folder, MARK));
  } catch {
    return undefined;
  }
}
