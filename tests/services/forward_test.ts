import { assert, assertEquals, assertRejects } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { allowForwarding, forward } from "../../src/services/mod.ts";
import {
  dial,
  echo,
  endsEmpty,
  ForwardLog,
  Pair,
  readAll,
  readExactly,
  TcpServer,
  writeAll,
} from "../helpers/forwarding.ts";
import { hasIpv6 } from "../helpers/ipv6.ts";
import { testIf } from "../helpers/test_if.ts";
import { until } from "../helpers/until.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("what is written to a forwarded port comes back from an echo server at the peer, and the end too", async () => {
  await using pair = await Pair.start();
  await using server = new TcpServer(echo);
  using allowed = allowForwarding(pair.server, { connect: [`${server.port}`] });
  await using tunnel = await forward(pair.client, {
    listen: "0",
    peer: "server",
    to: `${server.port}`,
  });
  assertEquals(tunnel.to, `127.0.0.1:${server.port}`);
  assertEquals(tunnel.peer, pair.server.identity.id);
  using socket = await dial(tunnel.address);
  await writeAll(socket, bytes("hello"));
  assertEquals(text(await readExactly(socket, 5)), "hello");
  assertEquals(tunnel.counters.open, 1);
  assertEquals(allowed.counters.open, 1);
  await writeAll(socket, bytes(" and goodbye"));
  await socket.closeWrite();
  assertEquals(text(await readAll(socket)), " and goodbye");
  await until(
    "both ends have closed",
    () => tunnel.counters.open + allowed.counters.open + server.open === 0,
  );
  const { opened, refused, sentBytes, receivedBytes } = tunnel.counters;
  assertEquals({ opened, refused, sentBytes, receivedBytes }, {
    opened: 1,
    refused: 0,
    sentBytes: 17,
    receivedBytes: 17,
  });
  assertEquals(allowed.counters.receivedBytes, 17);
});

Deno.test("a client that has ended its direction still gets all that the server sends afterwards", async () => {
  await using pair = await Pair.start();
  await using server = new TcpServer(async (socket) => {
    const request = await readAll(socket);
    await writeAll(socket, bytes(`got ${request.length}`));
    await socket.closeWrite();
  });
  await using tunnel = await opened(pair, server);
  using socket = await dial(tunnel.address);
  await writeAll(socket, new Uint8Array(300_000));
  await socket.closeWrite();
  assertEquals(text(await readAll(socket)), "got 300000");
});

Deno.test("a server that has ended its direction still gets all that the client sends afterwards", async () => {
  await using pair = await Pair.start();
  const got = Promise.withResolvers<number>();
  await using server = new TcpServer(async (socket) => {
    await writeAll(socket, bytes("220 ready"));
    await socket.closeWrite();
    got.resolve((await readAll(socket)).length);
  });
  await using tunnel = await opened(pair, server);
  using socket = await dial(tunnel.address);
  assertEquals(text(await readAll(socket)), "220 ready");
  await writeAll(socket, new Uint8Array(300_000));
  await socket.closeWrite();
  assertEquals(await got.promise, 300_000);
});

Deno.test("two hundred connections at once each get their own bytes back", async () => {
  await using pair = await Pair.start();
  await using server = new TcpServer(echo);
  await using tunnel = await opened(pair, server);
  const sockets = await Promise.all(
    Array.from({ length: 200 }, () => dial(tunnel.address)),
  );
  await Promise.all(sockets.map(async (socket, i) => {
    for (let round = 0; round < 3; round++) {
      const sent = new Uint8Array(1_000 + i).fill(i + round);
      await writeAll(socket, sent);
      assertEquals(await readExactly(socket, sent.length), sent);
    }
  }));
  assertEquals(tunnel.counters.open, 200);
  for (const socket of sockets) socket.close();
  await until("all have ended", () => server.open === 0);
});

Deno.test("megabytes pass unchanged in both directions at once", async () => {
  await using pair = await Pair.start();
  await using server = new TcpServer(echo);
  await using tunnel = await opened(pair, server);
  using socket = await dial(tunnel.address);
  const sent = new Uint8Array(8_000_000);
  for (let i = 0; i < sent.length; i++) sent[i] = i * 31 + (i >> 8);
  const back = readAll(socket);
  await writeAll(socket, sent);
  await socket.closeWrite();
  assert(Deno.inspect((await back).length) === `${sent.length}`);
  const received = await back;
  assert(received.every((byte, i) => byte === sent[i]));
});

