/**
 * Reads the lists of mutants, one text file for each part of the node:
 *
 *     = the test files that must notice
 *     what holds no more, as a sentence
 *       - the code with the check
 *       + what stands there instead; left out, nothing
 *
 * A check that is added to `src/` gets its lines in one of these lists.
 */
import { type Mutant, ROOT } from "./mutant.ts";

const LISTS = [
  "identity",
  "connection",
  "streams",
  "mesh",
  "reach",
  "names",
  "node",
  "forwarding",
  "relaying",
  "relayed",
  "page",
] as const;

/** The mutants of one list. */
export function parseMutants(text: string): Mutant[] {
  let tests: string[] = [];
  const found: { name: string; lines: string[]; tests: string[] }[] = [];
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("# ")) continue;
    if (line.startsWith("= ")) tests = line.slice(2).split(" ");
    else if (!line.startsWith(" ")) {
      found.push({ name: line, lines: [], tests });
    } else if (!/^ {2}[-+] /.test(line)) throw new SyntaxError(line);
    else found.at(-1)?.lines.push(line.slice(2));
  }
  return found.map(({ name, lines, tests }) => {
    const part = (sign: string) =>
      lines.filter((line) => line.startsWith(sign))
        .map((line) => line.slice(2)).join("\n");
    return { name, snippet: part("- "), mutated: part("+ "), tests };
  });
}

/** Every security check that is known to be held by a test. */
export const MUTANTS: readonly Mutant[] = LISTS.flatMap((name) =>
  parseMutants(Deno.readTextFileSync(`${ROOT}tests/mutants/${name}.txt`))
);
