/** Accepted connections by the TLS engine, where the contract of transports does not reach. */
import { assert, assertEquals } from "@std/assert";
import { createSecureContext } from "node:tls";
import { EngineConnection } from "../../src/transport/engine_connection.ts";
import { findTlsEngine, TlsEngine } from "../../src/transport/tls_engine.ts";
import type { Connection } from "../../src/transport/transport.ts";
import {
  assertCode,
  bytes,
  fill,
  pattern,
  readExactly,
  same,
  writeAll,
} from "../contract/pair.ts";
import { makeCertificate } from "../helpers/certificates.ts";
import { testIf } from "../helpers/test_if.ts";

const NAME = "0123456789abcdef0123456789abcdef.verack.invalid";
const ALPN = "test/1";
const own = await makeCertificate(NAME);
const context = createSecureContext({
  cert: own.certificatePem,
  key: own.privateKeyPem,
  minVersion: "TLSv1.3",
});

const Native = findTlsEngine(context);
assert(Native !== undefined);
const makeEngine = () => new TlsEngine(Native, context, ALPN);

/** What a test does to the bytes between the engine and the network. */
interface Wire {
  /** At most so many bytes come with the next read. */
  readSize?(): number;
  /** Called with what was read, and with what is written. */
  onRead?(bytes: Uint8Array): void;
  onWrite?(bytes: Uint8Array): void;
}

/** `socket` with `wire` before it. */
function through(socket: Deno.TcpConn, wire: Wire): Deno.TcpConn {
  const { readSize = () => Infinity } = wire;
  return {
    localAddr: socket.localAddr,
    remoteAddr: socket.remoteAddr,
    async read(buffer: Uint8Array) {
      const count = await socket.read(buffer.subarray(0, readSize()));
      if (count !== null) wire.onRead?.(buffer.subarray(0, count));
      return count;
    },
    write(data: Uint8Array) {
      const sent = data.slice();
      wire.onWrite?.(sent);
      return socket.write(sent);
    },
    [Symbol.dispose]: () => socket[Symbol.dispose](),
  } as unknown as Deno.TcpConn;
}

/** A connection that the engine accepts; disposing of it closes both ends. */
async function connect(wire: Wire = {}, make = makeEngine) {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const tcp = await Deno.connect({
    hostname: "127.0.0.1",
    port: listener.addr.port,
  });
  const socket = await listener.accept();
  for (const end of [tcp, socket]) end.setNoDelay(true);
  const accepted = EngineConnection.overTcp(through(socket, wire));
  const tls = await Deno.startTls(tcp, {
    hostname: NAME,
    caCerts: [own.certificatePem],
    alpnProtocols: [ALPN],
  });
  const handshakes = [accepted.handshake(make), tls.handshake()];
  assertEquals((await Promise.all(handshakes))[0], ALPN);
  const dialed = tls as Pick<Connection, "read" | "write"> as Connection;
  return {
    accepted,
    dialed,
    tls,
    [Symbol.dispose]() {
      accepted.close();
      tls[Symbol.dispose]();
    },
  };
}

Deno.test("write() takes 64 KiB at once and the byte behind it later", async () => {
  using pair = await connect();
  for (const size of [1, 16_384, 16_385, 49_152, 49_153, 65_536, 65_537]) {
    const sent = pattern(size, size);
    const reading = readExactly(pair.dialed, size);
    const count = await pair.accepted.write(sent);
    assertEquals(count, Math.min(size, 65_536));
    await writeAll(pair.accepted, sent.subarray(count));
    assert(same(await reading, sent), `${size} bytes differ`);
  }
});

Deno.test("read() gives bytes that came in records of one byte", async () => {
  using pair = await connect();
  const sent = pattern(2_000);
  const reading = readExactly(pair.accepted, sent.length);
  for (let at = 0; at < sent.length; at++) {
    await pair.dialed.write(sent.subarray(at, at + 1));
  }
  assertEquals(await reading, sent);
});

