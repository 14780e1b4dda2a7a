/** How connections come about: addresses, listening, dialing, calling off, certificates. */
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { type ErrorCode, VerackError } from "../../src/core/errors.ts";
import type { Connection } from "../../src/transport/transport.ts";
import {
  accept,
  assertCode,
  bytes,
  connect,
  type ContractTest,
  dial,
  disposable,
  ended,
  listen,
  options,
  readExactly,
  writeAll,
} from "./pair.ts";

/** Registers the tests of dialing and listening. */
export function dialingContract(test: ContractTest): void {
  test("closes twice as well as once", async (setup) => {
    using pair = await connect(setup);
    for (const end of [pair.dialed, pair.accepted]) {
      end.close();
      end.close();
    }
    pair.listener.close();
    pair.listener.close();
  });

  test("reports the other end", async (setup) => {
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

  test("refuses when nothing listens", async (setup) => {
    const listener = await listen(setup);
    listener.close();
    const error = await assertCode(dial(setup, listener), "connection-refused");
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

  test("drops connections that wait to be accepted when the listener closes", async (setup) => {
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

  test("does not fetch a certificate where nothing listens, or after an abort", async (setup) => {
    if (!setup.dialer.secure) return;
    const listener = await listen(setup);
    listener.close();
    const { address } = listener;
    await assertCode(
      setup.dialer.fetchCertificate(address, {}),
      "connection-refused",
    );
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
