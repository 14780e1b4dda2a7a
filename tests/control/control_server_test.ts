import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { ControlClient } from "../../src/control/control_client.ts";
import { ControlServer } from "../../src/control/control_server.ts";
import { openDirectory } from "../../src/control/control_listeners.ts";
import { NodeHistograms } from "../../src/core/histogram.ts";
import { NodeCounters } from "../../src/core/node_counters.ts";
import { VerackError } from "../../src/core/errors.ts";
import { Node } from "../../src/mesh/node.ts";
import { VERSION } from "../../src/version.ts";
import { ControlScene, message, TIMES } from "../helpers/control.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { until } from "../helpers/until.ts";

function serverOf(node: Node): ControlServer {
  return new ControlServer({ node, clock: systemClock, onStop: () => {} });
}

Deno.test("status has the identity, the health and the limits of the node", async () => {
  await using scene = await ControlScene.start({ name: "alice" });
  using client = await scene.client();
  const status = await client.status();
  const { startedAt, uptimeMs, limits, control, ...others } = status;
  const { counters, histograms, process, ...rest } = others;
  assert(process.residentBytes > process.heapBytes);
  assertEquals(Object.keys(histograms), Object.keys(new NodeHistograms()));
  // How often the machine lets the process wait is its own affair.
  const { pauses, pausedMs } = counters;
  assertEquals(counters, { ...new NodeCounters(), pauses, pausedMs });
  assertEquals(rest, {
    id: scene.node.identity.id,
    name: "alice",
    ephemeral: true,
    health: [],
    address: scene.node.address,
    addresses: [scene.node.address],
    ownNetwork: scene.node.status().ownNetwork,
    tls: "engine",
    network: "main",
    admission: "open",
    secret: false,
    version: VERSION,
    mesh: { nodes: 1, sessions: 0, missing: [] },
    peers: 0,
    unproven: 0,
    outbox: { messages: 0, bytes: 0 },
    keptTopics: [],
    relayed: [],
    notRelayed: [],
    queues: [],
    streams: 0,
    requests: { running: 0, bytes: 0 },
    reach: { listening: true, peers: [] },
    relay: { pairs: 0, maxPairs: 128, offers: 0, bytesPerSecond: 0 },
  });
  assertMatch(String(startedAt), /^\d{4}-\d\d-\d\dT.*Z$/);
  assert(Number(uptimeMs) >= 0);
  assertEquals(Object.keys(limits).sort(), [
    "connectedPeers",
    "messageAgeMs",
    "messageBytes",
    "messages",
    "peers",
    "queueBytes",
    "unproven",
  ]);
  assertEquals(control, {
    requests: 1,
    streams: 0,
    operations: 0,
    eventsMissed: 0,
  });
});

Deno.test("peers are told with their sessions, or those that a query may mean", async () => {
  await using scene = await ControlScene.start({ name: "alice" });
  await using bob = await scene.peer({ name: "bob" });
  using client = await scene.client();
  const { peers, sessions } = await client.peers();
  const [peer] = peers;
  assertEquals([peer?.id, peer?.name], [bob.identity.id, "bob"]);
  const [session] = sessions;
  assertEquals(session?.direction, "inbound");
  assertMatch(String(session?.userAgent), /^\/verack:/);

  const found = await client.peers("bob");
  assertEquals(found, { peers, sessions, self: false });
  assertEquals(found, await client.peers(bob.identity.id.slice(0, 8)));
  assertEquals(await client.peers(scene.node.identity.id), {
    peers: [],
    sessions: [],
    self: true,
  });
  const nothing = { peers: [], sessions: [], self: false };
  assertEquals(await client.peers("nobody"), nothing);
});

Deno.test("allow takes an identity in full only; deny and forget find a member by less", async () => {
  await using scene = await ControlScene.start({ name: "alice" });
  await using bob = await scene.peer({ name: "bob" });
  using client = await scene.client();
  const { id } = bob.identity;
  for (const short of ["bob", id.slice(0, 8), id.slice(0, 63)]) {
    await assertRejects(() => client.allow(short), Error, "64");
    assertEquals(scene.node.admission.accessRules(), []);
  }
  assertEquals(await client.allow(id.toUpperCase()), id);
  assertEquals(await client.deny(id.slice(0, 8)), id);
  const rules = scene.node.admission.accessRules();
  assertEquals(rules.map((it) => it.rule), ["denied"]);
});

