/**
 * Where software of others is installed that `tests/` and its benchmark meet:
 * outside the repository, by `install.ts`, one folder a list of packages.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Written last. */
const MARK = "installed";

/** Packages that are installed together. */
export class Place {
  readonly name: string;
  /** What it is called before people. */
  readonly title: string;
  readonly #list: URL;
  readonly #variable: string;

  /**
   * @param list Packages and versions as in a package.json, but under another
   * name, which Deno does not heed.
   * @param variable Environment variable that names another folder.
   */
  constructor(name: string, title: string, list: URL, variable: string) {
    this.name = name;
    this.title = title;
    this.#list = list;
    this.#variable = variable;
  }

  /** The packages and their versions, and what is needed to install them. */
  readPackages(): string {
    return Deno.readTextFileSync(this.#list);
  }

  /**
   * The folder: what the environment says, or one in the temporary directory of
   * the system whose name follows from what is to be installed.
   */
  async folder(): Promise<string> {
    const told = Deno.env.get(this.#variable);
    if (told !== undefined && told !== "") return told;
    const text = new TextEncoder().encode(this.readPackages());
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
    return join(
      tmpdir(),
      `verack-${this.name}-${hash.toHex().slice(0, 12)}`,
    );
  }

  /** Whether all of it is in that folder. */
  async isInstalled(folder: string): Promise<boolean> {
    return await markOf(folder) === this.readPackages();
  }

  /** Whether these or other versions were installed there. */
  async isMarked(folder: string): Promise<boolean> {
    return await markOf(folder) !== undefined;
  }

  /** Says that all of it is in that folder. */
  async markInstalled(folder: string): Promise<void> {
    await Deno.writeTextFile(join(folder, MARK), this.readPackages());
  }
}

/** Bitcoin's protocol, spoken by others. */
export const INTEROP = new Place(
  "interop",
  "other implementations of Bitcoin's protocol",
  new URL("packages.json", import.meta.url),
  "VERACK_INTEROP_DIR",
);

/** Peer networks of others, and a Node that runs them. */
export const BENCH = new Place(
  "bench",
  "other peer networks",
  new URL("../bench/packages.json", import.meta.url),
  "VERACK_BENCH_DIR",
);

/** What installs the packages of all these places. */
export function installCommand(...places: readonly Place[]): string {
  const names = places.map(({ name }) => name).join(" ");
  return `deno run -A tests/interop/install.ts ${names}`;
}

async function markOf(folder: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(join(folder, MARK));
  } catch {
    return undefined;
  }
}
