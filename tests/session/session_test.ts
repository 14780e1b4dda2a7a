// A session over an in-memory connection in virtual time: deadlines, heartbeat,
// queues, and the ways it ends.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import { serverNameOf } from "../../src/core/peer_id.ts";
import {
  FLUSH_TIMEOUT_MS,
  HANDSHAKE_TIMEOUT_MS,
  MAX_QUEUE_BYTES,
  WRITE_TIMEOUT_MS,
} from "../../src/session/session_limits.ts";
import {
  MESH_PROTOCOL_VERSION,
  MeshProfile,
} from "../../src/session/mesh_profile.ts";
import { Session } from "../../src/session/session.ts";
import {
  encodeFrame,
  networkMagic,
  SharedFrame,
} from "../../src/wire/frame.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import type { Connection } from "../../src/transport/transport.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { REASON } from "../../src/wire/messages/reason.ts";
import { encodePing } from "../../src/wire/messages/ping.ts";
import { orderedPair } from "../helpers/identities.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const MAGIC = networkMagic("test");
const [alice, bob] = await orderedPair();

/** What one end was told. */
class Recorder {
  /** Called once the handlers are registered. */
  afterOpen?: (session: Session) => void;
  session: Session | undefined;
  readonly frames: string[] = [];
  readonly pings: (string | undefined)[] = [];
  ended: VerackError | undefined;

  onOpen(session: Session): void {
    this.session = session;
    session.handle("message", (it) => this.frames.push(`message ${it.length}`));
    session.handle("explode", () => {
      throw new VerackError("protocol", "Cannot accept explode");
    });
    session.onPing((text) => this.pings.push(text));
    session.onClose((error) => this.ended = error);
    this.afterOpen?.(session);
  }
}

/** A network of two hosts, and connections between them. */
class Bench {
  readonly clock = new VirtualClock();
  readonly random = new SeededRandom(7);
  readonly network = new MemoryNetwork({
    clock: this.clock,
    random: this.random,
    latencyMs: 1,
  });

  /** Both ends of a new connection, the dialer's first. */
  async connect(): Promise<[Connection, Connection]> {
    const credentials = {
      certificate: alice.certificate,
      privateKeyPem: alice.privateKeyPem,
    };
    const listener = await this.network.transport("10.0.0.1").listen(
      { host: "10.0.0.1", port: 0 },
      { credentials },
    );
    const pin = {
      certificate: alice.certificate,
      serverName: serverNameOf(alice.id),
    };
    const ends = Promise.all([
      this.network.transport("10.0.0.2").dial(listener.address, { pin }),
      listener.accept().then((incoming) => incoming!.open()),
    ]);
    await this.clock.advance(10);
    listener.close();
    return await ends;
  }

  /** Runs our half of a handshake over `connection`. */
  open(
    connection: Connection,
    role: "initiator" | "responder",
    recorder: Recorder,
    options: {
      admit?: () => VerackError | undefined;
      magic?: Uint8Array;
      signal?: AbortSignal;
    } = {},
  ): Promise<Session> {
    const magic = options.magic ?? MAGIC;
    const common = {
      magic,
      instance: role === "initiator" ? 1n : 2n,
      admit: options.admit ?? (() => undefined),
    };
    const nowhere = { services: 0n, ip: new Uint8Array(16), port: 0 };
    return Session.open({
      connection,
      role,
      magic,
      profile: new MeshProfile(
        role === "initiator"
          ? {
            ...common,
            identity: bob,
            listener: verifyCertificate(alice.certificate),
          }
          : { ...common, identity: alice, challenge: this.random.bytes(32) },
      ),
      local: {
        version: MESH_PROTOCOL_VERSION,
        services: 0n,
        timestamp: 0n,
        addrRecv: nowhere,
        addrFrom: nowhere,
        nonce: role === "initiator" ? 1n : 2n,
        userAgent: new Uint8Array(0),
        startHeight: 0,
        relay: false,
      },
      clock: this.clock,
      random: this.random,
      ...(options.signal && { signal: options.signal }),
    }, (session) => recorder.onOpen(session));
  }

