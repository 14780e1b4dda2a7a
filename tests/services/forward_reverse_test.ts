import { assert, assertEquals, assertRejects } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { Node } from "../../src/mesh/node.ts";
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
import { until } from "../helpers/until.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("in reverse the peer listens, and what it accepts leads to this side", async () => {
  await using pair = await Pair.start();
  await using server = new TcpServer(echo);
  using allowed = allowForwarding(pair.server, { listen: ["0"] });
  await using tunnel = await forward(pair.client, {
    listen: "0",
    peer: "server",
    to: `${server.port}`,
    reverse: true,
  });
  const log = new ForwardLog(tunnel);
  assertEquals((await log.first("listening")).address, tunnel.address);
  using socket = await dial(tunnel.address);
  await writeAll(socket, bytes("hello"));
  await socket.closeWrite();
  assertEquals(text(await readAll(socket)), "hello");
  const { from, sentBytes, receivedBytes } = await log.first("closed");
  assertEquals({ sentBytes, receivedBytes }, {
    sentBytes: 5,
    receivedBytes: 5,
  });
  const { port } = socket.localAddr as Deno.NetAddr;
  assertEquals(from, `127.0.0.1:${port}`);
  assertEquals(allowed.counters.opened, 1);
});

Deno.test("a peer listens only where a rule allows it, on loopback unless the rule says more", async () => {
  await using pair = await Pair.start();
  const refused = async (listen: string, rules: string[]) => {
    using _allowed = allowForwarding(pair.server, { listen: rules });
    const error = await assertRejects(
      () =>
        forward(pair.client, {
          listen,
          peer: "server",
          to: "1",
          reverse: true,
        }),
      VerackError,
    );
    assertEquals(error.code, "not-allowed", `${listen} by ${rules}`);
  };
  await refused("8080", []);
  await refused("8081", ["8080"]);
  await refused("0", ["8080"]);
  await refused("0.0.0.0:0", ["0"]);
  await refused("[::]:0", ["0"]);
  await refused("127.0.0.2:0", ["0"]);
  await refused("0", [`${pair.serverId}@0`]);
  // The control.
  using _allowed = allowForwarding(pair.server, {
    listen: [`${pair.clientId}@0.0.0.0:0`],
  });
  await using tunnel = await forward(pair.client, {
    listen: "0.0.0.0:0",
    peer: "server",
    to: "1",
    reverse: true,
  });
  assert(tunnel.address.startsWith("0.0.0.0:"));
});

Deno.test("a port that is taken at the peer is reported as such", async () => {
  await using pair = await Pair.start();
  await using taken = new TcpServer(echo);
  const listen = `${taken.port}`;
  using _allowed = allowForwarding(pair.server, { listen: [listen] });
  const error = await assertRejects(
    () =>
      forward(pair.client, { listen, peer: "server", to: "1", reverse: true }),
    VerackError,
  );
  assertEquals(error.code, "address-in-use");
});

Deno.test("a peer that was asked to listen stops when the forward is closed, and when the rule is taken back", async () => {
  await using pair = await Pair.start();
  await using server = new TcpServer(echo);
  const options = {
    listen: "0",
    peer: "server",
    to: `${server.port}`,
    reverse: true,
  };
  {
    using _allowed = allowForwarding(pair.server, { listen: ["0"] });
    const tunnel = await forward(pair.client, options);
    using socket = await dial(tunnel.address);
    await writeAll(socket, bytes("hello"));
    await readExactly(socket, 5);
    await tunnel.close();
    assert(await endsEmpty(socket));
    await until("it listens no more", () => isClosed(tunnel.address));
  }
  const allowed = allowForwarding(pair.server, { listen: ["0"] });
  await using tunnel = await forward(pair.client, options);
  const log = new ForwardLog(tunnel);
  allowed[Symbol.dispose]();
  await log.first("lost");
  await until("it listens no more", () => isClosed(tunnel.address));
});

Deno.test("when the session is lost the peer listens no more, and is asked again when it is back", async () => {
  await using pair = await Pair.start();
  await using server = new TcpServer(echo);
  const listen = `${unusedPort()}`;
  using _allowed = allowForwarding(pair.server, { listen: [listen] });
  await using tunnel = await forward(pair.client, {
    listen,
    peer: "server",
    to: `${server.port}`,
    reverse: true,
  });
  const log = new ForwardLog(tunnel);
  const { address, identity } = pair.server;
  await pair.server.close({ abrupt: true });
  await log.first("lost");
  await until("it listens no more", () => isClosed(tunnel.address));

  const port = Number(address.split(":").at(-1));
  await using again = await Node.start({ identity, port });
  using _again = allowForwarding(again, { listen: [listen] });
  await until("it listens again", () => log.of("listening").length === 2);
  assertEquals(log.of("lost").length, 1);
  using socket = await dial(tunnel.address);
  await writeAll(socket, bytes("hello"));
  assertEquals(text(await readExactly(socket, 5)), "hello");
});

Deno.test("in reverse a target at which nothing listens closes what the peer accepted", async () => {
  await using pair = await Pair.start();
  using _allowed = allowForwarding(pair.server, { listen: ["0"] });
  await using tunnel = await forward(pair.client, {
    listen: "0",
    peer: "server",
    to: `${unusedPort()}`,
    reverse: true,
  });
  const log = new ForwardLog(tunnel);
  using socket = await dial(tunnel.address);
  assert(await endsEmpty(socket));
  assertEquals((await log.first("refused")).code, "connection-refused");
});

Deno.test("a forward in reverse ends with either node", async () => {
  for (const which of ["client", "server"] as const) {
    await using pair = await Pair.start();
    using _allowed = allowForwarding(pair.server, { listen: ["0"] });
    const tunnel = await forward(pair.client, {
      listen: "0",
      peer: "server",
      to: "1",
      reverse: true,
    });
    await pair[which].close();
    await until("it listens no more", () => isClosed(tunnel.address));
    await tunnel.close();
  }
});

async function isClosed(address: string): Promise<boolean> {
  try {
    using _socket = await dial(address);
    return false;
  } catch {
    return true;
  }
}

function unusedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
