/**
 * Attacks on forwarding by a peer that has a session: on addresses that no rule allows, by names
 * that resolve elsewhere later, and on the room for connections.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import type { Node } from "../../src/mesh/node.ts";
import {
  encodeForwardRequest,
  ReplyReader,
} from "../../src/services/forwarding/forward_wire.ts";
import {
  FORWARD_CONNECT_MS,
  MAX_FORWARD_LISTENERS_PER_PEER,
  MAX_FORWARDED_STRANGERS,
  STRANGER_IDLE_MS,
} from "../../src/services/services_limits.ts";
import { allowForwarding, forward } from "../../src/services/mod.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import type { PeerStream } from "../../src/streams/peer_stream.ts";
import { ByteWriter } from "../../src/wire/bytes.ts";
import {
  dial,
  echo,
  endsEmpty,
  Pair,
  readExactly,
  TcpServer,
  writeAll,
} from "../helpers/forwarding.ts";
import { startMesh } from "../helpers/nodes.ts";
import { until } from "../helpers/until.ts";

const HELLO = new TextEncoder().encode("hello");

Deno.test("no spelling of an address but that of the rule leads to it", async () => {
  await using pair = await Pair.start();
  await using server = new TcpServer(echo);
  const { port } = server;
  using _allowed = allowForwarding(pair.server, {
    connect: [`${port}`, "elsewhere.test:80"],
    resolve: () => Promise.resolve(["127.0.0.1"]),
  });
  const hosts = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "127.1",
    "127.0.1",
    "127.0.0.01",
    "127.00.0.1",
    "127.0.0.1.",
    "127.0.0.1%lo",
    " 127.0.0.1",
    "127.0.0.1\0",
    "127.0.0.1\0.elsewhere.test",
    "127.0.0.2",
    "0.0.0.0",
    "0",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "::1",
    "[::1]",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "elsewhere.test",
    "elsewhere.test.",
    "ELSEWHERE.test",
    "",
  ];
  for (const host of hosts) {
    const code = await refusal(pair.client, pair.serverId, raw(host, port));
    assert(["not-allowed", "failed"].includes(code), `${host}: ${code}`);
  }
  for (const other of [0, port - 1, port + 1, port ^ 0x8000]) {
    const metadata = raw("127.0.0.1", other & 0xffff);
    const code = await refusal(pair.client, pair.serverId, metadata);
    assert(["not-allowed", "failed"].includes(code), `${other}: ${code}`);
  }
  assertEquals(server.accepted, 0);
  // The control.
  await connects(pair.client, pair.serverId, raw("127.0.0.1", port));
  assertEquals(server.accepted, 1);
});

Deno.test("a name that resolves to this machine, or to another scope than at first, leads nowhere", async () => {
  await using pair = await Pair.start();
  await using server = new TcpServer(echo);
  const { port } = server;
  let answer = ["127.0.0.1"];
  let lookups = 0;
  const names = ["at-first.test", "later.test", "private.test"];
  const rules = names.map((name) => `${name}:${port}`);
  const resolve = () => {
    lookups++;
    return Promise.resolve(answer);
  };
  const attempt = (host: string) =>
    refusal(pair.client, pair.serverId, raw(host, port));
  using _first = allowForwarding(pair.server, {
    connect: rules.slice(0, 1),
    resolve,
  });
  assertEquals(await attempt("at-first.test"), "not-allowed");
  // Reserved for documentation, and so no host; the scope counts.
  answer = ["8.8.8.8"];
  using _later = allowForwarding(pair.server, { connect: rules.slice(1, 2) });
  await until("it is resolved", () => lookups === 3);
  const elsewhere = [
    ["127.0.0.1"],
    ["127.9.9.9"],
    ["::1"],
    ["::ffff:127.0.0.1"],
    ["0.0.0.0"],
    ["10.0.0.1"],
    ["192.168.0.1"],
    ["fc00::1"],
    ["169.254.169.254"],
    ["fe80::1"],
    ["64:ff9b::7f00:1"],
    ["10.0.0.1", "127.0.0.1"],
  ];
  for (answer of elsewhere) {
    assertEquals(await attempt("later.test"), "not-allowed", `${answer}`);
  }
  answer = ["10.0.0.1"];
  using _private = allowForwarding(pair.server, { connect: rules.slice(2) });
  for (answer of [["127.0.0.1"], ["::1"], ["8.8.8.8"], ["169.254.169.254"]]) {
    assertEquals(await attempt("private.test"), "not-allowed", `${answer}`);
  }
  assertEquals(server.accepted, 0);
  // The control: localhost is looked up by no server, and leads to this machine.
  using _local = allowForwarding(pair.server, {
    connect: [`localhost:${port}`],
  });
  lookups = 0;
  await connects(pair.client, pair.serverId, raw("localhost", port));
  assertEquals([server.accepted, lookups], [1, 0]);
});

Deno.test("a name whose look-up hangs is looked up once for all that connect, each of which gives up in time", async () => {
  await using pair = await Pair.start();
  const hanging = Promise.withResolvers<string[]>();
  const clock = new VirtualClock();
  let lookups = 0;
  using _allowed = allowForwarding(pair.server, {
    connect: ["slow.test:80"],
    clock,
    resolve: () => {
      lookups++;
      return hanging.promise;
    },
  });
  const codes = Array.from(
    { length: 20 },
    () => refusal(pair.client, pair.serverId, raw("slow.test", 80)),
  );
  await until("all wait", () => clock.pending === 20);
  await clock.advance(FORWARD_CONNECT_MS);
  assertEquals(new Set(await Promise.all(codes)), new Set(["timeout"]));
  assertEquals(lookups, 1);
  hanging.resolve([]);
});

Deno.test("a name that is not allowed is not looked up", async () => {
  await using pair = await Pair.start();
  let lookups = 0;
  using _allowed = allowForwarding(pair.server, {
    connect: ["22"],
    resolve: () => {
      lookups++;
      return Promise.resolve(["127.0.0.1"]);
    },
  });
  for (const host of ["secret.test", "localhost", "a.b.c.test"]) {
    const code = await refusal(pair.client, pair.serverId, raw(host, 22));
    assertEquals(code, "not-allowed");
  }
  assertEquals(lookups, 0);
});

Deno.test("metadata that is no request is refused, and the node goes on", async () => {
  await using pair = await Pair.start();
  await using server = new TcpServer(echo);
  using _allowed = allowForwarding(pair.server, {
    connect: [`${server.port}`],
  });
  for (
    const metadata of [
      new Uint8Array(0),
      Uint8Array.of(3),
      new Uint8Array(1_024).fill(255),
      raw("127.0.0.1", server.port).subarray(0, 9),
      new Uint8Array([...raw("127.0.0.1", server.port), 0]),
    ]
  ) {
    assertEquals(await refusal(pair.client, pair.serverId, metadata), "failed");
  }
  await connects(pair.client, pair.serverId, raw("127.0.0.1", server.port));
});

Deno.test("a stranger that opens connections and lets them lie uses up its share alone, for ten minutes", async () => {
  await using mesh = await startMesh(3);
  const [server, attacker, friend] = mesh.nodes as [Node, Node, Node];
  await using target = new TcpServer(echo);
  const clock = new VirtualClock();
  const { port } = target;
  using _allowed = allowForwarding(server, {
    connect: [`${port}`, `${friend.identity.id}@${port}`],
    clock,
  });
  const id = server.identity.id;
  const metadata = raw("127.0.0.1", port);
  const streams: PeerStream[] = [];
  let full = 0;
  for (let i = 0; i < MAX_FORWARDED_STRANGERS; i++) {
    const stream = await attacker.open(id, "tcp/1", { metadata });
    try {
      await replyOf(stream);
      streams.push(stream);
    } catch (error) {
      assertEquals((error as VerackError).code, "full");
      full++;
    }
  }
  assertEquals([streams.length, full], [
    MAX_FORWARDED_STRANGERS / 2,
    MAX_FORWARDED_STRANGERS / 2,
  ]);
  assertEquals(target.open, streams.length);
  // The control.
  const kept = await connects(friend, id, metadata);
  await clock.advance(STRANGER_IDLE_MS + 60_000);
  await until("those of the stranger are closed", () => target.open === 1);
  await kept.write(HELLO);
  const buffer = new Uint8Array(8);
  assertEquals(await kept.read(buffer), 5);
  await kept[Symbol.asyncDispose]();
});

Deno.test("ten thousand requests that no rule allows cost connections neither to the target nor to a friend", async () => {
  await using mesh = await startMesh(3);
  const [server, attacker, friend] = mesh.nodes as [Node, Node, Node];
  await using target = new TcpServer(echo);
  const { port } = target;
  using allowed = allowForwarding(server, {
    connect: [`${friend.identity.id}@${port}`],
  });
  await using tunnel = await forward(friend, {
    listen: "0",
    peer: server.identity.id,
    to: `${port}`,
  });
  const metadata = raw("127.0.0.1", port);
  using socket = await dial(tunnel.address);
  const attempt = async () => {
    const code = await refusal(attacker, server.identity.id, metadata);
    assert(["not-allowed", "full"].includes(code), code);
  };
  for (let round = 0; round < 50; round++) {
    await Promise.all(Array.from({ length: 200 }, attempt));
    await writeAll(socket, HELLO);
    await readExactly(socket, HELLO.length);
  }
  assertEquals(target.accepted, 1);
  assert(allowed.counters.refused > 5_000);
});

Deno.test("a connection that a peer says it accepted leads nowhere unless this node asked that peer for it", async () => {
  await using mesh = await startMesh(3);
  const [asker, helper, attacker] = mesh.nodes as [Node, Node, Node];
  await using target = new TcpServer(echo);
  using _allowed = allowForwarding(helper, { listen: ["0"] });
  const id = asker.identity.id;
  const accepted = (number: number) =>
    encodeForwardRequest({ kind: "accepted", id: number, from: "x" });
  assertEquals(
    await refusal(attacker, id, accepted(1)),
    "unknown-protocol",
  );
  await using tunnel = await forward(asker, {
    listen: "0",
    peer: helper.identity.id,
    to: `${target.port}`,
    reverse: true,
  });
  for (const number of [0, 1, 2, 0xffff_ffff]) {
    assertEquals(await refusal(attacker, id, accepted(number)), "not-allowed");
  }
  for (const number of [0, 2, 0xffff_ffff]) {
    assertEquals(await refusal(helper, id, accepted(number)), "not-allowed");
  }
  // To have asked a peer allows it nothing else.
  assertEquals(
    await refusal(helper, id, raw("127.0.0.1", target.port)),
    "not-allowed",
  );
  assertEquals(target.accepted, 0);
  // The control.
  using socket = await dial(tunnel.address);
  await writeAll(socket, HELLO);
  assertEquals(await readExactly(socket, 5), HELLO);
});

Deno.test("a peer cannot have a node listen on a port or an interface that no rule names, nor on more than its share", async () => {
  await using pair = await Pair.start();
  using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  using _allowed = allowForwarding(pair.server, {
    listen: [`${pair.clientId}@0`],
    connect: [`${port}`],
  });
  const listen = (host: string, port: number) =>
    new ByteWriter().u8(1).varString("host", host, 253).u16be(port).u32(1)
      .finish();
  const foreign: [host: string, port: number][] = [
    ["127.0.0.1", port],
    ["127.0.0.1", 22],
    ["0.0.0.0", 0],
    ["::", 0],
    ["::1", 0],
    ["127.0.0.2", 0],
    ["localhost", 0],
    ["", 0],
  ];
  for (const [host, port] of foreign) {
    const code = await refusal(pair.client, pair.serverId, listen(host, port));
    assert(["not-allowed", "failed"].includes(code), `${host}: ${code}`);
  }
  await assertRejects(() => Deno.connect({ port }));
  const streams: PeerStream[] = [];
  for (let i = 0; i < MAX_FORWARD_LISTENERS_PER_PEER; i++) {
    const metadata = listen("127.0.0.1", 0);
    const stream = await pair.client.open(pair.serverId, "tcp/1", { metadata });
    const buffer = new Uint8Array(8);
    assertEquals(await stream.read(buffer), 3);
    assertEquals(buffer[0], 0);
    streams.push(stream);
  }
  assertEquals(
    await refusal(pair.client, pair.serverId, listen("127.0.0.1", 0)),
    "full",
  );
  for (const stream of streams) stream.abort();
});

Deno.test("a peer that never replies to an accepted connection, or sends nonsense, gets none of its bytes acted on", async () => {
  await using pair = await Pair.start();
  using _handler = pair.server.handle("tcp/1", async (stream) => {
    await stream.write(Uint8Array.of(77, 255));
    await stream.write(new Uint8Array(300).fill(0x1b));
  });
  await using tunnel = await forward(pair.client, {
    listen: "0",
    peer: "server",
    to: "1",
  });
  using socket = await dial(tunnel.address);
  assert(await endsEmpty(socket));
  assertEquals(tunnel.counters.receivedBytes, 0);
});

/** A request to connect, in any spelling. */
function raw(host: string, port: number): Uint8Array {
  return new ByteWriter().u8(0).varString("host", host, 1_000).u16be(port)
    .finish();
}

/** The code by which a request is refused. */
async function refusal(
  node: Node,
  peer: string,
  metadata: Uint8Array,
): Promise<string> {
  await using stream = await node.open(peer, "tcp/1", { metadata });
  const error = await assertRejects(() => replyOf(stream), VerackError);
  return error.code;
}

async function replyOf(stream: PeerStream): Promise<void> {
  const reply = new ReplyReader("connect");
  const buffer = new Uint8Array(512);
  for (;;) {
    const count = await stream.read(buffer);
    if (count === null) throw new Error("the end without a reply");
    if (reply.push(buffer.subarray(0, count)) !== undefined) return;
  }
}

/** A stream that leads to an echo server. */
async function connects(
  node: Node,
  peer: string,
  metadata: Uint8Array,
): Promise<PeerStream> {
  const stream = await node.open(peer, "tcp/1", { metadata });
  await replyOf(stream);
  await stream.write(HELLO);
  const buffer = new Uint8Array(8);
  assertEquals(await stream.read(buffer), 5);
  return stream;
}