Deno.test("a client that reads nothing holds up its own connection only, and its server", async () => {
  await using pair = await Pair.start();
  let written = 0;
  await using server = new TcpServer(async (socket) => {
    const [kind] = await readExactly(socket, 1);
    if (kind === 1) return await echo(socket);
    const block = new Uint8Array(65_536);
    for (;;) written += await socket.write(block);
  });
  await using tunnel = await opened(pair, server);
  using stalled = await dial(tunnel.address);
  await writeAll(stalled, Uint8Array.of(0));
  let before = 0;
  let same = 0;
  await until("the server is held up", () => {
    same = written === before && written > 0 ? same + 1 : 0;
    before = written;
    return same === 50;
  });
  assert(written < 64_000_000, `${written} bytes were taken`);
  using other = await dial(tunnel.address);
  await writeAll(other, Uint8Array.of(1));
  await writeAll(other, bytes("hello"));
  assertEquals(text(await readExactly(other, 5)), "hello");
});

Deno.test("a connection to a target at which nothing listens is closed, and reported with the reason", async () => {
  await using pair = await Pair.start();
  const port = unusedPort();
  using _allowed = allowForwarding(pair.server, { connect: [`${port}`] });
  await using tunnel = await forward(pair.client, {
    listen: "0",
    peer: pair.serverId,
    to: `${port}`,
  });
  const log = new ForwardLog(tunnel);
  using socket = await dial(tunnel.address);
  assert(await endsEmpty(socket));
  const { code, reason } = await log.first("refused");
  assertEquals(code, "connection-refused");
  assertEquals(
    reason,
    `Cannot connect to 127.0.0.1:${port}: nothing listens there`,
  );
  assertEquals(tunnel.counters.refused, 1);
});

Deno.test("without a rule nothing is reachable, and with one only what it names", async () => {
  await using pair = await Pair.start();
  await using server = new TcpServer(echo);
  await using other = new TcpServer(echo);
  await using tunnel = await forward(pair.client, {
    listen: "0",
    peer: pair.serverId,
    to: `${server.port}`,
  });
  const log = new ForwardLog(tunnel);
  const attempt = async () => {
    using socket = await dial(tunnel.address);
    assert(await endsEmpty(socket));
  };
  await attempt();
  await until("it is refused", () => log.of("refused").length === 1);
  {
    using _allowed = allowForwarding(pair.server, {
      connect: [`${other.port}`, `${pair.serverId}@${server.port}`],
    });
    await attempt();
  }
  await until("it is refused", () => log.of("refused").length === 2);
  assertEquals(
    log.of("refused").map(({ code }) => code),
    ["not-allowed", "not-allowed"],
  );
  assertEquals(server.accepted, 0);
  // The control.
  using allowed = allowForwarding(pair.server, {
    connect: [{ address: `${server.port}`, from: "client" }],
  });
  assertEquals(allowed.connect, [
    `${pair.clientId}@127.0.0.1:${server.port}`,
  ]);
  using socket = await dial(tunnel.address);
  await writeAll(socket, bytes("hello"));
  assertEquals(text(await readExactly(socket, 5)), "hello");
});

testIf(hasIpv6())(
  "IPv6 is forwarded as well, from and to a socket of it",
  async () => {
    await using pair = await Pair.start();
    await using server = new TcpServer(echo, { hostname: "::1" });
    using _allowed = allowForwarding(pair.server, {
      connect: [`[::1]:${server.port}`, `localhost:${server.port}`],
    });
    // Nothing listens at 127.0.0.1, the first address of localhost.
    for (const host of ["[0:0::1]", "localhost"]) {
      await using tunnel = await forward(pair.client, {
        listen: "[::1]:0",
        peer: "server",
        to: `${host}:${server.port}`,
      });
      assert(tunnel.address.startsWith("[::1]:"));
      using socket = await dial(tunnel.address);
      await writeAll(socket, bytes("hello"));
      assertEquals(text(await readExactly(socket, 5)), "hello");
    }
  },
);

Deno.test("when a rule is taken back its connections are closed", async () => {
  await using pair = await Pair.start();
  await using server = new TcpServer(echo);
  const allowed = allowForwarding(pair.server, { connect: [`${server.port}`] });
  await using tunnel = await forward(pair.client, {
    listen: "0",
    peer: pair.serverId,
    to: `${server.port}`,
  });
  using socket = await dial(tunnel.address);
  await writeAll(socket, bytes("hello"));
  await readExactly(socket, 5);
  allowed[Symbol.dispose]();
  assert(await endsEmpty(socket));
});

