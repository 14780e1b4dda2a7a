// One key in two processes, and a node that meets itself: no attack in most cases,
// but what an attacker with a stolen key looks like.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { systemRandom } from "../../src/core/clock.ts";
import { Identity } from "../../src/identity/identity.ts";
import { Node } from "../../src/mesh/node.ts";
import {
  ALARM_QUIET_MS,
  MAX_STRANGER_FACTS,
} from "../../src/mesh/mesh_limits.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { type Member, MemoryMesh } from "../helpers/memory_mesh.ts";
import { EventLog } from "../helpers/nodes.ts";
import { TcpProxy } from "../helpers/tcp_proxy.ts";
import { until } from "../helpers/until.ts";

/** Nobody listens there: whoever is routed to it is hung up on. */
const NOWHERE = "127.0.0.1:1";

function connected(node: Node, id: string): boolean {
  return node.peers().some((it) => it.id === id && it.connected);
}

Deno.test("a second process with a connected key is refused while the first answers", async () => {
  const identity = await Identity.generate();
  await using third = await Node.start();
  const log = new EventLog(third);
  await using first = await Node.start({ identity, connect: [third.address] });
  await until("the first to be up", () => log.of("peer:up").length === 1);
  await until("both ends", () => first.peers().length === 1);
  const links = third.sessions().map((link) => link.remoteAddress);
  const peers = third.peers();

  await using second = await Node.start({ identity, connect: [third.address] });
  const seconds = new EventLog(second);
  await until(
    "both to say so",
    () => log.of("refused").length > 0 && seconds.of("refused").length > 0,
  );
  const [refused] = log.of("refused");
  assertEquals(refused?.actual, identity.id);
  assertStringIncludes(refused?.reason ?? "", "key is running in another");
  assertStringIncludes(
    seconds.of("refused")[0]?.reason ?? "",
    "another process runs with the key of this node",
  );
  // Nothing has changed for the first, and the second never was a member.
  assertEquals(third.sessions().map((link) => link.remoteAddress), links);
  assertEquals(third.peers(), peers);
  assertEquals(log.of("peer:up").length, 1);
  assertEquals(log.of("peer:down"), []);
  assertEquals(seconds.of("peer:up"), []);
  assert(connected(first, third.identity.id));

  // It keeps trying, and is let in when the first is gone.
  await first.close({ abrupt: true });
  await until("the second to be up", () => seconds.of("peer:up").length === 1);
  await until("the third to agree", () =>
    connected(third, identity.id) &&
    third.sessions()[0]?.remoteAddress !== links[0]);
});

Deno.test("a second process takes over when the first no longer answers", async () => {
  const identity = await Identity.generate();
  await using third = await Node.start({ deadAfterMs: 60_000 });
  const log = new EventLog(third);
  await using proxy = TcpProxy.start(third.address);
  await using first = await Node.start({
    identity,
    connect: [proxy.address],
    deadAfterMs: 60_000,
  });
  await until("the first to be up", () => log.of("peer:up").length === 1);
  // The line is dead, and nobody has noticed: no timeout is near.
  proxy.freeze();
  const [old] = third.sessions();
  await using second = await Node.start({ identity, connect: [third.address] });
  const seconds = new EventLog(second);
  await until("the second to be up", () => seconds.of("peer:up").length === 1);
  await until(
    "the old session to be replaced",
    () =>
      third.sessions().length === 1 &&
      third.sessions()[0]?.remoteAddress !== old?.remoteAddress,
  );
  assertEquals(log.of("refused"), []);
  // The peer was never down, so it is not announced again.
  assertEquals(log.of("peer:up").length, 1);
  assertEquals(log.of("peer:down"), []);
  assert(connected(first, third.identity.id));
});

Deno.test("a node that dials another process with its own key says so and lets it be", async () => {
  const identity = await Identity.generate();
  await using first = await Node.start({ identity });
  await using second = await Node.start({ identity, connect: [first.address] });
  const log = new EventLog(second);
  await until("a refusal", () => log.of("refused").length > 0);
  assertStringIncludes(
    log.of("refused")[0]?.reason ?? "",
    "another process runs with the same key",
  );
  assertEquals(second.peers(), []);
  assertEquals(first.peers(), []);
  assertEquals(log.of("peer:up"), []);
});

