import { assertEquals } from "@std/assert";
import { suggest } from "../../src/cli/flags.ts";

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
