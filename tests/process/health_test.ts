// What `verack health` says of real nodes, and how it exits, which is what probes go by.
import { assertEquals, assertMatch } from "@std/assert";
import { Place } from "../helpers/place.ts";

Deno.test("health succeeds for a node that is well, and fails where none runs", async () => {
  await using place = new Place();
  const absent = await place.ends("alice", "health");
  assertEquals([absent.code, absent.out], [1, []]);
  assertMatch(absent.err.join(), /Cannot reach a node/);

  await using _alice = await place.node("alice");
  assertEquals(await place.ask("alice", "health"), "healthy");
  assertEquals(await place.ask("alice", "health", "--live"), "healthy");
  const json = await place.ask("alice", "health", "--json");
  assertEquals(JSON.parse(json), { healthy: true, reasons: [] });
  assertMatch(await place.ask("alice", "status"), /^health +good$/m);
});

Deno.test("health --wait waits for a node that is not started yet", async () => {
  await using place = new Place();
  await using waiting = place.command("alice", "health", "--wait=60");
  await using _alice = await place.node("alice");
  assertEquals(await waiting.code(), 0);
  assertEquals(waiting.out, ["healthy"]);
});

Deno.test("a node whose key runs in a second process fails, at a third it is a warning", async () => {
  await using place = new Place();
  await using carol = await place.node("carol");
  await using alice = await place.node("alice", `--connect=${carol.address}`);
  await alice.meshOf(2);
  await Deno.mkdir(`${place.path}/copy`, { mode: 0o700 });
  for (const file of ["node.key", "node.crt"]) {
    await Deno.copyFile(
      `${place.path}/alice/${file}`,
      `${place.path}/copy/${file}`,
    );
  }
  await using copy = await place.node("copy", `--connect=${carol.address}`);
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
