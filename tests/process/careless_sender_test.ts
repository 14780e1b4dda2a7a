/** A program that uses the library and does not await what it sends. */
import { assertEquals } from "@std/assert";
import { Child } from "../helpers/child.ts";

const CHILD = new URL("children/careless_sender.ts", import.meta.url).href;

Deno.test("a promise of send or broadcast that nothing awaits does not end the process when it rejects, and the event tells", async () => {
  await using child = new Child(Deno.execPath(), [
    "run",
    "--quiet",
    "--no-prompt",
    "--cached-only",
    "--allow-net",
    "--allow-env",
    CHILD,
  ]);
  const code = await child.code();
  assertEquals(child.err, []);
  assertEquals(child.out, [
    "undelivered late",
    "undelivered left",
    "still runs",
    "rejected unknown-peer",
    "closed",
  ]);
  assertEquals(code, 0);
});
