/** Compares docs/limits.md with the terms of the worst case. */
import { assertEquals } from "@std/assert";
import type { WorstCaseTerm } from "./worst_case.ts";

const MIB = 1_048_576;

/** A number as the document writes it. */
export function written(value: number): string {
  return value.toLocaleString("en");
}

/** Asserts that the document has a row for each term; returns its text. */
export async function assertRows(
  terms: readonly WorstCaseTerm[],
): Promise<string> {
  const text = await Deno.readTextFile(
    new URL("../../docs/limits.md", import.meta.url),
  );
  for (const { what, count, each } of terms) {
    const cells = text.split("\n").find((line) => line.includes(`| ${what} `))
      ?.split("|").map((cell) => cell.trim());
    assertEquals(cells?.slice(2, 5), [
      written(count),
      written(each),
      (count * each / MIB).toFixed(1),
    ], `the row of "${what}"`);
  }
  return text;
}
