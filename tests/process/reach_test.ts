/** A node that finds out that others cannot dial it, as a process, over TLS. */
import { assertEquals, assertMatch } from "@std/assert";
import { Place } from "../helpers/place.ts";
import { until } from "../helpers/until.ts";

Deno.test("a node that advertises a port at which nothing listens finds that out, and is a member all the same", async () => {
  await using place = new Place();
  await using alice = await place.node("alice", "--name=alice");
  const join = `--connect=${alice.address}`;
  await using bob = await place.node(
    "bob",
    "--name=bob",
    "--advertise=127.0.0.1:1",
    join,
  );
  const event = await bob.waitFor("reach");
  assertEquals([event.reachable, event.by], [false, [alice.id]]);
  const { reach } = JSON.parse(await place.ask("bob", "status", "--json"));
  assertEquals([reach.listening, reach.reachable], [true, false]);
  assertEquals(reach.peers[0].name, "alice");
  assertMatch(
    await place.ask("bob", "status"),
    /reach +others cannot dial it since .*: not alice \(/,
  );
  assertMatch(
    await place.ask("alice", "status"),
    /reach +others can dial it since .*, such as bob \(/,
  );
  const health = JSON.parse(await place.ask("bob", "health", "--json"));
  assertEquals(health.healthy, true);
  // Its peers are told, and say so.
  await until("the flag", async () => {
    const rows = (await place.ask("alice", "peers", "--json")).split("\n");
    return rows.map((it) => JSON.parse(it).unreachable).join() === "true";
  });
  assertMatch(
    await place.ask("alice", "peers"),
    /bob {2}127\.0\.0\.1:\S+ {2}others cannot dial it {2}connected/,
  );
  // One that comes later is dialed by it.
  await using carol = await place.node("carol", join);
  await carol.meshOf(3);
  assertEquals((await place.ends("carol", "send", "bob", "hello")).code, 0);
});
