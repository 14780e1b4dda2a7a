/**
 * Dials and opens that are called off at every stage: the caller gets an answer
 * at once, and the socket is gone. Counted by the operating system, since Deno's
 * own books do not show what `stalled_hosts.ts` is about.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { tlsTransport } from "../../src/transport/tls.ts";
import { engineIsOff } from "../../src/transport/tls_engine.ts";
import type {
  Listener,
  Pin,
  Transport,
} from "../../src/transport/transport.ts";
import { assertCode } from "../contract/pair.ts";
import { makeCertificate } from "../helpers/certificates.ts";
import { canCountSockets, openSockets } from "../helpers/sockets.ts";
import { testIf } from "../helpers/test_if.ts";
import { until } from "../helpers/until.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const NAME = "0123456789abcdef0123456789abcdef.verack.invalid";
const own = await makeCertificate(NAME);
const pin: Pin = { certificate: own.certificate, serverName: NAME };

/** A TCP server that accepts and says nothing until it is told to hang up. */
function startMute() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const serving = (async () => {
    for await (const connection of listener) connections.push(connection);
  })();
  const { port } = listener.addr as Deno.NetAddr;
  return {
    address: { host: "127.0.0.1", port },
    connections,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of connections) connection.close();
      await serving;
      if (canCountSockets) {
        await until("its sockets are gone", () => openSockets(port) === 0);
      }
    },
  };
}

function listen(transport: Transport = tlsTransport()): Promise<Listener> {
  const address = { host: "127.0.0.1", port: 0 };
  return transport.listen(address, { credentials: own });
}

function timeout() {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    fire: () => controller.abort(new DOMException("late", "TimeoutError")),
  };
}

/** Dials the mute server and gives up as soon as it has accepted. */
async function dialInVain(
  transport: Transport,
  mute: ReturnType<typeof startMute>,
): Promise<void> {
  const before = mute.connections.length;
  const limit = timeout();
  const dialing = assertCode(
    transport.dial(mute.address, { pin, signal: limit.signal }),
    "timeout",
  );
  await until("it has accepted", () => mute.connections.length > before);
  limit.fire();
  await dialing;
}

Deno.test("dial() gives up a host whose queue is full when the signal aborts", async () => {
  // Connections that nobody accepts fill the kernel's queue; after that a dial
  // gets no answer at all, as from an address where packets vanish.
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  const fillers: Deno.Conn[] = [];
  let full = false;
  while (!full && fillers.length < 5_000) {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), 500);
    try {
      fillers.push(
        await Deno.connect({
          hostname: "127.0.0.1",
          port,
          signal: limit.signal,
        }),
      );
    } catch {
      full = true;
    } finally {
      clearTimeout(timer);
    }
  }
  assert(full, `queue not full after ${fillers.length} connections`);

  const limit = timeout();
  const dialing = tlsTransport().dial(
    { host: "127.0.0.1", port },
    { pin, signal: limit.signal },
  );
  const timer = setTimeout(limit.fire, 50);
  const error = await assertCode(dialing, "timeout");
  clearTimeout(timer);
  assert(error.message.includes(String(port)), error.message);
  fillers.forEach((filler) => filler.close());
  silent.close();
});

Deno.test("dial() gives up a TLS handshake that hangs when the signal aborts", async () => {
  await using mute = startMute();
  await dialInVain(tlsTransport(), mute);
});

for (const engine of [true, false]) {
  const by = engine ? "the engine" : "Deno.startTls";
  Deno.test(`dial() by ${by} says that it was called off also if bytes come in the same turn`, async () => {
    const transport = tlsTransport({ engine });
    const listener = await listen(transport);
    const serving = (async () => {
      for (let next; (next = await listener.accept()) !== null;) {
        next.open().then((it) => it.close(), () => {});
      }
    })();
    const dial = async (waitMs: number) => {
      const limit = new AbortController();
      const timer = setTimeout(() => limit.abort(), waitMs);
      const { signal } = limit;
      try {
        (await transport.dial(listener.address, { pin, signal })).close();
      } catch (error) {
        assert(error instanceof VerackError);
        assertEquals(error.code, "aborted", error.message);
      }
      clearTimeout(timer);
    };
    for (let round = 0; round < 40; round++) {
      await Promise.all(Array.from({ length: 20 }, (_, at) => dial(1 + at)));
    }
    listener.close();
    await serving;
  });
}

if (!engineIsOff()) {
  testIf(canCountSockets)(
    "dial() by the engine leaves no socket with a host that hangs",
    async () => {
      await using mute = startMute();
      const transport = tlsTransport();
      const { port } = mute.address;
      for (let i = 0; i < 3; i++) await dialInVain(transport, mute);
      // What is left are the mute server's ends and its listener.
      await until("our sockets are gone", () => {
        return openSockets(port) === mute.connections.length + 1;
      });
    },
  );
}

Deno.test(
  "dial() by Deno.startTls leaves one socket with a host that hangs, not one for every dial",
  {
    ignore: !canCountSockets,
  },
  async () => {
    await using mute = startMute();
    const transport = tlsTransport({ engine: false });
    const { port } = mute.address;
    for (let i = 0; i < 5; i++) await dialInVain(transport, mute);
    // The mute server's five ends, its listener, and what is left of ours.
    await until("our sockets are gone but for the first", () => {
      return openSockets(port) <= mute.connections.length + 1 + 1;
    });
  },
);

