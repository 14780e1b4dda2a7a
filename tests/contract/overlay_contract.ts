/**
 * What every overlay must do: over a connection that exists already, bytes pass as over any
 * other connection of its transport; and what carries it can neither read nor change them.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import type {
  Connection,
  Credentials,
  Overlay,
  Pin,
  Transport,
} from "../../src/transport/transport.ts";
import {
  PipedEnd,
  type PipedSide,
  type Tamper,
} from "../helpers/piped_pair.ts";
import { connectionContract } from "./connection_contract.ts";
import {
  assertCode,
  bytes,
  type ContractTest,
  pattern,
  readExactly,
  writeAll,
} from "./pair.ts";

/** An overlay set up for one test. */
export interface OverlaySetup {
  readonly overlay: Overlay;
  /** What carries it in the tests of {@linkcode connectionContract}. */
  readonly carrier: Transport;
  readonly host: string;
  /** What the accepting end shows, and the pin for it, where the overlay is secure. */
  readonly secured?: {
    readonly credentials: Credentials;
    readonly pin: Pin;
    /** A pin that is not of the accepting end. */
    readonly wrongPin: Pin;
  };
  /** Clears up after the test. */
  readonly finish?: () => void;
}

/** Runs the suite for the overlay called `name`. */
export function overlayContract(
  name: string,
  setUp: () => Promise<OverlaySetup>,
): void {
  const test = (does: string, run: (setup: OverlaySetup) => Promise<void>) =>
    Deno.test(`${name} ${does}`, async () => {
      const setup = await setUp();
      try {
        await run(setup);
      } finally {
        setup.finish?.();
      }
    });
  const overlaid: ContractTest = (does, run) =>
    test(does, (setup) => {
      const transport = overlaidTransport(setup);
      const { host, secured } = setup;
      return run({ dialer: transport, listener: transport, host, ...secured });
    });
  connectionContract(overlaid);
  handshakeContract(test);
  securityContract(test);
}

/** A transport whose connections are those of the overlay over those of its carrier. */
function overlaidTransport(
  { overlay, carrier, secured }: OverlaySetup,
): Transport {
  return {
    secure: secured !== undefined,
    fetchCertificate: () => Promise.reject(new TypeError("is not part of it")),
    dial: async (address, options) =>
      await overlay.dial(await carrier.dial(address, {}), options),
    async listen(address, options) {
      const listener = await carrier.listen(address, {});
      return {
        address: listener.address,
        close: () => listener.close(),
        async accept() {
          const incoming = await listener.accept();
          if (incoming === null) return null;
          const { remoteAddress } = incoming;
          return {
            remoteAddress,
            close: () => incoming.close(),
            open: async (signal) =>
              await overlay.accept(await incoming.open(signal), {
                ...options,
                ...(signal && { signal }),
              }),
          };
        },
      };
    },
  };
}

type OverlayTest = (
  does: string,
  run: (setup: OverlaySetup) => Promise<void>,
) => void;

/** Both handshakes over a pair of ends in memory. */
function open(
  { overlay, secured }: OverlaySetup,
  ends: { dialing: Connection; accepting: Connection },
  pin: Pin | undefined = secured?.pin,
): [dialing: Promise<Connection>, accepting: Promise<Connection>] {
  return [
    overlay.dial(ends.dialing, pin ? { pin } : {}),
    overlay.accept(
      ends.accepting,
      secured ? { credentials: secured.credentials } : {},
    ),
  ];
}

function handshakeContract(test: OverlayTest): void {
  test("has the addresses of what carries it", async (setup) => {
    const ends = PipedEnd.pair();
    const [dialed, accepted] = await Promise.all(open(setup, ends));
    for (const end of [dialed, accepted]) {
      assertEquals(end.remoteAddress, ends.dialing.remoteAddress);
      assertEquals(end.localAddress, ends.dialing.localAddress);
      end.close();
    }
    await closedSoon(ends);
  });

  test("closes what carries it when the signal has aborted before", async (setup) => {
    const { overlay, secured } = setup;
    const ends = PipedEnd.pair();
    const late = AbortSignal.abort(new DOMException("late", "TimeoutError"));
    await assertCode(
      overlay.dial(ends.dialing, {
        ...(secured && { pin: secured.pin }),
        signal: late,
      }),
      "timeout",
    );
    await assertCode(
      overlay.accept(ends.accepting, {
        ...(secured && { credentials: secured.credentials }),
        signal: AbortSignal.abort(),
      }),
      "aborted",
    );
    assert(ends.dialing.isClosed && ends.accepting.isClosed);
  });

  test("calls off handshakes under way, and closes what carries them", async (setup) => {
    const { overlay, secured } = setup;
    if (secured === undefined) return;
    for (const side of ["dialing", "accepting"] as const) {
      const ends = PipedEnd.pair(() => []);
      const controller = new AbortController();
      const { signal } = controller;
      const opening = side === "dialing"
        ? overlay.dial(ends.dialing, { pin: secured.pin, signal })
        : overlay.accept(ends.accepting, {
          credentials: secured.credentials,
          signal,
        });
      const failed = assertCode(opening, "timeout");
      controller.abort(new DOMException("late", "TimeoutError"));
      await failed;
      assert(ends[side].isClosed, side);
      ends.dialing.close();
      ends.accepting.close();
    }
  });

  test("fails when the other end closes during the handshake", async (setup) => {
    const { secured } = setup;
    if (secured === undefined) return;
    for (const side of ["dialing", "accepting"] as const) {
      const ends = PipedEnd.pair();
      const [dialing, accepting] = side === "dialing"
        ? [setup.overlay.dial(ends.dialing, secured), ends.accepting]
        : [setup.overlay.accept(ends.accepting, secured), ends.dialing];
      accepting.close();
      await assertCode(dialing, "closed");
      assert(ends[side].isClosed, side);
    }
  });

  test("takes a missing pin or missing credentials for a mistake of the caller", async (setup) => {
    if (setup.secured === undefined) return;
    const ends = PipedEnd.pair();
    const { overlay } = setup;
    await assertRejects(() => overlay.dial(ends.dialing, {}), TypeError);
    await assertRejects(() => overlay.accept(ends.accepting, {}), TypeError);
    assert(ends.dialing.isClosed && ends.accepting.isClosed);
  });
}

