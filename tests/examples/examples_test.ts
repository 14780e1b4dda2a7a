/** Every example runs by itself, as its first lines say, and prints what it is there to show. */
import { assertEquals } from "@std/assert";
import { Child } from "../helpers/child.ts";

/** Runs one to its end; its lines, with ids of peers left out. */
async function run(name: string): Promise<string[]> {
  const path = new URL(`../../examples/${name}.ts`, import.meta.url).pathname;
  await using child = new Child(Deno.execPath(), ["run", "-A", "-q", path]);
  assertEquals([await child.code(), child.err], [0, []]);
  return child.out.map((line) =>
    line.replace(/\b[0-9a-f]{8}\b(?! bytes)/, "ID")
  );
}

Deno.test("examples/echo.ts gets all bytes back, and tells an unknown protocol", async () => {
  assertEquals(await run("echo"), [
    "hello, alice",
    "52428800 bytes came back",
    "unknown-protocol",
  ]);
});

Deno.test("examples/rpc_typed.ts gets a typed answer, an error of the handler and one of the schema", async () => {
  assertEquals(await run("rpc_typed"), [
    "office: 3 seats for ID",
    "guest: reserved until 2030",
    "guest: sold-out, Hamlet has 2 free seats { free: 2 }",
    "guest: bad-input",
  ]);
});

Deno.test("examples/work_queue.ts has a result for every job, though a worker dies with one", async () => {
  const lines = await run("work_queue");
  assertEquals(lines.at(-1), "20 results, the last is 400");
  assertEquals(
    lines.slice(0, -1).map((line) => line.replace(/^job \d+/, "job N")),
    ["job N: session-lost, so another worker gets it"],
  );
});

Deno.test("examples/tunnel.ts reads pages through a forwarded port, both ways, and none that is not allowed", async () => {
  assertEquals(await run("tunnel"), [
    "the page /a",
    "the page /b",
    "the page /c",
    "not-allowed",
    "the page /reverse",
    "1 refused",
  ]);
});