Deno.test("read() puts records together of which one byte comes at a time", async () => {
  using pair = await connect({ readSize: () => 1 });
  const sent = pattern(40_000);
  const [got] = await Promise.all([
    readExactly(pair.accepted, sent.length),
    writeAll(pair.dialed, sent),
  ]);
  assert(same(got, sent));
});

for (const seed of [1, 2, 3]) {
  Deno.test(`bytes of both directions stay as they are with reads of any size, seed ${seed}`, async () => {
    let state = seed;
    const random = (below: number) => {
      state = (state * 48_271) % 2_147_483_647;
      return 1 + state % below;
    };
    const size = () => random(random(2) === 1 ? 64 : 100_000);
    using pair = await connect({ readSize: size });
    const sent = pattern(1_500_000, seed);
    const transfer = async (from: Connection, to: Connection) => {
      const got = new Uint8Array(sent.length);
      const writing = (async () => {
        for (let at = 0; at < sent.length;) {
          at += await from.write(sent.subarray(at, at + size()));
        }
      })();
      for (let at = 0; at < got.length;) {
        at += await to.read(got.subarray(at, at + size())) ?? 0;
      }
      await writing;
      assert(same(got, sent));
    };
    await Promise.all([
      transfer(pair.dialed, pair.accepted),
      transfer(pair.accepted, pair.dialed),
    ]);
  });
}

Deno.test("read() gives what was sent with the end of the handshake", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  using tls = await Deno.startTls(tcp, {
    hostname: NAME,
    caCerts: [own.certificatePem],
    alpnProtocols: [ALPN],
  });
  const writing = tls.write(bytes("hello"));
  const accepted = EngineConnection.overTcp(await listener.accept());
  await accepted.handshake(makeEngine);
  await writing;
  assertEquals(await readExactly(accepted, 5), bytes("hello"));
  accepted.close();
});

Deno.test("read() and write() reject once a record was forged", async () => {
  let forge = false;
  using pair = await connect({
    onRead(bytes) {
      if (forge) bytes.set([(bytes.at(-1) ?? 0) ^ 1], bytes.length - 1);
    },
  });
  await writeAll(pair.dialed, bytes("true"));
  assertEquals(await readExactly(pair.accepted, 4), bytes("true"));
  forge = true;
  await writeAll(pair.dialed, bytes("false"));
  await assertCode(pair.accepted.read(new Uint8Array(8)), "closed");
  await assertCode(pair.accepted.read(new Uint8Array(8)), "closed");
  await assertCode(pair.accepted.write(bytes("x")), "closed");
});

Deno.test("read() rejects on an alert of the other end", async () => {
  let forge = false;
  using pair = await connect({
    onWrite(bytes) {
      if (forge) bytes.set([(bytes.at(-1) ?? 0) ^ 1], bytes.length - 1);
    },
  });
  forge = true;
  await pair.accepted.write(bytes("false"));
  const failed = await pair.dialed.read(new Uint8Array(8)).catch(() =>
    "failed"
  );
  assertEquals(failed, "failed");
  const { message } = await assertCode(
    pair.accepted.read(new Uint8Array(8)),
    "closed",
  );
  assert(/alert/i.test(message), message);
});

Deno.test("handshake() makes no engine for a connection that says nothing", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  using _ = await Deno.connect({ hostname: "127.0.0.1", port });
  const accepted = EngineConnection.overTcp(await listener.accept());
  const opening = accepted.handshake(() => {
    throw new Error("an engine was made");
  });
  const outcome = opening.then(() => "", (error: Error) => error.message);
  // Time for one that is made for another connection, which does say something.
  (await connect())[Symbol.dispose]();
  accepted.close();
  assert(!/engine/.test(await outcome), await outcome);
});