function securityContract(test: OverlayTest): void {
  test("refuses another certificate than the pinned one", async (setup) => {
    const { secured } = setup;
    if (secured === undefined) return;
    const ends = PipedEnd.pair();
    const [dialing, accepting] = open(setup, ends, secured.wrongPin);
    const refused = assertRejects(() => accepting, VerackError);
    await assertCode(dialing, "wrong-certificate");
    await refused;
    await closedSoon(ends);
  });

  test("shows what carries it no byte that the ends say", async (setup) => {
    if (setup.secured === undefined) return;
    const text = bytes("a secret of forty bytes, as long as this");
    const carried: number[] = [];
    const ends = PipedEnd.pair((_from, sent) => {
      carried.push(...sent);
      return [sent];
    });
    const [dialed, accepted] = await Promise.all(open(setup, ends));
    for (
      const [from, to] of [[dialed, accepted], [accepted, dialed]] as const
    ) {
      await writeAll(from, text);
      assertEquals(await readExactly(to, text.length), text);
    }
    const all = Uint8Array.from(carried).toHex();
    assert(!all.includes(text.subarray(0, 8).toHex()));
    dialed.close();
    accepted.close();
  });

  const tampers: [name: string, at: (bytes: Uint8Array) => Uint8Array[]][] = [
    ["changes a byte", (sent) => [flipped(sent)]],
    ["leaves out a record", () => []],
    ["repeats a record", (sent) => [sent, sent]],
    ["makes up a record", (sent) => [new Uint8Array(sent.length), sent]],
  ];
  for (const [name, change] of tampers) {
    for (const victim of ["dialing", "accepting"] as const) {
      test(`notices at the ${victim} end when what carries it ${name}`, async (setup) => {
        if (setup.secured === undefined) return;
        let isHostile = false;
        const tamper: Tamper = (from, sent) => {
          if (!isHostile || from === victim) return [sent];
          isHostile = false;
          return change(sent);
        };
        const ends = PipedEnd.pair(tamper);
        const [dialed, accepted] = await Promise.all(open(setup, ends));
        const [from, to] = victim === "accepting"
          ? [dialed, accepted]
          : [accepted, dialed];
        // The control: without tampering it arrives.
        await writeAll(from, pattern(100));
        assertEquals(await readExactly(to, 100), pattern(100));
        isHostile = true;
        await writeAll(from, pattern(100));
        await writeAll(from, pattern(100));
        await assertCode(
          (async () => {
            // A repeated record arrives once before it is noticed.
            for (;;) await readExactly(to, 100);
          })(),
          "closed",
        );
        dialed.close();
        accepted.close();
      });
    }
  }

  test("refuses what was recorded of an earlier dial", async (setup) => {
    if (setup.secured === undefined) return;
    const recorded: Record<PipedSide, Uint8Array[]> = {
      dialing: [],
      accepting: [],
    };
    const ends = PipedEnd.pair((from, sent) => {
      recorded[from].push(sent);
      return [sent];
    });
    const [dialed, accepted] = await Promise.all(open(setup, ends));
    await writeAll(dialed, bytes("pay"));
    assertEquals(await readExactly(accepted, 3), bytes("pay"));
    dialed.close();
    accepted.close();
    for (const side of ["dialing", "accepting"] as const) {
      const again = PipedEnd.pair(() => []);
      const { overlay, secured } = setup;
      const victim = side === "dialing" ? again.accepting : again.dialing;
      const opening = side === "dialing"
        ? overlay.accept(victim, secured)
        : overlay.dial(victim, secured);
      for (const sent of recorded[side]) victim.arrive(sent);
      victim.arrive(null);
      const opened = await opening.catch(() => undefined);
      // An accepting end may be satisfied with an old hello, but with nothing after it.
      if (opened !== undefined) {
        await assertRejects(() => readExactly(opened, 3));
        opened.close();
      }
      again.dialing.close();
      again.accepting.close();
    }
  });

  test("refuses an end that sends garbage", async (setup) => {
    const { overlay, secured } = setup;
    if (secured === undefined) return;
    for (const side of ["dialing", "accepting"] as const) {
      const ends = PipedEnd.pair(() => []);
      ends[side].arrive(pattern(3_000));
      ends[side].arrive(null);
      await assertRejects(
        () =>
          side === "dialing"
            ? overlay.dial(ends[side], secured)
            : overlay.accept(ends[side], secured),
        VerackError,
      );
      assert(ends[side].isClosed, side);
      ends.dialing.close();
      ends.accepting.close();
    }
  });
}

/** With another last byte. */
function flipped(sent: Uint8Array): Uint8Array {
  const changed = sent.slice();
  changed[changed.length - 1]! ^= 1;
  return changed;
}

/** TLS says goodbye in the turn before. */
async function closedSoon(ends: { dialing: PipedEnd; accepting: PipedEnd }) {
  await new Promise<void>((resolve) => setImmediate(resolve));
  assert(ends.dialing.isClosed && ends.accepting.isClosed);
}
