/** A node whose disk fills up while it runs, on a small disk of its own. */
import { assertEquals, assertMatch } from "@std/assert";
import { Child, verack } from "../helpers/child.ts";
import { NodeProcess } from "../helpers/process.ts";
import { CAN_MOUNT, onSmallDisk } from "../helpers/small_disk.ts";
import { until } from "../helpers/until.ts";

const MOD = new URL("../../src/cli/main.ts", import.meta.url).href;
const DISK_KB = 400;

/** Takes all the room that is left. */
function fill(path: string): void {
  using file = Deno.openSync(path, { write: true, create: true });
  const block = new Uint8Array(4_096);
  try {
    for (;;) file.writeSync(block);
  } catch {
    // Full.
  }
}

type Facts = { code: string; message: string; severity: string }[];

/** What is wrong with the node of a data directory, asked where that process lives. */
async function reasons(pid: number, data: string): Promise<Facts> {
  await using child = verack(["health", "--json", `--data=${data}`], {
    launcher: ["nsenter", `--target=${pid}`, "--mount"],
    permissions: [`--allow-read=${data}`, `--allow-write=${data}`],
  });
  const answer: { healthy: boolean; reasons: Facts } = JSON.parse(
    await child.line(() => true),
  );
  const { healthy, reasons } = answer;
  const isFailing = reasons.some(({ severity }) => severity === "failing");
  assertEquals([healthy, await child.code()], [!isFailing, isFailing ? 1 : 0]);
  return reasons;
}

Deno.test({
  name:
    "a node whose disk is full says so and goes on, and remembers again when there is room (needs the right to mount)",
  ignore: !CAN_MOUNT,
  fn: async () => {
    const directory = await Deno.makeTempDir({ prefix: "verack-full-" });
    try {
      await using node = new Child("unshare", [
        ...onSmallDisk(DISK_KB, directory),
        Deno.execPath(),
        "run",
        "--quiet",
        "--no-prompt",
        "--cached-only",
        "--allow-net",
        "--allow-env",
        `--allow-read=${directory}`,
        `--allow-write=${directory}`,
        "--allow-sys=statfs",
        MOD,
        "--json",
        "--host=127.0.0.1",
        "--port=0",
        "--period=0",
        // A busy machine must not add a fact.
        "--dead-after=60",
        `--data=${directory}/data`,
      ]);
      const listening = JSON.parse(
        await node.line((it) => it.includes('"listening"')),
      );
      // The disk as that process sees it.
      const disk = `/proc/${node.pid}/root${directory}`;
      fill(`${disk}/ballast`);

      await using peer = await NodeProcess.start([
        `--connect=${listening.address}`,
      ]);
      await peer.meshOf(2);
      await node.line((it) => it.includes('"peer:up"'));
      assertMatch(
        await node.talk((it) => it.includes("were lost")),
        /the disk is full/,
      );

      const trouble = () => reasons(node.pid, `${directory}/data`);
      const facts = await trouble();
      // The disk never has as much room as a node needs.
      assertEquals(
        facts.map(({ code, severity }) => [code, severity]).sort(),
        [["cannot-write", "failing"], ["low-disk", "warning"]],
      );
      const fact = facts.find(({ code }) => code === "cannot-write");
      assertMatch(fact?.message ?? "", /the disk is full/);

      Deno.removeSync(`${disk}/ballast`);
      await node.line((it) => it.includes('"resolved"'));
      assertEquals((await trouble()).map(({ code }) => code), ["low-disk"]);
      peer.child.kill("SIGKILL");
      await node.line((it) => it.includes('"peer:down"'));
      await until("the peer on disk", async () => {
        const log = await Deno.readFile(`${disk}/data/node.db-wal`);
        return log.toHex().includes(peer.id);
      });
      node.kill("SIGTERM");
      assertEquals(await node.code(), 143);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