Deno.test("close() ends a read and a write that wait", async () => {
  using pair = await connect();
  const reading = assertCode(pair.accepted.read(new Uint8Array(8)), "closed");
  const writing = fill(pair.accepted);
  const written = assertCode(writing.done, "closed");
  await writing.blocked;
  pair.accepted.close();
  await Promise.all([reading, written]);
});

Deno.test("what the other end sends in vain stays with the system", async () => {
  using pair = await connect();
  const before = Deno.memoryUsage().external;
  const writing = fill(pair.dialed);
  await writing.blocked;
  assert(Deno.memoryUsage().external - before < 1_000_000);
  pair[Symbol.dispose]();
  await writing.done.catch(() => {});
});

Deno.test("engines that were freed leave no memory behind", () => {
  const pin = { certificate: own.certificate, serverName: NAME };
  const make = (times: number) => {
    for (let i = 0; i < times; i++) {
      for (const end of [context, pin]) {
        const engine = new TlsEngine(Native, end, ALPN);
        engine.drain();
        engine.free();
      }
    }
    return Deno.memoryUsage().rss;
  };
  const before = make(1_000);
  // Those that are only dropped take 40 kB a pair.
  const grown = make(4_000) - before;
  assert(grown < 120_000_000, `${grown} bytes`);
});

Deno.test("close() frees the engine, once, however the connection ended", async () => {
  let freed = 0;
  class Counted extends TlsEngine {
    override free(): void {
      freed++;
      super.free();
    }
  }
  const ends: Record<
    string,
    (accepted: EngineConnection, tls: Deno.TlsConn) => unknown
  > = {
    "at peace": () => {},
    "by the other end": async (accepted, tls) => {
      tls.close();
      await accepted.read(new Uint8Array(8));
    },
    "in a read": (accepted) => {
      accepted.read(new Uint8Array(8)).catch(() => {});
    },
    "in a write": async (accepted) => {
      const writing = fill(accepted);
      writing.done.catch(() => {});
      await writing.blocked;
    },
  };
  for (const [how, end] of Object.entries(ends)) {
    freed = 0;
    using pair = await connect(
      {},
      () => new Counted(Native, context, ALPN),
    );
    await end(pair.accepted, pair.tls);
    assertEquals(freed, 0, how);
    pair.accepted.close();
    pair.accepted.close();
    assertEquals(freed, 1, how);
  }
});

const hasOpenssl = await new Deno.Command("openssl", {
  args: ["version"],
  stdout: "null",
}).output().then(() => true, () => false);

testIf(hasOpenssl)("keys are updated when the other end says so", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = new Deno.Command("openssl", {
    args: [
      ...["s_client", "-connect", `127.0.0.1:${listener.addr.port}`],
      ...["-alpn", ALPN, "-tls1_3"],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const accepted = EngineConnection.overTcp(await listener.accept());
  await accepted.handshake(makeEngine);
  const stdin = client.stdin.getWriter();
  const stderr = client.stderr.getReader();
  const decoder = new TextDecoder();
  const said = async (text: string) => {
    for (let all = ""; !all.includes(text);) {
      const { value } = await stderr.read();
      assert(value !== undefined, all);
      all += decoder.decode(value);
    }
  };
  for (const command of ["", "K", "k", "K"]) {
    if (command !== "") {
      // A line of nothing else is a command: K updates the keys of both directions.
      await stdin.write(bytes(`${command}\n`));
      await said("KEYUPDATE");
    }
    const line = bytes(`hello ${command}\n`);
    await stdin.write(line);
    assertEquals(await readExactly(accepted, line.length), line);
    await writeAll(accepted, line);
  }
  accepted.close();
  await stdin.close().catch(() => {});
  await stderr.cancel();
  const shown = decoder.decode(await new Response(client.stdout).bytes());
  await client.status;
  assertEquals(shown.match(/^hello .?$/gm), [
    "hello ",
    "hello K",
    "hello k",
    "hello K",
  ]);
});