Deno.test("deny and forget find a join request and an access rule by first digits", async () => {
  await using scene = await ControlScene.start({ admission: "closed" });
  const { address, admission } = scene.node;
  await using bob = await Node.start({ connect: [address] });
  using client = await scene.client();
  const { id } = bob.identity;
  const digits = id.slice(0, 8);
  await until("bob", () => admission.joinRequests().length === 1);
  assertEquals(await client.deny(digits), id);
  assertEquals(admission.joinRequests(), []);
  assertEquals(scene.node.peers(), []);
  assertEquals(await client.forget(digits), id);
  assertEquals(admission.accessRules().map((it) => it.rule), ["forgotten"]);
  admission.allow(digits + (id.endsWith("0") ? "1" : "0").repeat(56));
  await assertRejects(() => client.deny(digits), VerackError, "Cannot choose");
});

Deno.test("a body that announces too much is refused before any of it has come", async () => {
  await using scene = await ControlScene.start();
  using socket = await scene.connect(
    "POST /v1/stop",
    "Content-Type: application/json",
    "Content-Length: 100000000",
  );
  const buffer = new Uint8Array(1_000);
  const count = await socket.read(buffer) ?? 0;
  const answer = new TextDecoder().decode(buffer.subarray(0, count));
  assertStringIncludes(answer, "HTTP/1.1 413");
  assertEquals(scene.stops, 0);
});

Deno.test("events begin with what is the case, go on, and end with the node", async () => {
  await using scene = await ControlScene.start();
  using client = await scene.client();
  const types: string[] = [];
  const watched = (async () => {
    for await (const event of client.events()) types.push(event.type);
  })();
  await until("the beginning", () => types.length >= 2);
  assertEquals(types, ["listening", "mesh"]);
  await using bob = await Node.start({ connect: [scene.node.address] });
  await until("bob", () => types.includes("peer:up"));
  bob.ping("hello");
  await until("his ping", () => types.includes("ping"));
  await scene.node.close();
  await watched;
  assertEquals(types.at(-1), "stopped");
});

Deno.test("a stream has the events that were asked for, and messages of one topic", async () => {
  await using scene = await ControlScene.start();
  using client = await scene.client();
  const seen: unknown[] = [];
  const watched = (async () => {
    const query = { type: "message,mesh", topic: "news" };
    for await (const { time: _, ...event } of client.events(query)) {
      seen.push(event);
    }
  })();
  await until("the beginning", () => seen.length === 1);
  for (const topic of ["other", "news"]) {
    scene.server.publish(message(topic, 1, "\u001b[2J"));
  }
  scene.server.publish({ type: "else" });
  await until("the message", () => seen.length === 2);
  await scene.server.close();
  await watched;
  assertEquals(seen.slice(1), [message("news", 1, "\u001b[2J")]);
});

Deno.test("a message is delivered, kept or refused, and the answer says which", async () => {
  await using scene = await ControlScene.start();
  await using bob = await scene.peer({ name: "bob" });
  using client = await scene.client();
  const send = (fields: Record<string, unknown>) =>
    scene.post("/v1/messages", fields);
  const ids: unknown[] = [];
  const { id: first, ...kept } = await client.send("bob", "first", {
    waitMs: 0,
  });
  assertEquals(kept, {
    to: bob.identity.id,
    name: "bob",
    delivered: false,
    connected: true,
  });

  const taken: string[] = [];
  const taking = (async () => {
    for await (const message of bob.messages()) {
      taken.push(`${message.topic}:${message.text()}`);
      ids.push(message.id);
    }
  })();
  const base64 = btoa("second");
  const delivered = await send({ to: "bob", base64, topic: "t" });
  assertEquals(delivered.delivered, true);
  // The ids that the receiver's program sees.
  assertEquals(new Set(ids), new Set([first, delivered.id]));
  const third = new TextEncoder().encode("third");
  await client.send(bob.identity.id.slice(0, 8), third, { topic: "u" });
  const { id: _, ...told } = await client.broadcast("fourth");
  assertEquals(told, {
    delivered: [bob.identity.id],
    waiting: [],
    failed: [],
    boundNames: {},
    names: { [bob.identity.id]: "bob" },
  });
  assertEquals(taken.sort(), [":first", ":fourth", "t:second", "u:third"]);

  for (
    const fields of [
      {},
      { to: "bob" },
      { to: "bob", text: "x", base64 },
      { to: "bob", base64: "?" },
      { to: 1, text: "x" },
      { text: "x" },
      { to: "bob", text: "x", waitMs: -1 },
      { to: "bob", text: "x", ttlMs: 0 },
      { to: "bob", text: "x", topic: "t".repeat(129) },
    ]
  ) assertEquals((await send(fields)).error?.code, "bad-request");
  for (
    const [to, code] of [
      ["carol", "unknown-peer"],
      ["0".repeat(64), "unknown-peer"],
      [scene.node.identity.id, "unknown-peer"],
    ]
  ) {
    const error = await assertRejects(
      () => client.send(to ?? "", "x"),
      VerackError,
    );
    assertEquals(error.code, code);
  }
  await bob.close();
  await taking;
});