Deno.test("a peer that says that the node's key is in use fails its health check only if the operator has chosen that peer", async () => {
  for (const isChosen of [false, true]) {
    await using mesh = new MemoryMesh();
    const first = await mesh.start();
    // The one that dials has configured the other, not the other way round.
    const second = await mesh.start([first]);
    await mesh.complete();
    const [node, other] = isChosen ? [second, first] : [first, second];
    const lie = () => {
      for (const session of partsOf(other.node).sessions.all()) {
        if (session.remote.id !== node.node.identity.id) continue;
        session.channel.send(COMMAND.twin, new Uint8Array(0));
      }
    };
    lie();
    await mesh.clock.advance(1_000);
    const severities = () =>
      node.node.status().health.filter(({ code }) => code === "key-in-use")
        .map(({ severity }) => severity);
    assertEquals(severities(), [isChosen ? "failing" : "warning"]);
    assertEquals(node.log.of("refused").length, 1);
    lie();
    await mesh.clock.advance(ALARM_QUIET_MS + 5_000);
    assertEquals(severities(), []);
    assertEquals(node.log.of("refused").length, 1);
    assertEquals(node.log.of("resolved").length, 1);
  }
});

Deno.test("reports of strangers neither soften a failing fact about the key nor prolong it", async () => {
  await using mesh = new MemoryMesh();
  const { node } = await mesh.start();
  const { health } = partsOf(node);
  const severities = () => node.status().health.map((it) => it.severity);
  assertEquals(health.keyInUse("own", "proven"), true);
  for (let spentMs = 0; spentMs < ALARM_QUIET_MS; spentMs += 10_000) {
    assertEquals(health.keyInUse("own", "said", false), false);
    assertEquals(severities(), ["failing"]);
    assertEquals(node.status().health[0]?.message, "proven");
    await mesh.clock.advance(10_000);
  }
  await mesh.clock.advance(10_000);
  assertEquals(severities(), []);
  // And what was only said becomes failing once it is proven.
  assertEquals(health.keyInUse("own", "said", false), true);
  assertEquals(severities(), ["warning"]);
  assertEquals(health.keyInUse("own", "proven"), false);
  assertEquals(severities(), ["failing"]);
});

for (const named of [false, true]) {
  Deno.test(`a node that is told to dial itself${named ? " by name" : ""} says so once and leaves it alone for a while`, async () => {
    let own = NOWHERE;
    await using mirror = TcpProxy.start(() => own);
    // Tried for ever: a clock that ticks with the dialer's own backoff.
    await using nowhere = TcpProxy.start(NOWHERE);
    const identity = await Identity.generate();
    const itself = named ? `${identity.id}@${mirror.address}` : mirror.address;
    await using node = await Node.start({
      identity,
      connect: [itself, nowhere.address],
      // Nearly no jitter, so that the other dials come soon.
      random: { ...systemRandom, float: () => 0.05 },
    });
    own = node.address;
    const log = new EventLog(node);
    await until("a refusal", () => log.of("refused").length > 0);
    const { arrivals } = mirror;
    const tries = nowhere.arrivals;
    await until("other dials", () => nowhere.arrivals > tries + 3);
    assertEquals(mirror.arrivals, arrivals);
    assertEquals(log.of("refused").length, 1);
    const [refused] = log.of("refused");
    assertEquals(refused?.address, mirror.address);
    assertStringIncludes(refused?.reason ?? "", "itself");
    assertEquals(node.peers(), []);
    assertEquals(node.sessions(), []);
    assertEquals(log.of("peer:up"), []);
  });
}

Deno.test("strangers that run their keys twice are few facts and events, besides which those of peers with standing are told", async () => {
  await using mesh = new MemoryMesh(1, 32);
  const { node, log } = await mesh.start();
  const target = mesh.members.slice(0, 1);
  const friend = await mesh.start(target);
  node.admission.allow(friend.node.identity.id);
  const strangers: Member[] = [];
  while (strangers.length < MAX_STRANGER_FACTS + 1) {
    strangers.push(await mesh.start(target));
  }
  await mesh.complete();
  const twins: Node[] = [];
  for (const { node: { identity } } of [...strangers, friend]) {
    twins.push((await mesh.start(target, { identity })).node);
    await mesh.clock.advance(1_000);
  }
  const shown = () =>
    node.status().health.filter(({ code }) => code === "key-in-use").length;
  assertEquals(shown(), MAX_STRANGER_FACTS + 1);
  const told = log.of("refused").map(({ actual }) => actual);
  assertEquals(told.length, MAX_STRANGER_FACTS + 1);
  assertEquals(told.at(-1), friend.node.identity.id);

  // They come again and again, and none is told twice.
  await mesh.clock.advance(30_000);
  assertEquals(shown(), MAX_STRANGER_FACTS + 1);
  assertEquals(log.of("refused").length, MAX_STRANGER_FACTS + 1);
  const closing = Promise.all(twins.map((twin) => twin.close()));
  await mesh.clock.advance(ALARM_QUIET_MS + 5_000);
  await closing;
  assertEquals(shown(), 0);
  assertEquals(log.of("resolved").length, MAX_STRANGER_FACTS + 1);
});