  /** Two ends of an open session, the dialer's first. */
  async session(): Promise<[Session, Session, Recorder, Recorder]> {
    const [dialer, listener] = await this.connect();
    const [d, l] = [new Recorder(), new Recorder()];
    const opening = Promise.all([
      this.open(dialer, "initiator", d),
      this.open(listener, "responder", l),
    ]);
    await this.clock.advance(20);
    const [one, two] = await opening;
    return [one, two, d, l];
  }
}

/** The error a promise ends with, watched before time passes. */
function failure(promise: Promise<unknown>): Promise<VerackError> {
  return assertRejects(() => promise, VerackError);
}

Deno.test("frames go both ways, also those that come right behind verack", async () => {
  const bench = new Bench();
  const [dialer, listener] = await bench.connect();
  const d = new Recorder();
  const l = new Recorder();
  l.afterOpen = (session) => {
    // Leaves in the same write as the listener's verack.
    session.send("message", new Uint8Array(5));
  };
  const opening = [
    bench.open(dialer, "initiator", d),
    bench.open(listener, "responder", l),
  ];
  await bench.clock.advance(20);
  const [one, two] = await Promise.all(opening);
  assert(one!.send("message", new Uint8Array(3)));
  await bench.clock.advance(5);
  assertEquals(d.frames, ["message 5"]);
  assertEquals(l.frames, ["message 3"]);
  one!.close(new VerackError("stopped", "done"));
  two!.close(new VerackError("stopped", "done"));
  await bench.clock.advance(10);
  assertEquals(bench.clock.pending, 0);
});

Deno.test("a handshake that is not complete at its deadline ends with timeout", async () => {
  const bench = new Bench();
  for (const silent of ["initiator", "responder"] as const) {
    const [dialer, listener] = await bench.connect();
    const failed = failure(
      silent === "initiator"
        ? bench.open(listener, "responder", new Recorder())
        : bench.open(dialer, "initiator", new Recorder()),
    );
    await bench.clock.advance(HANDSHAKE_TIMEOUT_MS - 1);
    await bench.clock.advance(1);
    assertEquals((await failed).code, "timeout");
    dialer.close();
    listener.close();
  }
});

Deno.test("chatter before verack does not extend the deadline", async () => {
  const bench = new Bench();
  const [dialer, listener] = await bench.connect();
  const failed = failure(bench.open(listener, "responder", new Recorder()));
  for (let s = 0; s < HANDSHAKE_TIMEOUT_MS / 1_000; s++) {
    await dialer.write(encodeFrame(MAGIC, "chatter", new Uint8Array(1)));
    await bench.clock.advance(1_000);
  }
  assertEquals((await failed).code, "timeout");
  dialer.close();
});

Deno.test("an abort ends a handshake at once, and spares an open session", async () => {
  const bench = new Bench();
  const [dialer, listener] = await bench.connect();
  const controller = new AbortController();
  const failed = failure(
    bench.open(dialer, "initiator", new Recorder(), controller),
  );
  controller.abort();
  assertEquals((await failed).code, "aborted");
  listener.close();

  const [again, accepted] = await bench.connect();
  const late = new AbortController();
  const d = new Recorder();
  d.afterOpen = () => late.abort();
  const opening = [
    bench.open(again, "initiator", d, late),
    bench.open(accepted, "responder", new Recorder()),
  ];
  await bench.clock.advance(20);
  const [session, other] = await Promise.all(opening);
  assert(session!.isOpen);
  session!.close(new VerackError("stopped", "done"));
  other!.close(new VerackError("stopped", "done"));
});

Deno.test("a refused peer gets the reason, and the connection is closed after it", async () => {
  const bench = new Bench();
  const [dialer, listener] = await bench.connect();
  const refusal = new VerackError("full", "Cannot accept: no room");
  const refused = failure(bench.open(dialer, "initiator", new Recorder()));
  const refusing = failure(
    bench.open(listener, "responder", new Recorder(), { admit: () => refusal }),
  );
  await bench.clock.advance(50);
  assertEquals((await refusing).code, "full");
  const { code, message } = await refused;
  assertEquals(code, "rejected");
  assert(message.includes("full (Cannot accept: no room)"), message);
  assertEquals(bench.clock.pending, 0);
});

