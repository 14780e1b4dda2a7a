import { assertEquals } from "@std/assert";
import { utcMinute } from "../../src/cli/answer_command.ts";

Deno.test("utcMinute() says that it is UTC", () => {
  assertEquals(utcMinute("2026-11-29T21:52:59.999Z"), "2026-11-29 21:52Z");
  assertEquals(utcMinute("2026-11-29T23:52:00+02:00"), "2026-11-29 21:52Z");
});
