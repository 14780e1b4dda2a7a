/**
 * What every transport must do, whatever is under it. Each implementation's test
 * file calls {@linkcode transportContract}.
 */
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { type ErrorCode, VerackError } from "../../src/errors.ts";
import type {
  Connection,
  Credentials,
  Incoming,
  Listener,
  Pin,
  Transport,
} from "../../src/transport/transport.ts";

/** A transport set up for one test. */
export interface ContractSetup {
  /** Who dials. */
  readonly dialer: Transport;
  /** Who listens. */
  readonly listener: Transport;
  /** The address to listen on; its port is 0. */
  readonly host: string;
  /** The same machine over IPv6, where there is IPv6. */
  readonly ipv6Host?: string;
  /** What the listener shows, and the pin for it, where the transport is secure. */
  readonly credentials?: Credentials;
  readonly pin?: Pin;
  /** A pin that is not the listener's. */
  readonly wrongPin?: Pin;
  /** Clears up after the test. */
  readonly finish?: () => void;
}

/**
 * More than any kernel's socket buffers: who takes more from a writer while nobody
 * reads is keeping it in our memory.
 */
const MAX_UNREAD_BYTES = 32 * 1024 * 1024;

/** Runs the suite for the transport called `name`. */
export function transportContract(
  name: string,
  setUp: () => Promise<ContractSetup>,
): void {
  const test = (does: string, run: (setup: ContractSetup) => Promise<void>) =>
    Deno.test(`${name} ${does}`, async () => {
      const setup = await setUp();
      try {
        await run(setup);
      } finally {
        setup.finish?.();
      }
    });

  test("carries bytes both ways", async (setup) => {
    using pair = await connect(setup);
    await writeAll(pair.dialed, bytes("hello"));
    assertEquals(await readExactly(pair.accepted, 5), bytes("hello"));
    await writeAll(pair.accepted, bytes("and back"));
    assertEquals(await readExactly(pair.dialed, 8), bytes("and back"));
  });

  test("lets the accepting end speak first", async (setup) => {
    using pair = await connect(setup);
    await writeAll(pair.accepted, bytes("welcome"));
    assertEquals(await readExactly(pair.dialed, 7), bytes("welcome"));
  });

  test("reads into small buffers without losing a byte", async (setup) => {
    using pair = await connect(setup);
    const sent = pattern(1_000);
    await writeAll(pair.dialed, sent);
    const got: number[] = [];
    const buffer = new Uint8Array(7);
    while (got.length < sent.length) {
      const count = await pair.accepted.read(buffer);
      assert(count !== null && count >= 1 && count <= 7);
      got.push(...buffer.subarray(0, count));
    }
    assertEquals(new Uint8Array(got), sent);
  });

  test("says how much it wrote and takes the rest later", async (setup) => {
    using pair = await connect(setup);
    const data = pattern(1_000_000);
    const reading = readExactly(pair.accepted, data.length);
    let written = 0;
    while (written < data.length) {
      const count = await pair.dialed.write(data.subarray(written));
      assert(count >= 1 && count <= data.length - written);
      written += count;
    }
    assertEquals(await reading, data);
  });

  test("carries a lot both ways at once", async (setup) => {
    using pair = await connect(setup);
    const there = pattern(3_000_000, 1);
    const back = pattern(2_000_000, 2);
    const [gotThere, gotBack] = await Promise.all([
      readExactly(pair.accepted, there.length),
      readExactly(pair.dialed, back.length),
      writeAll(pair.dialed, there),
      writeAll(pair.accepted, back),
    ]);
    assert(same(gotThere, there), "bytes differ on the way there");
    assert(same(gotBack, back), "bytes differ on the way back");
  });

  test("takes an empty write for nothing", async (setup) => {
    using pair = await connect(setup);
    assertEquals(await pair.dialed.write(new Uint8Array()), 0);
    await writeAll(pair.dialed, bytes("x"));
    assertEquals(await readExactly(pair.accepted, 1), bytes("x"));
  });

  test("ends the dialer's stream when the accepting end closes", async (setup) => {
    using pair = await connect(setup);
    await writeAll(pair.accepted, bytes("bye"));
    pair.accepted.close();
    assertEquals(await readExactly(pair.dialed, 3), bytes("bye"));
    assertEquals(await pair.dialed.read(new Uint8Array(8)), null);
    assertEquals(await pair.dialed.read(new Uint8Array(8)), null);
  });

  test("ends the accepting end's stream when the dialer closes", async (setup) => {
    using pair = await connect(setup);
    await writeAll(pair.dialed, bytes("bye"));
    pair.dialed.close();
    assertEquals(await readExactly(pair.accepted, 3), bytes("bye"));
    assertEquals(await pair.accepted.read(new Uint8Array(8)), null);
    assertEquals(await pair.accepted.read(new Uint8Array(8)), null);
  });

  test("delivers what was written before close, however much", async (setup) => {
    using pair = await connect(setup);
    const sent = pattern(150_000);
    await writeAll(pair.accepted, sent);
    pair.accepted.close();
    assert(same(await readExactly(pair.dialed, sent.length), sent));
  });

  for (const end of ["dialed", "accepted"] as const) {
    const other = end === "dialed" ? "accepted" : "dialed";

    test(`rejects a pending read of the ${end} end on close`, async (setup) => {
      using pair = await connect(setup);
      const reading = assertCode(pair[end].read(new Uint8Array(8)), "closed");
      pair[end].close();
      await reading;
    });

    test(`rejects reads and writes of the ${end} end after close`, async (setup) => {
      using pair = await connect(setup);
      pair[end].close();
      await assertCode(pair[end].read(new Uint8Array(8)), "closed");
      await assertCode(pair[end].write(bytes("x")), "closed");
    });

    test(`fails writes of the ${end} end once the other is gone`, async (setup) => {
      using pair = await connect(setup);
      pair[other].close();
      assertEquals(await pair[end].read(new Uint8Array(8)), null);
      // The first writes may go into the void; that nobody is there comes back.
      await assertCode(
        (async () => {
          for (;;) {
            await pair[end].write(new Uint8Array(1_000));
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
        })(),
        "closed",
      );
    });

    test(`blocks the ${end} end when nobody reads, and close frees it`, async (setup) => {
      using pair = await connect(setup);
      const writing = fill(pair[end]);
      await writing.blocked;
      assert(
        writing.written() < MAX_UNREAD_BYTES,
        `${writing.written()} taken`,
      );
      pair[end].close();
      await assertCode(writing.done, "closed");
    });

    test(`frees a blocked writer on the ${end} end when the other closes`, async (setup) => {
      using pair = await connect(setup);
      const writing = fill(pair[end]);
      await writing.blocked;
      pair[other].close();
      await assertCode(writing.done, "closed");
    });

    test(`goes on writing on the ${end} end once the other reads`, async (setup) => {
      using pair = await connect(setup);
      const writing = fill(pair[end]);
      await writing.blocked;
      const before = writing.written();
      writing.stop();
      const drained = drain(pair[other]);
      await writing.done;
      assert(writing.written() > before);
      pair[end].close();
      assertEquals(await drained, writing.written());
    });
  }

  test("closes twice as well as once", async (setup) => {
    using pair = await connect(setup);
    for (const end of [pair.dialed, pair.accepted]) {
      end.close();
      end.close();
    }
    pair.listener.close();
    pair.listener.close();
  });

  test("says who is at the other end", async (setup) => {
    using pair = await connect(setup);
    const { dialed, accepted, listener } = pair;
    assertEquals(dialed.remoteAddress, listener.address);
    assertEquals(accepted.localAddress, listener.address);
    assertEquals(accepted.remoteAddress, dialed.localAddress);
    assertEquals(pair.incoming.remoteAddress, dialed.localAddress);
    assertEquals(dialed.localAddress.host, setup.host);
    assertNotEquals(dialed.localAddress.port, listener.address.port);
  });

  test("names the other end before it is opened", async (setup) => {
    using listener = disposable(await listen(setup));
    const dialing = dial(setup, listener.value);
    const incoming = await accept(listener.value);
    assertEquals(incoming.remoteAddress.host, setup.host);
    assert(incoming.remoteAddress.port > 0);
    const [dialed, accepted] = await Promise.all([dialing, incoming.open()]);
    dialed.close();
    accepted.close();
  });

  test("gives a listener on port 0 a port", async (setup) => {
    using listener = disposable(await listen(setup));
    assertEquals(listener.value.address.host, setup.host);
    assert(listener.value.address.port > 0);
  });

  test("carries several connections at once, apart", async (setup) => {
    using listener = disposable(await listen(setup));
    const dialing = Array.from(
      { length: 8 },
      () => dial(setup, listener.value),
    );
    const opening: Promise<Connection>[] = [];
    while (opening.length < dialing.length) {
      opening.push((await accept(listener.value)).open());
    }
    const dialed = await Promise.all(dialing);
    const accepted = await Promise.all(opening);
    await Promise.all(
      dialed.map((end, i) => writeAll(end, new Uint8Array(100).fill(i))),
    );
    // Accepted in any order: told apart by the dialer's address.
    for (const end of accepted) {
      const i = dialed.findIndex(({ localAddress }) =>
        localAddress.port === end.remoteAddress.port
      );
      const got = await readExactly(end, 100);
      assertEquals(got, new Uint8Array(100).fill(i));
    }
    for (const end of [...dialed, ...accepted]) end.close();
  });

  test("keeps connections when the listener closes", async (setup) => {
    using pair = await connect(setup);
    pair.listener.close();
    await writeAll(pair.dialed, bytes("still here"));
    assertEquals(await readExactly(pair.accepted, 10), bytes("still here"));
  });

  test("refuses when nobody listens", async (setup) => {
    const listener = await listen(setup);
    listener.close();
    const error = await assertCode(dial(setup, listener), "refused");
    assertStringIncludes(error.message, String(listener.address.port));
    assertStringIncludes(error.message, setup.host);
  });

  test("does not listen on a port that is taken", async (setup) => {
    using listener = disposable(await listen(setup));
    const { port } = listener.value.address;
    const error = await assertCode(listen(setup, port), "address-in-use");
    assertStringIncludes(error.message, String(port));
  });

  test("listens again on a port that was freed", async (setup) => {
    const first = await listen(setup);
    first.close();
    using second = disposable(await listen(setup, first.address.port));
    assertEquals(second.value.address, first.address);
  });

  test("does not listen on an address of another machine", async (setup) => {
    // TEST-NET-3: no machine's.
    await assertCode(
      setup.listener.listen({ host: "203.0.113.1", port: 0 }, options(setup)),
      "address-not-available",
    );
  });

  test("resolves a pending accept to null on close, and later ones", async (setup) => {
    const listener = await listen(setup);
    const accepting = listener.accept();
    listener.close();
    assertEquals(await accepting, null);
    assertEquals(await listener.accept(), null);
  });

  test("drops whoever waits to be accepted when the listener closes", async (setup) => {
    const listener = await listen(setup);
    const dialing = dial(setup, listener);
    const outcome = dialing.then(
      (connection) => ended(connection),
      (error: unknown) => error instanceof VerackError && error.code,
    );
    // Accepting one and leaving it unopened: only then is it known to have arrived.
    const incoming = await accept(listener);
    listener.close();
    incoming.close();
    const result = await outcome;
    assert(result === "ended" || result === "closed", String(result));
  });

  test("does not dial when the signal has aborted before", async (setup) => {
    using listener = disposable(await listen(setup));
    const signal = AbortSignal.abort();
    await assertCode(dial(setup, listener.value, signal), "aborted");
  });

  test("reports an abort by its reason", async (setup) => {
    using listener = disposable(await listen(setup));
    const reasons: [unknown, ErrorCode][] = [
      [new DOMException("too late", "TimeoutError"), "timeout"],
      [new VerackError("stopped", "The node is closing"), "aborted"],
      ["just so", "aborted"],
    ];
    for (const [reason, code] of reasons) {
      const signal = AbortSignal.abort(reason);
      await assertCode(dial(setup, listener.value, signal), code);
    }
  });

  test("does not open when the signal has aborted before", async (setup) => {
    using listener = disposable(await listen(setup));
    const dialing = dial(setup, listener.value).then(ended, () => "failed");
    const incoming = await accept(listener.value);
    await assertCode(incoming.open(AbortSignal.abort()), "aborted");
    assertNotEquals(await dialing, undefined); // over, one way or the other
  });

  test("leaves a connection alone when its dial's signal aborts later", async (setup) => {
    const controller = new AbortController();
    using pair = await connect(setup, controller.signal);
    controller.abort();
    await writeAll(pair.dialed, bytes("still here"));
    assertEquals(await readExactly(pair.accepted, 10), bytes("still here"));
    await writeAll(pair.accepted, bytes("so am I"));
    assertEquals(await readExactly(pair.dialed, 7), bytes("so am I"));
  });

  test("tells the dialer when the incoming connection is dropped", async (setup) => {
    using listener = disposable(await listen(setup));
    const dialing = dial(setup, listener.value).then(
      ended,
      (error: unknown) => error instanceof VerackError && error.code,
    );
    const incoming = await accept(listener.value);
    incoming.close();
    incoming.close();
    const result = await dialing;
    assert(result === "ended" || result === "closed", String(result));
    await assertCode(incoming.open(), "closed");
  });

  test("carries IPv6", async (setup) => {
    if (setup.ipv6Host === undefined) return;
    using pair = await connect({ ...setup, host: setup.ipv6Host });
    assertEquals(pair.listener.address.host, setup.ipv6Host);
    assertEquals(pair.accepted.remoteAddress.host, setup.ipv6Host);
    await writeAll(pair.dialed, bytes("six"));
    assertEquals(await readExactly(pair.accepted, 3), bytes("six"));
  });

  test("shows a certificate exactly if it is secure", async (setup) => {
    using listener = disposable(await listen(setup));
    const { address } = listener.value;
    if (!setup.dialer.secure) {
      await assertCode(setup.dialer.fetchCertificate(address, {}), "tls");
      return;
    }
    const opening = accept(listener.value).then((incoming) => incoming.open());
    const seen = await setup.dialer.fetchCertificate(address, {});
    assertEquals(seen, setup.credentials?.certificate);
    const accepted = await opening.catch(() => undefined);
    accepted?.close();
  });

  test("does not fetch a certificate where nobody listens, or after an abort", async (setup) => {
    if (!setup.dialer.secure) return;
    const listener = await listen(setup);
    listener.close();
    const { address } = listener;
    await assertCode(setup.dialer.fetchCertificate(address, {}), "refused");
    await assertCode(
      setup.dialer.fetchCertificate(address, { signal: AbortSignal.abort() }),
      "aborted",
    );
  });

  test("calls off dials, fetches and opens under way", async (setup) => {
    if (!setup.dialer.secure) return;
    using listener = disposable(await listen(setup));
    const timeout = () => {
      const controller = new AbortController();
      return {
        signal: controller.signal,
        fire: () => controller.abort(new DOMException("late", "TimeoutError")),
      };
    };
    // Accepted, but not opened: the handshake hangs.
    const dialLimit = timeout();
    const dialing = assertCode(
      dial(setup, listener.value, dialLimit.signal),
      "timeout",
    );
    const first = await accept(listener.value);
    dialLimit.fire();
    await dialing;
    first.close();

    const fetchLimit = timeout();
    const fetching = assertCode(
      setup.dialer.fetchCertificate(listener.value.address, fetchLimit),
      "timeout",
    );
    const second = await accept(listener.value);
    fetchLimit.fire();
    await fetching;
    second.close();
  });

  test("refuses another certificate than the pinned one", async (setup) => {
    if (setup.wrongPin === undefined) return;
    using listener = disposable(await listen(setup));
    const opening = accept(listener.value).then((incoming) => incoming.open());
    const refused = assertRejects(() => opening, VerackError);
    const error = await assertCode(
      setup.dialer.dial(listener.value.address, { pin: setup.wrongPin }),
      "wrong-certificate",
    );
    assertStringIncludes(error.message, String(listener.value.address.port));
    await refused;
  });

  test("takes a missing pin or missing credentials for a mistake of the caller", async (setup) => {
    if (!setup.dialer.secure) return;
    using listener = disposable(await listen(setup));
    await assertRejects(
      () => setup.dialer.dial(listener.value.address, {}),
      TypeError,
    );
    await assertRejects(
      () => setup.listener.listen({ host: setup.host, port: 0 }, {}),
      TypeError,
    );
  });
}

/** Asserts that `promise` rejects with a VerackError of that code, and returns it. */
export async function assertCode(
  promise: Promise<unknown>,
  code: ErrorCode,
): Promise<VerackError> {
  const error = await assertRejects(() => promise, VerackError);
  assertEquals(error.code, code, error.message);
  return error;
}

/** Writes all of `data`. */
export async function writeAll(
  connection: Connection,
  data: Uint8Array,
): Promise<void> {
  for (let at = 0; at < data.length;) {
    at += await connection.write(data.subarray(at));
  }
}

/** Reads exactly `length` bytes. */
export async function readExactly(
  connection: Connection,
  length: number,
): Promise<Uint8Array> {
  const got = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await connection.read(got.subarray(at));
    if (count === null) throw new Error(`Stream ended after ${at} bytes`);
    at += count;
  }
  return got;
}