Deno.test("an idle session is pinged and stays; a silent peer is dead after three heartbeats", async () => {
  const bench = new Bench();
  const [one, two, d] = await bench.session();
  const tickBoth = async (sessions: Session[], ms: number) => {
    for (let t = 0; t < ms; t += 250) {
      await bench.clock.advance(250);
      for (const session of sessions) session.tick(0);
    }
  };
  await tickBoth([one, two], 10_000);
  assert(one.isOpen && two.isOpen);
  assert((one.rttMs ?? 0) >= 2);
  bench.network.cut("10.0.0.1", "10.0.0.2");
  await tickBoth([one], 2_500);
  assert(one.isOpen);
  await tickBoth([one], 1_500);
  assertEquals(d.ended?.code, "dead");
  two.close(new VerackError("stopped", "done"));
});

Deno.test("a pause of our own process is not held against the peer", async () => {
  const bench = new Bench();
  const [one, two] = await bench.session();
  await bench.clock.advance(60_000);
  one.tick(59_750);
  assert(one.isOpen);
  // And the peer, pinged now, answers.
  await bench.clock.advance(250);
  one.tick(0);
  await bench.clock.advance(1_000);
  one.tick(0);
  await bench.clock.advance(10);
  assert(one.isOpen);
  one.close(new VerackError("stopped", "done"));
  two.close(new VerackError("stopped", "done"));
});

Deno.test("probe() is true when the peer answers and false when it does not", async () => {
  const bench = new Bench();
  const [one, two] = await bench.session();
  const answered = one.probe(1_000);
  await bench.clock.advance(10);
  assertEquals(await answered, true);
  bench.network.cut("10.0.0.1", "10.0.0.2");
  const vain = one.probe(1_000);
  await bench.clock.advance(1_000);
  assertEquals(await vain, false);
  const cutShort = one.probe(1_000);
  one.close(new VerackError("stopped", "done"));
  assertEquals(await cutShort, false);
  assertEquals(await one.probe(1_000), false);
  two.close(new VerackError("stopped", "done"));
  await bench.clock.advance(10);
  assertEquals(bench.clock.pending, 0);
});

Deno.test("ping texts reach the handler; heartbeats have none", async () => {
  const bench = new Bench();
  const [one, two, , l] = await bench.session();
  const nonce = 5n;
  const payload = encodePing({ nonce, text: "hi" });
  assert(one.ping(nonce, new SharedFrame(MAGIC, "ping", payload)));
  await bench.clock.advance(1_010);
  one.tick(0);
  await bench.clock.advance(10);
  assertEquals(l.pings, ["hi", undefined]);
  one.close(new VerackError("stopped", "done"));
  two.close(new VerackError("stopped", "done"));
});

Deno.test("leave() says bye, delivers what is queued, and both ends close", async () => {
  const bench = new Bench();
  const [one, two, d, l] = await bench.session();
  two.send("message", new Uint8Array(100_000));
  one.send("message", new Uint8Array(200_000));
  const left = one.leave(new VerackError("stopped", "closing"));
  assertEquals(one.send("message", new Uint8Array(1)), false);
  await bench.clock.advance(100);
  await left;
  assertEquals(l.frames, ["message 200000"]);
  assertEquals(l.ended?.code, "left");
  // What the other end had under way still arrived.
  assertEquals(d.frames, ["message 100000"]);
  assertEquals(d.ended?.code, "stopped");
  assertEquals(bench.clock.pending, 0);
});

Deno.test("leave() does not wait for ever for a peer that reads nothing", async () => {
  const bench = new Bench();
  const [one, two] = await bench.session();
  bench.network.cut("10.0.0.1", "10.0.0.2");
  one.send("message", new Uint8Array(1_000_000));
  const left = one.leave(new VerackError("stopped", "closing"));
  await bench.clock.advance(FLUSH_TIMEOUT_MS);
  await left;
  two.close(new VerackError("stopped", "done"));
});

