/** Two nodes that cannot dial each other, as processes: every command shows their relay. */
import { assertEquals, assertMatch } from "@std/assert";
import { Place } from "../helpers/place.ts";

Deno.test("run, peers, links, find, ping and status show which peer is reached through which member", async () => {
  await using place = new Place();
  await using carol = await place.node("carol", "--name=carol");
  const dials = ["--no-listen", `--connect=${carol.address}`];
  await using alice = await place.node("alice", "--name=alice", ...dials);
  await using bob = await place.node("bob", "--name=bob", ...dials);
  for (const node of [alice, bob, carol]) await node.meshOf(3);
  const relay = `carol (${carol.id.slice(0, 8)})`;

  const up = await alice.waitFor(
    "peer:up",
    ({ id }) => id === bob.id,
  );
  assertEquals([up.via, up.viaName], [carol.id, "carol"]);
  const lines = (text: string) => text.trim().split("\n");
  const peers = lines(await place.ask("alice", "peers"));
  const about = (id: string) =>
    peers.find((line) => line.startsWith(id.slice(0, 8))) ?? "";
  assertMatch(about(bob.id), new RegExp(`relayed via ${rest(relay)} for `));
  assertMatch(about(carol.id), /connected for /);
  const links = await place.ask("alice", "links");
  assertMatch(links, new RegExp(`bob .*  relayed via ${rest(relay)}  `));
  const found = lines(await place.ask("alice", "find", "bob"));
  assertEquals(found[0], `bob (${bob.id.slice(0, 8)})  relayed via ${relay}`);
  const status = await place.ask("alice", "status");
  assertMatch(
    status,
    new RegExp(`relayed +bob \\(${bob.id.slice(0, 8)}\\) via ${rest(relay)}\n`),
  );
  const { relayed, relay: own } = JSON.parse(
    await place.ask("alice", "status", "--json"),
  );
  const { id, name } = { id: bob.id, name: "bob" };
  assertEquals(relayed, [
    { id, name, via: carol.id, viaName: "carol", hops: 2 },
  ]);
  assertEquals(own.pairs, 0);
  assertMatch(await place.ask("carol", "status"), /relay +1 pair of other/);
  const pinged = await place.ask("alice", "ping", "bob", "--count=1");
  assertMatch(
    pinged,
    new RegExp(`^1  bob .* relayed via ${rest(relay)}  .* ms`),
  );
  const reply = await place.ask("alice", "ping", "bob", "--count=1", "--json");
  const { via, viaName } = JSON.parse(reply.split("\n")[0] ?? "");
  assertEquals([via, viaName], [carol.id, "carol"]);
  // And messages pass.
  const { code } = await place.ends("alice", "send", "bob", "hello");
  assertEquals(code, 0);
  assertEquals((await bob.waitFor("message")).text, "hello");
});

/** For a pattern. */
function rest(text: string): string {
  return text.replaceAll(/[()]/g, "\\$&");
}
