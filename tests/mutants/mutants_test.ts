// The table of mutants follows the code; `deno task mutants` runs them.
import { assert, assertEquals } from "@std/assert";
import { mutate, placesOf, ROOT, sourcesOf } from "./mutant.ts";
import { MUTANTS } from "./table.ts";

const SOURCES = sourcesOf(ROOT);

Deno.test("every mutant has its snippet in exactly one place of src/, and changes it", () => {
  const faults = MUTANTS.flatMap((mutant) => {
    const places = placesOf(mutant, SOURCES);
    const [place] = places;
    if (place === undefined || places.length > 1) {
      const where = places.map(({ source }) => source.path).join(", ");
      return [`"${mutant.name}": ${places.length} places ${where}`];
    }
    return mutate(place, mutant) === place.source.text ? [mutant.name] : [];
  });
  assertEquals(faults, []);
});

Deno.test("every mutant has a name of its own, and tests that exist", () => {
  assert(MUTANTS.length >= 60);
  const names = MUTANTS.map(({ name }) => name);
  assertEquals(names.filter((it, i) => names.indexOf(it) !== i), []);
  const tests = new Set(MUTANTS.flatMap((mutant) => mutant.tests));
  const missing = [...tests].filter((path) => {
    try {
      return !Deno.statSync(ROOT + path).isFile;
    } catch {
      return true;
    }
  });
  assertEquals(missing, []);
});
