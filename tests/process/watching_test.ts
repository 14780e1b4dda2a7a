/** `ping`, `links` and what `--watch` shows, of running nodes. */
import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { type Child, verackProgram } from "../helpers/child.ts";
import { Place } from "../helpers/place.ts";
import type { NodeProcess } from "../helpers/process.ts";
import { HAS_PTY, Pty } from "../helpers/pty.ts";
import { testIf } from "../helpers/test_if.ts";

async function pair(
  place: Place,
): Promise<AsyncDisposable & { alice: NodeProcess; bob: NodeProcess }> {
  const alice = await place.node("alice", "--name=alice");
  const bob = await place.node(
    "bob",
    "--name=bob",
    `--connect=${alice.address}`,
  );
  await alice.meshOf(2);
  return {
    alice,
    bob,
    async [Symbol.asyncDispose]() {
      await bob[Symbol.asyncDispose]();
      await alice[Symbol.asyncDispose]();
    },
  };
}

Deno.test("ping measures round trips to a peer, and fails when none is answered", async () => {
  await using place = new Place();
  await using nodes = await pair(place);
  const options = ["--count=2", "--interval=0.05"];
  const text = await place.ask("alice", "ping", "bob", ...options);
  assertMatch(
    text,
    /^1 {2}bob \([0-9a-f]{8}\) at 127\.0\.0\.1:\d+ {2}[\d.]+ ms$/m,
  );
  assertMatch(
    text,
    /: 2 sent, 2 answered, 0% lost\nround trip min\/avg\/max\/mdev /,
  );

  const json = await place.ask("alice", "ping", "bob", ...options, "--json");
  const records = json.split("\n").map((line) => JSON.parse(line));
  assertEquals(records.map((it) => it.type), ["reply", "reply", "summary"]);
  assertEquals(records[0].id, nodes.bob.id);
  assertEquals(records[2].answered, 2);
  const [min, max] = [records[0].rttMs, records[1].rttMs].toSorted((a, b) =>
    a - b
  );
  assertEquals([records[2].minMs, records[2].maxMs], [min, max]);

  await nodes.bob.end("SIGTERM");
  await nodes.alice.waitFor("peer:down");
  const away = await place.ends("alice", "ping", "bob", "--count=1", "--json");
  assertEquals([away.code, away.err], [1, []]);
  const lost = JSON.parse(away.out[0]!);
  assertEquals([lost.type, lost.reason], ["lost", "not-connected"]);

  const own = await place.ends("alice", "ping", "alice", "--count=1");
  assertEquals(own.code, 1);
  assertMatch(own.err.join(), /that is this node/);
});

Deno.test("links shows the sessions of both ends, whose bytes fit, and peers their age", async () => {
  await using place = new Place();
  await using nodes = await pair(place);
  await place.ask("alice", "send", "bob", "hello");
  const [alice, bob] = await Promise.all(
    ["alice", "bob"].map(async (name) =>
      JSON.parse(await place.ask(name, "links", "--json"))
    ),
  );
  assertEquals([alice.id, bob.id], [nodes.alice.id, nodes.bob.id]);
  assertEquals([alice.inbound, alice.outbound, alice.nodes], [1, 0, 2]);
  assertEquals([bob.inbound, bob.outbound, bob.nodes], [0, 1, 2]);
  assertEquals([alice.messagesSent, bob.messagesReceived], [1, 1]);
  assertEquals(alice.sessions[0].id, nodes.bob.id);
  const text = await place.ask("alice", "links");
  assertMatch(
    text,
    /^alice \([0-9a-f]{8}\) {2}2 nodes, 1 session here: 1 in, 0 out\n/,
  );
  const peers = await place.ask("alice", "peers");
  assertMatch(peers, /connected for \d+ s/);
  const [peer] = (await place.ask("alice", "peers", "--json")).split("\n");
  assertEquals(JSON.parse(peer!).session.direction, "inbound");
});

