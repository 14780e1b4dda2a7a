/** What becomes of a node whose terminal is closed, with and without `nohup`. */
import { assertEquals } from "@std/assert";
import { verack, verackProgram } from "../helpers/child.ts";
import { NodeProcess } from "../helpers/process.ts";
import { HAS_PTY, Pty } from "../helpers/pty.ts";

const WINDOWS = Deno.build.os === "windows";

/** Deno takes no other permission beside `--allow-all`. */
const IGNORING_WITH_ALL_PERMISSIONS = `
  trap "" HUP
  for word; do
    shift
    case $word in run|--allow-*) ;; *) set -- "$@" "$word" ;; esac
  done
  exec "$0" run --allow-all "$@"`;

async function has(program: string): Promise<boolean> {
  try {
    const args = ["--version"];
    return (await new Deno.Command(program, { args }).output()).success;
  } catch {
    console.log(`skipped: no ${program} here`);
    return false;
  }
}

/** A node started through `launcher`, and a second one that watches it. */
async function watched(
  launcher: readonly string[],
  permissions: readonly string[],
): Promise<[NodeProcess, NodeProcess]> {
  const node = await NodeProcess.start([], { launcher, permissions });
  const watcher = await NodeProcess.start([`--connect=${node.address}`]);
  await watcher.meshOf(2);
  return [node, watcher];
}

/** It got the signal, said nothing, and goes on until it is told to stop. */
async function outlives(node: NodeProcess, watcher: NodeProcess) {
  node.child.kill("SIGHUP");
  await using late = await NodeProcess.start([`--connect=${node.address}`]);
  await late.meshOf(3);
  assertEquals(watcher.of("peer:down"), []);
  assertEquals(await node.end("SIGTERM"), 143);
}

Deno.test({
  name:
    "a node that is started where SIGHUP is ignored outlives it, if it may look (--allow-all)",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const launcher = ["sh", "-c", IGNORING_WITH_ALL_PERMISSIONS];
    const [node, watcher] = await watched(launcher, []);
    await using _node = node;
    await using _watcher = watcher;
    await outlives(node, watcher);
  },
});

Deno.test({
  name:
    "a node that a shell starts by nohup outlives SIGHUP with --allow-env=_",
  ignore: WINDOWS || !await has("nohup"),
  async fn() {
    // What shells say: not all of them do.
    const launcher = ["env", "_=/usr/bin/nohup", "nohup"];
    const [node, watcher] = await watched(launcher, ["--allow-env=_"]);
    await using _node = node;
    await using _watcher = watcher;
    await outlives(node, watcher);
  },
});

for (const nohup of [false, true]) {
  Deno.test({
    name: nohup
      ? "a node under nohup stays when its terminal is closed"
      : "a node leaves politely when its terminal is closed",
    ignore: !HAS_PTY || Deno.build.os !== "linux" ||
      (nohup && !await has("nohup")),
    async fn() {
      const directory = await Deno.makeTempDir();
      await using first = await NodeProcess.start();
      try {
        await using pty = new Pty([
          ...["sh", "-c", `cd ${directory}; echo pid $$; exec "$@"`, "sh"],
          ...(nohup ? ["nohup"] : []),
          ...verackProgram([
            ...["--host=127.0.0.1", "--port=0", `--connect=${first.address}`],
          ]),
        ]);
        const [, pid = ""] = await pty.shows(/pid (\d+)/);
        await first.meshOf(2);
        await pty.hangUp();
        if (!nohup) {
          assertEquals((await first.waitFor("peer:down")).left, true);
          return;
        }
        await using late = await NodeProcess.start([
          `--connect=${first.address}`,
        ]);
        await late.meshOf(3);
        assertEquals(first.of("peer:down"), []);
        Deno.kill(Number(pid), "SIGTERM");
        assertEquals((await first.waitFor("peer:down")).left, true);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}

Deno.test({
  name: "a second SIGHUP does not keep a node from saying bye",
  ignore: WINDOWS,
  async fn() {
    await using child = verack(["--json", "--host=127.0.0.1", "--port=0"]);
    await child.line((line) => line.includes('"listening"'));
    for (let count = 0; count < 3; count++) child.kill("SIGHUP");
    await child.line((line) => line.includes('"stopped"'));
    assertEquals(await child.code(), 129);
  },
});
