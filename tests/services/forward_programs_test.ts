/** Programs that are used through forwarded ports, and what they need of them. */
import { assertEquals, assertThrows } from "@std/assert";
import { allowForwarding, forward } from "../../src/services/mod.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import {
  dial,
  echo,
  Pair,
  readExactly,
  TcpServer,
  writeAll,
} from "../helpers/forwarding.ts";
import { testIf } from "../helpers/test_if.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("fetch gets pages and sends bodies through a forwarded port, many at once", async () => {
  await using pair = await Pair.start();
  await using web = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const { length } = new Uint8Array(await request.arrayBuffer());
      return new Response(`${new URL(request.url).pathname} ${length}`);
    },
  );
  await using tunnel = await tunnelTo(pair, web.addr.port);
  const client = Deno.createHttpClient({});
  const answers = Array.from({ length: 50 }, async (_, i) => {
    const answer = await fetch(`http://${tunnel.address}/${i}`, {
      method: "POST",
      body: new Uint8Array(i * 1_000),
      client,
    });
    return await answer.text();
  });
  assertEquals(
    await Promise.all(answers),
    Array.from({ length: 50 }, (_, i) => `/${i} ${i * 1_000}`),
  );
  client.close();
});

Deno.test("a shell that is idle for a day, and whose server speaks first, goes on", async () => {
  await using pair = await Pair.start();
  await using server = new TcpServer(async (socket) => {
    await writeAll(socket, encode("SSH-2.0-test\r\n"));
    await echo(socket);
  });
  const clock = new VirtualClock();
  await using tunnel = await tunnelTo(pair, server.port, clock);
  using socket = await dial(tunnel.address);
  assertEquals(decode(await readExactly(socket, 14)), "SSH-2.0-test\r\n");
  for (let hour = 0; hour < 24; hour++) {
    await writeAll(socket, encode(`${hour % 10}`));
    assertEquals(decode(await readExactly(socket, 1)), `${hour % 10}`);
    await clock.advance(3_600_000);
  }
  await writeAll(socket, encode("x"));
  assertEquals(decode(await readExactly(socket, 1)), "x");
});

testIf(hasProgram("psql"))(
  "psql runs a query through a forwarded port",
  async () => {
    await using pair = await Pair.start();
    await using server = new TcpServer(postgres);
    await using tunnel = await tunnelTo(pair, server.port);
    const [host = "", port = ""] = tunnel.address.split(":");
    const { success, stdout } = await new Deno.Command("psql", {
      args: [
        "-h",
        host,
        "-p",
        port,
        "-U",
        "u",
        "-d",
        "d",
        "-XAtc",
        "SELECT 42",
      ],
      env: { PGGSSENCMODE: "disable", PGCONNECT_TIMEOUT: "20" },
      stderr: "inherit",
    }).output();
    assertEquals([success, decode(stdout)], [true, "42\n"]);
  },
);

Deno.test("rules for a node that handles tcp/1 otherwise are an error, and are not in force", async () => {
  await using pair = await Pair.start();
  {
    using _handler = pair.server.handle("tcp/1", () => {});
    assertThrows(
      () => allowForwarding(pair.server, { connect: ["22"] }),
      TypeError,
      "it has a handler",
    );
  }
  // The rules of before have left nothing behind.
  using _handler = pair.server.handle("tcp/1", () => {});
});

/** A forward to a port of the server, which is allowed to the client. */
function tunnelTo(pair: Pair, port: number, clock?: VirtualClock) {
  allowForwarding(pair.server, {
    connect: [{ address: `${port}`, from: pair.clientId }],
    ...(clock && { clock }),
  });
  return forward(pair.client, {
    listen: "0",
    peer: pair.serverId,
    to: `${port}`,
    ...(clock && { clock }),
  });
}

/** Answers one query of PostgreSQL's protocol 3.0 by a row with 42. */
async function postgres(socket: Deno.TcpConn): Promise<void> {
  const word = async () => {
    const bytes = await readExactly(socket, 4);
    return new DataView(bytes.buffer).getUint32(0);
  };
  const message = (type: string, ...parts: (string | number[])[]) => {
    const bytes = parts.flatMap((part) =>
      typeof part === "string" ? [...encode(`${part}\0`)] : part
    );
    const { length } = bytes;
    return [...encode(type), 0, 0, 0, length + 4, ...bytes];
  };
  const ready = message("Z", [...encode("I")]);
  for (;;) {
    const length = await word();
    const code = await word();
    await readExactly(socket, length - 8);
    if (code >>> 16 === 3) break;
    // A request for TLS or GSSAPI.
    await writeAll(socket, encode("N"));
  }
  await writeAll(
    socket,
    Uint8Array.from([
      ...message("R", [0, 0, 0, 0]),
      ...message("S", "server_version", "15.0"),
      ...message("S", "client_encoding", "UTF8"),
      ...ready,
    ]),
  );
  for (;;) {
    const [type] = await readExactly(socket, 1);
    const length = await word();
    await readExactly(socket, length - 4);
    if (type !== "Q".charCodeAt(0)) return;
    await writeAll(
      socket,
      Uint8Array.from([
        ...message("T", [0, 1], "n", [0, 0, 0, 0, 0, 0], [0, 0, 0, 25], [
          ...[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0],
        ]),
        ...message("D", [0, 1, 0, 0, 0, 2], [...encode("42")]),
        ...message("C", "SELECT 1"),
        ...ready,
      ]),
    );
  }
}

function hasProgram(name: string): boolean {
  try {
    return new Deno.Command(name, { args: ["--version"], stdout: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}
