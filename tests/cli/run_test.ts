/** `verack run` itself; with others it is in `tests/process/`. */
import { assertEquals, assertMatch } from "@std/assert";
import { verack } from "../helpers/child.ts";
import { NodeProcess } from "../helpers/process.ts";

Deno.test("run is the default, and listens on a free port when asked for 0", async () => {
  await using named = await NodeProcess.start();
  assertMatch(named.address, /^127\.0\.0\.1:[1-9]\d+$/);
  assertMatch(named.id, /^[0-9a-f]{64}$/);
  await using child = verack(["run", "--json", "--host=127.0.0.1", "-p", "0"]);
  await child.line((line) => line.includes('"listening"'));
  child.kill("SIGTERM");
  assertEquals(await child.code(), 143);
});

Deno.test("run tells programs that it listens, how large the mesh is, and that it stopped", async () => {
  await using node = await NodeProcess.start();
  const { id, address } = node;
  await node.waitFor("mesh");
  await node.end("SIGINT");
  assertEquals<unknown>(node.events.map(({ time: _, ...rest }) => rest), [
    { type: "listening", id, address },
    { type: "mesh", nodes: 1, sessions: 0, missing: [] },
    { type: "stopped" },
  ]);
});

Deno.test("run tells people what to type to join, unless it joins itself", async () => {
  await using child = verack(["--port=0"]);
  const listen = await child.line((line) => line.includes("listen on 0.0.0.0"));
  const port = /0\.0\.0\.0:(\d+) /.exec(listen)?.[1];
  assertMatch(child.out[0] ?? "", /^verack [0-9a-f]{64}$/);
  assertEquals(child.out.slice(1, 3), [
    "a new key, in memory only; --data DIR keeps one",
    `others join with --connect HOST:${port} (127.0.0.1:${port} on this machine)`,
  ]);
  await using joining = verack(["--port=0", `--connect=127.0.0.1:${port}`]);
  await joining.line((line) => line.includes(" up "));
  assertEquals(joining.out.filter((line) => line.includes("--connect")), []);
});