Deno.test("a queue that is full ends the session as slow, and says with how much", async () => {
  const bench = new Bench();
  const [one, two, d] = await bench.session();
  bench.network.cut("10.0.0.1", "10.0.0.2");
  const megabyte = new Uint8Array(1_000_000);
  let queued = 0;
  while (one.send("message", megabyte)) queued++;
  assertEquals(queued, Math.floor(MAX_QUEUE_BYTES / 1_000_024));
  assertEquals(d.ended?.code, "slow");
  assert(d.ended?.message.includes("7000168"), d.ended?.message);
  assertEquals(one.queuedBytes <= MAX_QUEUE_BYTES, true);
  two.close(new VerackError("stopped", "done"));
});

Deno.test("a peer that stops reading is closed at the write deadline", async () => {
  const bench = new Bench();
  const [one, two, d] = await bench.session();
  bench.network.cut("10.0.0.2", "10.0.0.1", { oneWay: true });
  one.send("message", new Uint8Array(4_000_000));
  for (let t = 0; t < WRITE_TIMEOUT_MS; t += 250) {
    await bench.clock.advance(250);
    // It talks, so it is not dead; it only does not read.
    two.send("message", new Uint8Array(1));
    assert(one.isOpen);
    one.tick(0);
  }
  await bench.clock.advance(250);
  one.tick(0);
  assertEquals(d.ended?.code, "slow");
  two.close(new VerackError("stopped", "done"));
});

Deno.test("a write is given up only when this process had turns enough to notice its progress", async () => {
  const bench = new Bench();
  const [one, two, d] = await bench.session();
  bench.network.cut("10.0.0.2", "10.0.0.1", { oneWay: true });
  one.send("message", new Uint8Array(4_000_000));
  await bench.clock.advance(250);
  // Time passes, but the event loop does not come to anything.
  const monotonic = bench.clock.monotonic.bind(bench.clock);
  bench.clock.monotonic = () => monotonic() + WRITE_TIMEOUT_MS;
  two.send("message", new Uint8Array(1));
  one.tick(0);
  assert(one.isOpen);
  await bench.clock.advance(250);
  one.tick(0);
  assertEquals(d.ended?.code, "slow");
  two.close(new VerackError("stopped", "done"));
});

Deno.test("a peer that is given up for its silence is told so when it reads again", async () => {
  const bench = new Bench();
  const [one, two, d, l] = await bench.session();
  bench.network.freeze("10.0.0.1");
  for (let t = 0; t < 4_000; t += 250) {
    await bench.clock.advance(250);
    one.tick(0);
  }
  assertEquals(d.ended?.code, "dead");
  // The connection is gone, not only the session.
  await one.closed;
  bench.network.thaw("10.0.0.1");
  await bench.clock.advance(50);
  assertEquals(l.ended?.code, "rejected");
  assert(l.ended?.message.startsWith("Peer said bye: dead"), l.ended?.message);
  assert(!two.isOpen);
  assertEquals(bench.clock.pending, 0);
});

Deno.test("a peer that is given up as slow is told so if it reads again soon, and holds the connection no longer than that", async () => {
  for (const soon of [true, false]) {
    const bench = new Bench();
    const [one, two, d, l] = await bench.session();
    bench.network.cut("10.0.0.2", "10.0.0.1", { oneWay: true });
    for (let i = 0; i < 200; i++) one.send("message", new Uint8Array(30_000));
    for (let t = 0; t <= WRITE_TIMEOUT_MS; t += 250) {
      await bench.clock.advance(250);
      two.send("message", new Uint8Array(1));
      one.tick(0);
    }
    assertEquals(d.ended?.code, "slow");
    // What waits for it takes no memory any more, but for what is being written.
    assert(one.queuedBytes < 66_000, `${one.queuedBytes} bytes`);
    if (soon) {
      bench.network.heal();
      await bench.clock.advance(FLUSH_TIMEOUT_MS - 10);
      assert(l.frames.length > 0 && l.frames.length < 200);
      const reason = l.ended?.message ?? "";
      assert(reason.startsWith("Peer said bye: slow"), reason);
    } else {
      await bench.clock.advance(FLUSH_TIMEOUT_MS);
    }
    assertEquals((await one.closed).code, "slow");
    two.close(new VerackError("stopped", "done"));
    await bench.clock.advance(10);
    assertEquals(bench.clock.pending, 0);
  }
});