Deno.test("a lost session closes the connections; the port stays, and works when the peer is back", async () => {
  await using pair = await Pair.start();
  await using server = new TcpServer(echo);
  const rules = { connect: [`${server.port}`] };
  using _allowed = allowForwarding(pair.server, rules);
  await using tunnel = await forward(pair.client, {
    listen: "0",
    peer: pair.serverId,
    to: `${server.port}`,
  });
  const log = new ForwardLog(tunnel);
  using socket = await dial(tunnel.address);
  await writeAll(socket, bytes("hello"));
  await readExactly(socket, 5);
  const { address, identity } = pair.server;
  await pair.server.close({ abrupt: true });
  assert(await endsEmpty(socket));
  await log.first("lost");
  using refused = await dial(tunnel.address);
  assert(await endsEmpty(refused));
  assertEquals((await log.first("refused")).code, "not-connected");

  const { Node } = await import("../../src/mesh/node.ts");
  const port = Number(address.split(":").at(-1));
  await using again = await Node.start({ identity, port });
  using _again = allowForwarding(again, rules);
  await log.first("back");
  using later = await dial(tunnel.address);
  await writeAll(later, bytes("hello"));
  assertEquals(text(await readExactly(later, 5)), "hello");
});

Deno.test("a forward that is closed, or whose signal aborts, listens no more and closes its connections", async () => {
  await using pair = await Pair.start();
  await using server = new TcpServer(echo);
  using _allowed = allowForwarding(pair.server, {
    connect: [`${server.port}`],
  });
  const controller = new AbortController();
  const to = `${server.port}`;
  for (const signal of [undefined, controller.signal]) {
    const tunnel = await forward(pair.client, {
      listen: "0",
      peer: pair.serverId,
      to,
      ...(signal && { signal }),
    });
    const log = new ForwardLog(tunnel);
    using socket = await dial(tunnel.address);
    await writeAll(socket, bytes("hello"));
    await readExactly(socket, 5);
    if (signal === undefined) await tunnel.close();
    else controller.abort();
    assert(await endsEmpty(socket));
    await log.ended;
    await assertRejects(() => dial(tunnel.address));
  }
  const late = forward(pair.client, {
    listen: "0",
    peer: "server",
    to,
    signal: controller.signal,
  });
  const error = await assertRejects(() => late, VerackError);
  assertEquals(error.code, "aborted");
});

Deno.test("a forward ends with its node", async () => {
  const pair = await Pair.start();
  const tunnel = await forward(pair.client, {
    listen: "0",
    peer: pair.serverId,
    to: "1",
  });
  const log = new ForwardLog(tunnel);
  await pair[Symbol.asyncDispose]();
  await log.ended;
  await assertRejects(() => dial(tunnel.address));
});

Deno.test("what cannot be listened on or names no peer fails at once", async () => {
  await using pair = await Pair.start();
  await using server = new TcpServer(echo);
  const fails = async (options: { listen?: string; peer?: string }) => {
    const all = { listen: "0", peer: "server", to: "1", ...options };
    const error = await assertRejects(
      () => forward(pair.client, all),
      VerackError,
    );
    return error.code;
  };
  assertEquals(await fails({ listen: `${server.port}` }), "address-in-use");
  assertEquals(await fails({ listen: "192.0.2.1:0" }), "address-not-available");
  assertEquals(await fails({ peer: "nobody" }), "unknown-peer");
  await assertRejects(
    () => forward(pair.client, { listen: "0", peer: "server", to: "0" }),
    SyntaxError,
  );
});

Deno.test({
  name: "a forward listens on a Unix socket, which is removed at the end",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using pair = await Pair.start();
    await using server = new TcpServer(echo);
    using _allowed = allowForwarding(pair.server, {
      connect: [`${server.port}`],
    });
    const directory = await Deno.makeTempDir();
    const path = `${directory}/socket`;
    const options = { listen: path, peer: "server", to: `${server.port}` };
    const tunnel = await forward(pair.client, options);
    assertEquals(tunnel.address, path);
    const again = await assertRejects(
      () => forward(pair.client, options),
      VerackError,
    );
    assertEquals(again.code, "address-in-use");
    {
      using socket = await Deno.connect({ transport: "unix", path });
      await writeAll(socket, bytes("hello"));
      assertEquals(text(await readExactly(socket, 5)), "hello");
    }
    await tunnel.close();
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
    await Deno.remove(directory, { recursive: true });
  },
});

/** A forward to a server, which is allowed. */
function opened(pair: Pair, server: TcpServer) {
  allowForwarding(pair.server, { connect: [`${server.port}`] });
  return forward(pair.client, {
    listen: "0",
    peer: pair.serverId,
    to: `${server.port}`,
  });
}

function unusedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
