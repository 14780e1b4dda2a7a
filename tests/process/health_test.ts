// What `verack health` says of real nodes, and how it exits, which is what probes go by.
import { assertEquals, assertMatch } from "@std/assert";
import { Child } from "../helpers/child.ts";
import { fakeTime } from "../helpers/fake_time.ts";
import { Place } from "../helpers/place.ts";
import { CAN_MOUNT, onSmallDisk } from "../helpers/small_disk.ts";
import { until } from "../helpers/until.ts";

/** On a busy machine a process may not run for a while, which is another warning. */
const PATIENT = "--dead-after=60";

const MAIN = new URL("../../src/cli/main.ts", import.meta.url).href;

/** What `health` prints of a node that is healthy all the same. */
async function warnings(place: Place, name: string): Promise<string> {
  const { code, out, err } = await place.ends(name, "health");
  assertEquals([code, err], [0, []]);
  return out.join("\n");
}

Deno.test("health succeeds for a node that is well, and fails where none runs", async () => {
  await using place = new Place();
  const absent = await place.ends("alice", "health");
  assertEquals([absent.code, absent.out], [1, []]);
  assertMatch(absent.err.join(), /Cannot reach a node/);

  await using _alice = await place.node("alice", PATIENT);
  assertEquals(await place.ask("alice", "health"), "healthy");
  assertEquals(await place.ask("alice", "health", "--live"), "healthy");
  const json = await place.ask("alice", "health", "--json");
  assertEquals(JSON.parse(json), { healthy: true, reasons: [] });
  assertMatch(await place.ask("alice", "status"), /^health +good$/m);
});

Deno.test("health --wait waits for a node that is not started yet", async () => {
  await using place = new Place();
  await using waiting = place.command("alice", "health", "--wait=60");
  await using _alice = await place.node("alice", PATIENT);
  assertEquals(await waiting.code(), 0);
  assertEquals(waiting.out, ["healthy"]);
});

Deno.test("a node whose key runs in a second process fails, at a third it is a warning", async () => {
  await using place = new Place();
  await using carol = await place.node("carol", PATIENT);
  await using alice = await place.node(
    "alice",
    PATIENT,
    `--connect=${carol.address}`,
  );
  await alice.meshOf(2);
  await Deno.mkdir(`${place.path}/copy`, { mode: 0o700 });
  for (const file of ["node.key", "node.crt"]) {
    await Deno.copyFile(
      `${place.path}/alice/${file}`,
      `${place.path}/copy/${file}`,
    );
  }
  await using copy = await place.node(
    "copy",
    PATIENT,
    `--connect=${carol.address}`,
  );
  await copy.waitFor("refused");
  await alice.waitFor("refused");

  for (const name of ["alice", "copy"]) {
    const { code, out } = await place.ends(name, "health");
    assertEquals(code, 1, name);
    assertMatch(
      out.join("\n"),
      /^failing +key-in-use since .*another process/i,
    );
    assertEquals((await place.ends(name, "health", "--live")).code, 0);
  }
  const third = await place.ends("carol", "health");
  assertEquals(third.code, 0);
  assertMatch(third.out.join("\n"), /^warning +key-in-use since /);
  assertMatch(await place.ask("carol", "status"), /^health +1 warning$/m);
});

Deno.test("a seed with another identity, and one whose name does not resolve, are warnings", async () => {
  await using place = new Place();
  await using carol = await place.node("carol", PATIENT);
  const wanted = "ab".repeat(32);
  await using _alice = await place.node(
    "alice",
    PATIENT,
    `--connect=${wanted}@${carol.address}`,
    "--connect=nowhere.invalid:8080",
  );
  const shows = async (code: RegExp) =>
    code.test(await warnings(place, "alice"));
  await until(
    "both",
    async () =>
      await shows(/^warning +wrong-identity since .*must be abab/m) &&
      await shows(/^warning +dns since .*nowhere\.invalid.*\(check the name/m),
  );
  assertMatch(await place.ask("alice", "status"), /^health +2 warnings$/m);
});

Deno.test("a process whose clock is ten minutes late says so, its peers do not", async () => {
  const env = fakeTime("-10m");
  if (env === undefined) return;
  await using place = new Place();
  await using one = await place.node("one", PATIENT);
  await using two = await place.node(
    "two",
    PATIENT,
    `--connect=${one.address}`,
  );
  await two.meshOf(2);
  await using late = await place.nodeWith(
    { env },
    "late",
    PATIENT,
    `--connect=${one.address}`,
    `--connect=${two.address}`,
  );
  await late.meshOf(3);
  await until(
    "a warning",
    async () =>
      /^warning +wrong-clock since .*6\d\d s behind|^warning +wrong-clock since .*599 s behind/m
        .test(await warnings(place, "late")),
  );
  for (const name of ["one", "two"]) {
    assertEquals(await place.ask(name, "health"), "healthy");
  }
});

Deno.test({
  name:
    "a node does not start on a disk that is read-only, and says why (needs the right to mount)",
  ignore: !CAN_MOUNT,
  fn: async () => {
    const directory = await Deno.makeTempDir({ prefix: "verack-ro-" });
    try {
      await using node = new Child("unshare", [
        ...onSmallDisk(400, directory),
        "sh",
        "-c",
        'mount -o remount,ro "$0" && exec "$@"',
        directory,
        Deno.execPath(),
        "run",
        "--quiet",
        "--no-prompt",
        "--cached-only",
        "--allow-all",
        MAIN,
        "--port=0",
        `--data=${directory}/data`,
      ]);
      assertEquals(await node.code(), 1);
      assertMatch(node.err.join("\n"), /verack: Cannot .*[Rr]ead-only/);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
