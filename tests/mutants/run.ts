/** Runs the tests of a mutant in a copy of the repository. */
import { type Mutant, mutate, placesOf, ROOT, sourcesOf } from "./mutant.ts";

/** What became of a mutant. */
export type Outcome =
  /** A test noticed. */
  | "killed"
  /** The tests did not end. */
  | "killed (time)"
  /** No test noticed: a check that nothing holds. */
  | "survived"
  /** The snippet is not there, or more than once, or the mutant is no TypeScript. */
  | "broken";

/** What is copied: everything but the history and what tools leave. */
const SKIPPED: ReadonlySet<string> = new Set([
  ".git",
  "coverage",
  "data",
  "dist",
  "node_modules",
]);

/** Files and folders of the repository that tests read. */
function copy(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const entry of Deno.readDirSync(from)) {
    if (SKIPPED.has(entry.name)) continue;
    if (entry.isDirectory) copy(`${from}${entry.name}/`, `${to}${entry.name}/`);
    else if (entry.isFile) {
      Deno.copyFileSync(from + entry.name, to + entry.name);
    }
  }
}

/** A copy of the repository in which one mutant at a time is tried. */
export class Copy implements Disposable {
  readonly #root = `${Deno.makeTempDirSync({ prefix: "verack-mutants-" })}/`;

  constructor() {
    copy(ROOT, this.#root);
  }

  /** Puts the mutant in, runs its tests, and takes it out again. */
  async try(
    mutant: Mutant,
    timeoutMs: number,
  ): Promise<{ outcome: Outcome; output: string }> {
    const places = placesOf(mutant, sourcesOf(this.#root));
    const [place] = places;
    if (place === undefined || places.length > 1) {
      const output = `The snippet is in ${places.length} places of src/`;
      return { outcome: "broken", output };
    }
    const path = this.#root + place.source.path;
    Deno.writeTextFileSync(path, mutate(place, mutant));
    try {
      return await this.run(mutant.tests, timeoutMs);
    } finally {
      Deno.writeTextFileSync(path, place.source.text);
    }
  }

  /** Runs tests on the code as it is now. */
  async run(
    tests: readonly string[],
    timeoutMs: number,
  ): Promise<{ outcome: Outcome; output: string }> {
    const late = AbortSignal.timeout(timeoutMs);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-check", "--fail-fast", "--allow-all", ...tests],
      cwd: this.#root,
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: late,
    }).output();
    const decoder = new TextDecoder();
    const output = decoder.decode(stdout) + decoder.decode(stderr);
    if (late.aborted) return { outcome: "killed (time)", output };
    if (code === 0) return { outcome: "survived", output };
    // Deno says this of a file that is no TypeScript: no test has run then.
    const ran = /^running \d+ tests? from /m.test(output);
    return { outcome: ran ? "killed" : "broken", output };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#root, { recursive: true });
  }
}
