/** A program that uses the library and does not await what it sends. */
import { assertEquals } from "@std/assert";
import { verack } from "../helpers/child.ts";

const CHILD = new URL("children/careless_sender.ts", import.meta.url).href;

Deno.test("a promise of send or broadcast that nothing awaits does not end the process when it rejects, and the event tells", async () => {
  await using child = verack([], {
    module: CHILD,
    permissions: ["--allow-env"],
  });
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
