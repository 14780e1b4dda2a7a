/** What a mutant is, and finding its place in the sources. */

/** One security check, and the same code without it. */
export interface Mutant {
  /** What holds no more, as a sentence. */
  readonly name: string;
  /** The code with the check: found exactly once in `src/`, white space aside. */
  readonly snippet: string;
  /** What stands there instead. */
  readonly mutated: string;
  /** Test files that must notice, from the root of the repository. */
  readonly tests: readonly string[];
}

/** A source file. */
export interface Source {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** Where a mutant applies. */
export interface Place {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** The repository, as a path that ends with a slash. */
export const ROOT: string = new URL("../../", import.meta.url).pathname;

/** All sources below `src/` of a copy of the repository. */
export function sourcesOf(root: string): Source[] {
  const walk = (folder: string): string[] =>
    [...Deno.readDirSync(root + folder)].flatMap(({ name, isDirectory }) =>
      isDirectory
        ? walk(`${folder}${name}/`)
        : /\.(ts|js)$/.test(name)
        ? [folder + name]
        : []
    );
  return walk("src/").sort().map((path) => ({
    path,
    text: Deno.readTextFileSync(root + path),
  }));
}

/** Every place where a mutant's snippet stands; there must be one. */
export function placesOf(
  { snippet }: Pick<Mutant, "snippet">,
  sources: readonly Source[],
): Place[] {
  // Code that moves is indented anew and wrapped elsewhere.
  const pattern = snippet.trim().split(/\s+/).map(RegExp.escape).join("\\s+");
  return sources.flatMap((source) =>
    [...source.text.matchAll(new RegExp(pattern, "g"))].map((match) => ({
      source,
      start: match.index,
      end: match.index + match[0].length,
    }))
  );
}

/** The source with the mutant in it. */
export function mutate({ source, start, end }: Place, mutant: Mutant): string {
  const { text } = source;
  return text.slice(0, start) + mutant.mutated + text.slice(end);
}
