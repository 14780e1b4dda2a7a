/** A node that accepts no connections, as a process: it is a member like any other. */
import { assertEquals, assertMatch } from "@std/assert";
import { verack } from "../helpers/child.ts";
import { Place } from "../helpers/place.ts";

function short(id: string): string {
  return id.slice(0, 8);
}

Deno.test("a node with --no-listen meets all members, is found by name, and messages go both ways", async () => {
  await using place = new Place();
  await using alice = await place.node("alice", "--name=alice");
  const join = `--connect=${alice.address}`;
  await using carol = await place.node(
    "carol",
    "--name=carol",
    "--no-listen",
    join,
  );
  assertEquals(carol.address, "");
  await carol.meshOf(2);
  // It dials the members that come later.
  await using bob = await place.node("bob", "--name=bob", join);
  for (const node of [alice, bob, carol]) await node.meshOf(3);
  for (
    const [from, to, node] of [["bob", "carol", carol], [
      "carol",
      "bob",
      bob,
    ]] as const
  ) {
    assertEquals(await place.ends(from, "send", to, "hello"), {
      code: 0,
      out: [`delivered  ${to} (${short(node.id)})`],
      err: [],
    });
    assertEquals((await node.waitFor("message")).text, "hello");
  }
  assertMatch(
    await place.ask("carol", "status"),
    /address +none: it does not listen/,
  );
  const status = JSON.parse(await place.ask("carol", "status", "--json"));
  assertEquals("address" in status, false);
  const { out } = await place.ends("bob", "find", "carol");
  assertEquals(out[0], `carol (${short(carol.id)})  connected`);
  assertEquals(out.slice(1), [`  ${carol.id}`]);
  const refused = await place.ends("carol", "invite");
  assertEquals(refused.code, 1);
  assertMatch(refused.err.join(" "), /does not listen.*a member that listens/);
  // What it knows is enough to come back.
  await carol.end("SIGTERM");
  await using again = await place.node("carol", "--name=carol", "--no-listen");
  await again.meshOf(3);
});

Deno.test("--no-listen excludes the flags of a listener", async () => {
  for (const flag of ["--host=::", "--port=1", "--advertise=192.0.2.1:1"]) {
    const [name] = flag.split("=");
    await using child = verack(["run", "--no-listen", flag]);
    assertEquals(await child.code(), 2);
    assertEquals(
      child.err[0],
      `verack run: --no-listen and ${name} exclude each other (see verack run --help)`,
    );
  }
});

Deno.test("--advertise refuses what is no address that others can dial", async () => {
  await using child = verack(["run", "--advertise=0.0.0.0:8080"]);
  assertEquals(await child.code(), 2);
  assertEquals(
    child.err[0],
    "verack run: --advertise: Cannot advertise 0.0.0.0:8080: that is every address of a machine, must be one that others can dial (see verack run --help)",
  );
});

Deno.test("a chat on a pipe joins with --no-listen", async () => {
  await using place = new Place();
  await using alice = await place.node("alice");
  await using chat = verack(
    ["chat", "--no-listen", `--connect=${alice.address}`, "--name=ci"],
    { stdin: "build passed\n" },
  );
  assertEquals((await alice.waitFor("message")).text, "build passed");
  assertEquals(await chat.code(), 0);
});