Deno.test("stop is answered, then asks the process to leave", async () => {
  await using scene = await ControlScene.start();
  using client = await scene.client();
  scene.server.announce("http://127.0.0.1:1/v1/");
  const status = await client.status();
  assertEquals(status.control.url, "http://127.0.0.1:1/v1/");
  await client.stop();
  assertEquals(scene.stops, 1);
});

Deno.test("the error for a node that has died, or never was, is one sentence", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const error = await assertRejects(
      () => ControlClient.find(directory),
      VerackError,
    );
    assertEquals(error.code, "connection-refused");
    assertStringIncludes(error.message, "none runs there");
    await Deno.writeTextFile(`${directory}/file`, "");
    for (
      const [path, says] of [
        ["none", "there is no such directory"],
        ["file", "it is no directory"],
      ]
    ) {
      await assertRejects(
        () => ControlClient.find(`${directory}/${path}`),
        VerackError,
        says,
      );
    }

    // A socket without a listener: what kill -9 leaves.
    const path = `${directory}/control.sock`;
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        `Deno.listen({ transport: "unix", path: ${
          JSON.stringify(path)
        } }); Deno.exit(0)`,
      ],
    });
    await child.output();
    assert((await Deno.lstat(path)).isSocket);
    using client = await ControlClient.find(directory);
    const dead = await assertRejects(
      () => client.status(),
      VerackError,
    );
    assertEquals(dead.code, "connection-refused");

    // The next node of that directory takes its place.
    await using node = await Node.start();
    await using server = serverOf(node);
    await openDirectory(server, directory, TIMES);
    using again = await ControlClient.find(directory);
    const status = await again.status();
    assertEquals(status.id, node.identity.id);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a node that stands still is given up after ten seconds, and a stream after three heartbeats", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/control.sock`;
  using listener = Deno.listen({ transport: "unix", path });
  const clock = new VirtualClock();
  using client = await ControlClient.find(directory, clock);
  const asked = client.status();
  using _silent = await listener.accept();
  await clock.advance(9_999);
  const settled = await Promise.race([
    asked.then(() => true, () => true),
    Promise.resolve(false),
  ]);
  assertEquals(settled, false);
  await clock.advance(1);
  const error = await assertRejects(() => asked, VerackError);
  assertEquals(error.code, "timeout");

  const events = client.events();
  const first = events.next();
  using stream = await listener.accept();
  await stream.write(
    new TextEncoder().encode(
      'HTTP/1.1 200 OK\r\n\r\n: hello\n\ndata: {"type":"stopped","time":"2026-05-01T12:00:00Z"}\n\n',
    ),
  );
  assertEquals((await first).value?.type, "stopped");
  const second = assertRejects(() => events.next(), VerackError);
  await clock.advance(45_000);
  const late = await second;
  assertEquals(late.code, "timeout");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("in a directory whose path is too long for a socket, a port and a token do", async () => {
  const directory = await Deno.makeTempDir();
  const deep = `${directory}/${"d".repeat(120)}`;
  await Deno.mkdir(deep, { mode: 0o700 });
  try {
    await using node = await Node.start();
    await using server = serverOf(node);
    const clear = await openDirectory(server, deep, TIMES);
    for (const name of ["control.token", "control.port"]) {
      const { mode } = await Deno.stat(`${deep}/${name}`);
      assertEquals((mode ?? 0) & 0o777, 0o600, name);
    }
    using client = await ControlClient.find(deep);
    const status = await client.status();
    assertEquals(status.id, node.identity.id);
    await server.close();
    await clear();
    await assertRejects(
      () => ControlClient.find(deep),
      VerackError,
      "none runs",
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("what the program refused too often is listed, shown, retried and discarded", async () => {
  await using scene = await ControlScene.start({ maxDeliveries: 1 });
  await using bob = await scene.peer({ name: "bob" });
  const messages = scene.node.messages();
  for (const text of ["\u001b[2Jone", "two"]) {
    const sent = bob.send(scene.node.identity.id, text, { topic: "t" });
    const { value } = await messages.next();
    value?.nack("no good");
    await assertRejects(() => sent, VerackError, "dead letter");
  }
  using client = await scene.client();
  const [one, two] = await client.deadLetters();
  assert(one !== undefined && two !== undefined);
  const { id, at, ...rest } = one;
  assertMatch(String(at), /^\d{4}-/);
  const shown = {
    from: bob.identity.id,
    name: "bob",
    topic: "t",
    bytes: 7,
    reason: "no good",
    retried: false,
  };
  assertEquals(rest, { ...shown, preview: "\u001b[2Jone" });
  const whole = await client.deadLetter(id, "bob");
  assertEquals(whole, { ...shown, id, at, base64: btoa("\u001b[2Jone") });

  await client.retry(id);
  const { value } = await messages.next();
  assertEquals([value?.id, value?.deliveryCount], [id, 1]);
  value?.ack();
  const left = await client.deadLetters();
  assertEquals(left.map((it) => it.id), [two.id]);
  await client.discard(two.id, bob.identity.id);
  assertEquals(await client.deadLetters(), []);
  for (const action of ["retry", "discard"] as const) {
    const error = await assertRejects(() => client[action](id), VerackError);
    assertEquals(error.code, "unknown-message");
    await assertRejects(() => client[action](""), RangeError, 'id is ""');
  }
});

Deno.test("an answer or an event that does not match the schema is refused, and the error names the field", async () => {
  const directory = await Deno.makeTempDir();
  const id = "0".repeat(64);
  const peer = { id, connected: true, addresses: [], standing: true };
  const answers: Readonly<Record<string, unknown>> = {
    "/v1/status": { id, name: 1 },
    "/v1/peers": { peers: [{ ...peer, id: "no" }], sessions: [] },
    "/v1/requests": [],
    "/v1/invites": { invites: [], added: "by a later version" },
  };
  const error = {
    code: "wrong-identity",
    message: "",
    expected: 1,
    actual: id,
  };
  const events = [
    { type: "of a later version" },
    { type: "ping", time: "2026-05-01T12:00:00Z", id, text: "x", added: 1 },
    { type: "ping", time: "2026-05-01T12:00:00Z", id, text: 1 },
  ];
  const server = Deno.serve({
    path: `${directory}/control.sock`,
    onListen: () => {},
  }, ({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/v1/stop") {
      return Response.json({ error }, { status: 502 });
    }
    return new Response(
      pathname === "/v1/events"
        ? events.map((it) => `data: ${JSON.stringify(it)}\n\n`).join("")
        : JSON.stringify(answers[pathname]),
      pathname === "/v1/events"
        ? { headers: { "content-type": "text/event-stream" } }
        : {},
    );
  });
  try {
    using client = await ControlClient.find(directory);
    for (
      const [ask, says] of [
        [() => client.status(), "(name)"],
        [() => client.peers(), "(peers.0.id)"],
        [() => client.joinRequests(), "control API"],
      ] as const
    ) {
      const error = await assertRejects(ask, VerackError, says);
      assertEquals(error.code, "protocol");
    }
    const failure = await assertRejects(() => client.stop(), VerackError);
    assertEquals([failure.expected, failure.actual], [1, id]);
    assertEquals(await client.invites(), []);
    const stream = client.events();
    assertEquals((await stream.next()).value?.type, "ping");
    await assertRejects(() => stream.next(), VerackError, "(text)");
  } finally {
    await server.shutdown();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the name that a person gave a peer is in all answers, and a revoked invite names the peer that used it", async () => {
  await using scene = await ControlScene.start();
  using client = await scene.client();
  const { invite, id } = await client.invite();
  await using bob = await scene.peer({ name: "bob", invite, connect: [] });
  const peerId = bob.identity.id;
  await client.allow(peerId, "eva");

  const { peers, sessions } = await client.peers();
  const { peers: found } = await client.peers("eva");
  const sent = await client.send("eva", "hello", { waitMs: 0 });
  const { queues } = await client.status();
  for (const it of [...peers, ...sessions, ...found, sent, ...queues]) {
    assertEquals([it.name, it.boundName], ["bob", "eva"]);
  }
  assertEquals([peers.length, sessions.length, found.length], [1, 1, 1]);
  assertEquals(queues.length, 1);
  const { names, boundNames } = await client.broadcast("all", { waitMs: 0 });
  assertEquals(names, { [peerId]: "bob" });
  assertEquals(boundNames, { [peerId]: "eva" });
  for await (const event of client.events({ type: "peer:up" })) {
    assert(event.type === "peer:up");
    assertEquals(event.boundName, "eva");
    break;
  }

  const [open] = await client.invites();
  assertEquals([open?.id, open?.usedBy], [id, peerId]);
  assertEquals(await client.revoke(id.slice(0, 8)), open);
  assertEquals(await client.invites(), []);
});