Deno.test("a peer that is given up as slow while a large frame is written to it is not waited for", async () => {
  const bench = new Bench();
  const [one, two, d] = await bench.session();
  bench.network.cut("10.0.0.1", "10.0.0.2");
  one.send("message", new Uint8Array(1_000_000));
  await bench.clock.advance(10);
  while (one.send("message", new Uint8Array(1_000_000)));
  assertEquals(d.ended?.code, "slow");
  // No time passes.
  assertEquals((await one.closed).code, "slow");
  two.close(new VerackError("stopped", "done"));
});

Deno.test("a dialer whose handshake takes too long, or that makes room, is told so", async () => {
  for (const reason of ["timeout", "full"] as const) {
    const bench = new Bench();
    const [dialer, listener] = await bench.connect();
    const controller = new AbortController();
    const failed = failure(
      bench.open(listener, "responder", new Recorder(), controller),
    );
    if (reason === "timeout") await bench.clock.advance(HANDSHAKE_TIMEOUT_MS);
    else controller.abort(new VerackError("full", "Evicted"));
    await bench.clock.advance(10);
    assertEquals((await failed).code, reason);
    const decoder = new FrameDecoder({ magic: MAGIC, maxPayload: 1_000 });
    const buffer = new Uint8Array(1_000);
    decoder.push(buffer.subarray(0, await dialer.read(buffer) ?? 0));
    const frame = decoder.next();
    assertEquals(frame?.command, "reject");
    assertEquals(frame?.payload[0], REASON[reason]);
    dialer.close();
  }
});

Deno.test("drained() tells a producer when to go on", async () => {
  const bench = new Bench();
  const [one, two, , l] = await bench.session();
  for (let i = 0; i < 10; i++) {
    assert(one.send("message", new Uint8Array(2_000_000)));
    const drained = one.drained(100_000);
    await bench.clock.advance(200);
    await drained;
  }
  await bench.clock.advance(200);
  assertEquals(l.frames.length, 10);
  one.close(new VerackError("stopped", "done"));
  two.close(new VerackError("stopped", "done"));
});

for (
  const [what, bytes, code] of [
    ["a wrong magic", new Uint8Array(24).fill(9), "bad-magic"],
    ["a length above the limit", oversize(), "oversize"],
    ["a command that is not ASCII", badCommand(), "bad-command"],
    [
      "a payload that breaks its rules",
      plain("ping", new Uint8Array(3)),
      "malformed",
    ],
    [
      "a message the handler refuses",
      plain("explode", new Uint8Array(0)),
      "protocol",
    ],
  ] as const
) {
  Deno.test(`${what} ends that session with a reason that both ends have`, async () => {
    const bench = new Bench();
    const [dialer, listener] = await bench.connect();
    const [d, l] = [new Recorder(), new Recorder()];
    const opening = Promise.all([
      bench.open(dialer, "initiator", d),
      bench.open(listener, "responder", l),
    ]);
    await bench.clock.advance(20);
    await opening;
    await dialer.write(bytes);
    await bench.clock.advance(50);
    assertEquals(l.ended?.code, code);
    assertEquals(d.ended?.code, "rejected");
    const reason = l.ended?.message ?? "";
    assert(d.ended?.message.includes(reason), d.ended?.message);
    assertEquals(bench.clock.pending, 0);
  });
}

Deno.test("nodes of two networks tell each other so", async () => {
  const bench = new Bench();
  const [dialer, listener] = await bench.connect();
  const other = { magic: networkMagic("other") };
  const fails = Promise.all([
    failure(bench.open(dialer, "initiator", new Recorder(), other)),
    failure(bench.open(listener, "responder", new Recorder())),
  ]);
  await bench.clock.advance(2 * FLUSH_TIMEOUT_MS);
  for (const { code } of await fails) assertEquals(code, "bad-magic");
});

function plain(command: string, payload: Uint8Array): Uint8Array {
  return encodeFrame(MAGIC, command, payload, { checksum: false });
}

function oversize(): Uint8Array {
  const frame = plain("message", new Uint8Array(0));
  new DataView(frame.buffer as ArrayBuffer).setUint32(16, 4_000_001, true);
  return frame;
}

function badCommand(): Uint8Array {
  const frame = plain("message", new Uint8Array(0));
  frame[5] = 0xff;
  return frame;
}
