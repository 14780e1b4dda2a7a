import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { editDistance, suggest } from "../../src/cli/suggest.ts";

Deno.test("suggest() finds the nearest word, or none", () => {
  const words = ["connect", "color", "period", "port", "peers"];
  assertEquals(suggest("conect", words), "connect");
  assertEquals(suggest("prot", words), "port");
  assertEquals(suggest("PERIOD", words), "period");
  assertEquals(suggest("pe", words), undefined, "two begin so");
  assertEquals(suggest("banana", words), undefined);
  assertEquals(suggest("", words), undefined);
  assertEquals(suggest("x".repeat(1_000_000), words), undefined);
});

Deno.test("editDistance() counts typing mistakes, the same in both directions", () => {
  assertEquals(editDistance("", "abc"), 3);
  assertEquals(editDistance("port", "port"), 0);
  assertEquals(editDistance("port", "prot"), 1);
  assertEquals(editDistance("kitten", "sitting"), 3);
  const word = fc.string({ maxLength: 8 });
  fc.assert(fc.property(word, word, (a, b) => {
    assertEquals(editDistance(a, b), editDistance(b, a));
    assertEquals(editDistance(a, b) === 0, a === b);
  }));
});