Deno.test("dial() by Deno.startTls leaves a host alone that answers and then hangs", async () => {
  // Shows its certificate when looked at, and says nothing when dialed.
  const clock = new VirtualClock();
  const transport = tlsTransport({ clock, engine: false });
  const listener = await listen(transport);
  const { address } = listener;
  const dialUntilHanging = async (answerFirst: boolean) => {
    const limit = timeout();
    const dialing = assertCode(
      transport.dial(address, { pin, signal: limit.signal }),
      "timeout",
    );
    if (answerFirst) {
      const looked = await listener.accept();
      const connection = await looked?.open();
      connection?.close();
    }
    const hanging = await listener.accept();
    limit.fire();
    await dialing;
    hanging?.close();
  };
  await dialUntilHanging(false);
  await dialUntilHanging(true);
  const error = await assertCode(
    transport.dial(address, { pin }),
    "unreachable",
  );
  assert(error.message.includes("60 s"), error.message);

  await clock.advance(60_000);
  await dialUntilHanging(true); // dialed again, and left alone for longer
  const again = await assertCode(
    transport.dial(address, { pin }),
    "unreachable",
  );
  assert(again.message.includes("120 s"), again.message);

  // Forgiven as soon as it completes a handshake.
  await clock.advance(120_000);
  const dialing = transport.dial(address, { pin });
  const looked = await (await listener.accept())?.open();
  const served = await (await listener.accept())?.open();
  (await dialing).close();
  looked?.close();
  served?.close();
  const next = transport.dial(address, { pin });
  const incoming = await (await listener.accept())?.open();
  (await next).close();
  incoming?.close();
  listener.close();
});

Deno.test("fetchCertificate() frees the socket when the signal aborts", {
  ignore: !canCountSockets,
}, async () => {
  await using mute = startMute();
  const limit = timeout();
  const fetching = assertCode(
    tlsTransport().fetchCertificate(mute.address, limit),
    "timeout",
  );
  await until("it has accepted", () => mute.connections.length === 1);
  limit.fire();
  await fetching;
  const connection = mute.connections[0];
  assert(connection !== undefined);
  await until("the socket is gone", () => openSockets(mute.address.port) === 2);
});

Deno.test(
  "open() frees the sockets of strangers who say nothing or too little",
  {
    ignore: !canCountSockets,
  },
  async () => {
    const listener = await listen();
    const { port } = listener.address;
    const strangers: Deno.Conn[] = [];
    const outcomes: Promise<unknown>[] = [];
    const limit = timeout();
    // Nothing at all; half a record header; the header of a record that never comes.
    for (const says of [[], [22, 3], [22, 3, 1, 2, 0, 1]]) {
      const stranger = await Deno.connect({ hostname: "127.0.0.1", port });
      await stranger.write(Uint8Array.from(says));
      strangers.push(stranger);
      const incoming = await listener.accept();
      assert(incoming !== null);
      outcomes.push(assertCode(incoming.open(limit.signal), "timeout"));
    }
    limit.fire();
    await Promise.all(outcomes);
    // Our ends are gone although the strangers hold on to theirs, and they notice. A
    // stranger's end goes too if it was reset: bytes of its were not read yet.
    await until("our ends are gone", () => openSockets(port) <= 1 + 3);
    for (const stranger of strangers) {
      const end = await stranger.read(new Uint8Array(100)).catch(() => null);
      assertEquals(end, null);
      stranger.close();
    }
    listener.close();
  },
);

Deno.test(
  "close() of an incoming connection frees its socket, whatever the stranger does",
  {
    ignore: !canCountSockets,
  },
  async () => {
    const listener = await listen();
    const { port } = listener.address;
    const stranger = await Deno.connect({ hostname: "127.0.0.1", port });
    const incoming = await listener.accept();
    incoming?.close();
    await until("our end is gone", () => openSockets(port) === 1 + 1);
    stranger.close();
    listener.close();
  },
);

Deno.test(
  "close() frees the accepting end of a peer that has stopped reading",
  {
    ignore: !canCountSockets,
  },
  async () => {
    const transport = tlsTransport();
    const listener = await listen(transport);
    const { port } = listener.address;
    const dialing = transport.dial(listener.address, { pin });
    const accepted = await (await listener.accept())?.open();
    const dialed = await dialing;
    assert(accepted !== undefined);
    let written = 0;
    const writing = (async () => {
      for (;;) written += await accepted.write(new Uint8Array(65_536));
    })();
    const refused = assertRejects(() => writing, VerackError);
    for (let before = -1; before !== written;) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assertEquals(openSockets(port), 3);
    accepted.close();
    await refused;
    await until("our end is gone", () => openSockets(port) === 2);
    dialed.close();
    listener.close();
  },
);

Deno.test("open() reports garbage and hang-ups as what they are", async () => {
  const listener = await listen();
  const { port } = listener.address;
  const greet = async (says: string) => {
    const stranger = await Deno.connect({ hostname: "127.0.0.1", port });
    await stranger.write(new TextEncoder().encode(says));
    return { stranger, incoming: await listener.accept() };
  };
  const web = await greet("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assert(web.incoming !== null);
  await assertCode(web.incoming.open(), "tls");
  web.stranger.close();

  const gone = await greet("");
  assert(gone.incoming !== null);
  const opening = assertCode(gone.incoming.open(), "closed");
  gone.stranger.close();
  await opening;
  listener.close();
});

Deno.test("dial() reports a server that is not TLS as tls, and a hang-up as closed", async () => {
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = server.addr as Deno.NetAddr;
  const address = { host: "127.0.0.1", port };
  for (
    const [says, code] of [["SSH-2.0-OpenSSH_9.6\r\n", "tls"], [
      "",
      "closed",
    ]] as const
  ) {
    const dialing = assertCode(tlsTransport().dial(address, { pin }), code);
    using accepted = await server.accept();
    await accepted.read(new Uint8Array(4_096)); // its ClientHello
    await accepted.write(new TextEncoder().encode(says));
    if (says === "") accepted[Symbol.dispose]();
    await dialing;
  }
  server.close();
});