/** Alice's `peers --watch --json`, which has shown bob connected, and then gone. */
async function watchBobLeave(
  place: Place,
  { bob }: Awaited<ReturnType<typeof pair>>,
): Promise<Child> {
  const watch = place.command("alice", "peers", "--watch", "--json");
  await watch.line((line) => bobIsConnected(line) === true);
  await bob.end("SIGTERM");
  await watch.line((line) => bobIsConnected(line) === false);
  return watch;
}

function bobIsConnected(line: string): boolean | undefined {
  return JSON.parse(line).peers[0]?.connected;
}

Deno.test("peers --watch prints a line of JSON for each change, and ends with the node", async () => {
  await using place = new Place();
  await using nodes = await pair(place);
  await using watch = await watchBobLeave(place, nodes);
  await nodes.alice.end("SIGTERM");
  assertEquals(await watch.code(), 1);
  assertMatch(watch.err.join(), /^verack: /);
});

Deno.test("peers --watch prints nothing again while only other figures of the node change", async () => {
  await using place = new Place();
  await using nodes = await pair(place);
  await using watch = await watchBobLeave(place, nodes);
  await place.ask("alice", "send", "bob", "waits");
  await using _bob = await place.node(
    "bob",
    "--name=bob",
    `--connect=${nodes.alice.address}`,
  );
  await watch.line((line) =>
    bobIsConnected(line) === true &&
    watch.out.slice(0, watch.out.indexOf(line))
      .some((earlier) => bobIsConnected(earlier) === false)
  );
  const views = watch.out.map((line) => {
    const { time: _, ...view } = JSON.parse(line);
    return JSON.stringify(view);
  });
  assertEquals(views.filter((it, index) => it === views[index - 1]), []);
});

Deno.test("links --watch ends when the reader of its output goes away", async () => {
  await using place = new Place();
  await using _nodes = await pair(place);
  const words = verackProgram(
    ["links", "--watch", `--data=${place.path}/alice`],
    place.permissions,
  );
  const line = words.map((word) => `'${word}'`).join(" ");
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", `${line} | head -n 1; exit \${PIPESTATUS[0]}`],
  }).output();
  assertEquals(code, 141, new TextDecoder().decode(stderr));
  assertStringIncludes(new TextDecoder().decode(stdout), "alice");
});

testIf(HAS_PTY)(
  "links --watch draws in place on a terminal, and leaves it as it was after Ctrl-C",
  async () => {
    await using place = new Place();
    await using _nodes = await pair(place);
    await using pty = new Pty(verackProgram(
      ["links", "--watch", `--data=${place.path}/alice`],
      place.permissions,
    ));
    await pty.shows(/\[\?1049h[^]*2 nodes, 1 session here[^]*\[H/);
    assertFalse(pty.text.includes("\x1b[?1049l"));
    await pty.type("\x03");
    await pty.shows(/\[\?25h.\[\?1049l/);
    assert(await pty.code() === 130);
  },
);

testIf(HAS_PTY)(
  "links --watch moves no cursor on a terminal that cannot",
  async () => {
    await using place = new Place();
    await using _nodes = await pair(place);
    const words = verackProgram(
      ["links", "--watch", `--data=${place.path}/alice`],
      [...place.permissions, "--allow-env=TERM"],
    );
    await using pty = new Pty(words, { TERM: "dumb", NO_COLOR: "1" });
    await pty.shows(/2 nodes, 1 session here/);
    await pty.type("\x03");
    assertEquals(await pty.code(), 130);
    assertFalse(pty.text.includes("\x1b"), pty.text);
  },
);

Deno.test("ping sums up what it measured when the node ends meanwhile", async () => {
  await using place = new Place();
  await using nodes = await pair(place);
  await using ping = place.command(
    "alice",
    ...["ping", "bob", "--json", "--interval=0.05"],
  );
  await ping.line((line) => JSON.parse(line).type === "reply");
  await nodes.alice.end("SIGTERM");
  assertEquals(await ping.code(), 1);
  const { type, answered } = JSON.parse(ping.out.at(-1) ?? "{}");
  assertEquals([type, answered > 0], ["summary", true]);
  assertMatch(ping.err.join(), /^verack: /);
});
