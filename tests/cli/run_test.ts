/** `verack run` itself; with others it is in `tests/process/`. */
import { assertEquals, assertMatch } from "@std/assert";
import { programName } from "../../src/cli/greeting.ts";
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
    { type: "listening", id, address, addresses: [address] },
    { type: "mesh", nodes: 1, sessions: 0, missing: [] },
    { type: "stopped" },
  ]);
});

Deno.test("run on several addresses says all, and what to paste from here and from elsewhere", async () => {
  await using child = verack([
    "--port=0",
    "--host=127.0.0.1",
    "--host=127.0.0.2",
    "--advertise=alice.example:1",
    "--advertise=10.0.0.5:8080",
  ]);
  const listen = await child.line((line) => line.includes("listen on"));
  const port = /127\.0\.0\.1:(\d+), 127\.0\.0\.2:\1 /.exec(listen)?.[1];
  assertEquals(child.out.slice(1, 4), [
    `join from here       verack run --port 0 --connect 127.0.0.1:${port}`,
    `join from elsewhere  verack run --connect alice.example:1`,
    `join from elsewhere  verack run --connect 10.0.0.5:8080`,
  ]);
});

Deno.test("run without a listening address says how it meets others, or that it cannot", async () => {
  const openness =
    "to every member of the mesh that it joins; it does not listen (--admission closed lets you choose), with a key in memory only (--keep keeps it)";
  await using alone = verack(["--no-listen"]);
  await alone.line((line) => line.includes("listen not at all, only dials"));
  assertEquals(alone.out.slice(1, 3), [
    `open   ${openness}`,
    "alone  it neither listens nor has a member to dial: give it --connect or --discover",
  ]);
  await using looking = verack(["--no-listen", "--discover"], {
    permissions: ["--allow-sys=networkInterfaces"],
  });
  await looking.line((line) => line.includes("listen not at all"));
  assertEquals(looking.out.slice(1, 3), [
    `open       ${openness}`,
    "announced  not on the local network, as it does not listen; only looks for others there",
  ]);
});

Deno.test("run says first what it is, what to paste to join it, and how open it is", async () => {
  await using child = verack(["--port=0", "--network=test"]);
  const listen = await child.line((line) => line.includes("listen on 0.0.0.0"));
  const port = /0\.0\.0\.0:(\d+) /.exec(listen)?.[1];
  assertMatch(child.out[0] ?? "", /^verack [0-9a-f]{64}$/);
  const both = "--network test";
  assertEquals(child.out.slice(1, 4), [
    `join from here       verack run --port 0 --connect 127.0.0.1:${port} ${both}`,
    `join from elsewhere  verack run --connect HOST:${port} ${both}`,
    "open                 to every node that reaches it (--admission closed lets you choose), with a key in memory only (--keep keeps it)",
  ]);
  const pasted = child.out[1]?.split(/ +verack /)[1]?.split(" ") ?? [];
  await using joining = verack(pasted);
  await joining.line((line) => line.includes(" up "));
  assertEquals(joining.out.filter((line) => line.includes("join from")), []);
  assertMatch(joining.out[1] ?? "", /^open {2}to every node/);
});

Deno.test("a node that only this machine reaches, or a closed one, says so", async () => {
  await using local = verack(["--port=0", "--host=127.0.0.1"]);
  await local.line((line) => line.includes("listen on"));
  assertEquals(local.out.filter((it) => it.includes("elsewhere")), []);
  assertMatch(local.out[2] ?? "", /^open +to every node on this machine, with/);

  await using closed = verack(["--port=0", "--admission=closed"]);
  await closed.line((line) => line.includes("listen on"));
  assertEquals(closed.out.filter((it) => it.includes("join from")), []);
  assertMatch(closed.out[1] ?? "", /^closed {2}to all but those that it knows/);
});

Deno.test("the commands of the greeting begin as this one was started", () => {
  const of = (env: Readonly<Record<string, string>>) =>
    programName((name) => env[name]);
  assertEquals(of({}), "verack");
  const task = {
    INIT_CWD: "/clone",
    npm_config_user_agent: "deno/2.9.6 npm/?",
  };
  assertEquals(of(task), "deno task verack");
  const npx = {
    INIT_CWD: "/clone",
    npm_config_user_agent: "npm/11.0.0 node/v24.0.0",
    npm_command: "exec",
  };
  assertEquals(of(npx), `npx -y deno@${Deno.version.deno} task verack`);
});