/** `text` in UTF-8. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Bytes that do not repeat at any power of two. */
function pattern(length: number, salt: number = 0): Uint8Array {
  return Uint8Array.from(
    { length },
    (_, i) => (i * 31 + (i >> 8) * 17 + salt) & 0xff,
  );
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function options(setup: ContractSetup): { credentials?: Credentials } {
  return setup.credentials === undefined
    ? {}
    : { credentials: setup.credentials };
}

function listen(setup: ContractSetup, port: number = 0): Promise<Listener> {
  return setup.listener.listen({ host: setup.host, port }, options(setup));
}

function dial(
  setup: ContractSetup,
  listener: Listener,
  signal?: AbortSignal,
): Promise<Connection> {
  return setup.dialer.dial(listener.address, {
    ...(setup.pin === undefined ? {} : { pin: setup.pin }),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function accept(listener: Listener): Promise<Incoming> {
  const incoming = await listener.accept();
  if (incoming === null) throw new Error("Listener closed");
  return incoming;
}

async function connectTo(
  setup: ContractSetup,
  listener: Listener,
  signal?: AbortSignal,
): Promise<
  { dialed: Connection; accepted: Connection; incoming: Incoming }
> {
  const dialing = dial(setup, listener, signal);
  const incoming = await accept(listener);
  const [dialed, accepted] = await Promise.all([dialing, incoming.open()]);
  return { dialed, accepted, incoming };
}

async function connect(setup: ContractSetup, signal?: AbortSignal) {
  const listener = await listen(setup);
  const pair = await connectTo(setup, listener, signal);
  return {
    ...pair,
    listener,
    [Symbol.dispose]() {
      pair.dialed.close();
      pair.accepted.close();
      listener.close();
    },
  };
}

function disposable<T extends { close(): void }>(value: T) {
  return { value, [Symbol.dispose]: () => value.close() };
}

/** Reads until the stream is over, whatever way, and closes. */
async function ended(connection: Connection): Promise<string> {
  await drain(connection).catch(() => {});
  connection.close();
  return "ended";
}

async function drain(connection: Connection): Promise<number> {
  const buffer = new Uint8Array(65_536);
  let total = 0;
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return total;
    total += count;
  }
}

/** Writes until told to stop; `blocked` resolves when nothing more goes in. */
function fill(connection: Connection) {
  const block = new Uint8Array(65_536);
  let written = 0;
  let stopped = false;
  const done = (async () => {
    while (!stopped && written < MAX_UNREAD_BYTES) {
      written += await connection.write(block);
    }
  })();
  done.catch(() => {}); // looked at by the test, but maybe only later
  const blocked = (async () => {
    for (let before = -1; before !== written;) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  return {
    done,
    blocked,
    written: () => written,
    stop: () => stopped = true,
  };
}
