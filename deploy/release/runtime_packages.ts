/**
 * Which packages of `deno.lock` the program needs: those that `src/` names, and what these
 * depend on. Run as a program it takes all others out of the lock file of the current folder,
 * so that an image has no package that only tests need. For the SBOM it is a module.
 */

/** A package in `deno.lock`. */
export interface LockedPackage {
  /** Of its archive: `sha512-` and base64. */
  readonly integrity: string;
  readonly dependencies?: readonly string[];
  readonly optionalDependencies?: readonly string[];
  readonly optionalPeers?: readonly string[];
}

/** The parts of `deno.lock`, version 5, that are used. */
export interface LockFile {
  readonly version: string;
  /** Resolved version by specifier: `npm:hono@4.13.19` to `4.13.19`. */
  readonly specifiers: Readonly<Record<string, string>>;
  /** By name and resolved version. */
  readonly npm: Readonly<Record<string, LockedPackage>>;
}

/** Imports of packages in source: name and version. */
const IMPORT = /"npm:\/?((?:@[^/"]+\/)?[^/@"]+@[^/"]+)[^"]*"/g;

/** What source names of packages, such as `hono@4.13.19`. */
export function importedPackages(sources: Iterable<string>): Set<string> {
  const found = new Set<string>();
  for (const text of sources) {
    for (const [, name = ""] of text.matchAll(IMPORT)) found.add(name);
  }
  return found;
}

/**
 * The lock file without what is not needed for these packages.
 *
 * @throws {Error} when the lock file lacks one.
 */
export function lockOf(lock: LockFile, imported: Iterable<string>): LockFile {
  const specifiers: Record<string, string> = {};
  const needed = new Set<string>();
  for (const name of imported) {
    const specifier = `npm:${name}`;
    const version = lock.specifiers[specifier];
    if (version === undefined) throw new Error(`deno.lock lacks ${specifier}`);
    specifiers[specifier] = version;
    needed.add(name.replace(/(?<=.)@.*/, `@${version}`));
  }
  // A set may grow while it is gone through.
  for (const key of needed) {
    for (const dependency of dependenciesOf(lock, key)) needed.add(dependency);
  }
  const isNeeded = ([key]: [string, unknown]) => needed.has(key);
  return {
    version: lock.version,
    specifiers: sorted(specifiers),
    npm: Object.fromEntries(Object.entries(lock.npm).filter(isNeeded)),
  };
}

/** Packages that one depends on directly, as keys of the lock file. */
export function dependenciesOf({ npm }: LockFile, key: string): string[] {
  const locked = npm[key];
  if (locked === undefined) throw new Error(`deno.lock lacks ${key}`);
  const { dependencies = [], optionalDependencies = [] } = locked;
  return [...dependencies, ...optionalDependencies].map((name) => {
    if (name in npm) return name;
    // A name alone stands for the only version.
    const found = Object.keys(npm).find((it) => it.startsWith(`${name}@`));
    if (found === undefined) throw new Error(`deno.lock lacks ${name}`);
    return found;
  });
}

/** The texts of all modules below a folder. */
export function* readSources(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* readSources(path);
    else if (name.endsWith(".ts")) yield Deno.readTextFileSync(path);
  }
}

function sorted(values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).sort(([a], [b]) => a < b ? -1 : 1),
  );
}

if (import.meta.main) {
  const lock: LockFile = JSON.parse(Deno.readTextFileSync("deno.lock"));
  const imported = importedPackages(readSources("src"));
  const needed = lockOf(lock, imported);
  Deno.writeTextFileSync("deno.lock", `${JSON.stringify(needed, null, 2)}\n`);
}
