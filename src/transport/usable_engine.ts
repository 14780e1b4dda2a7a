/**
 * Whether the TLS engine of this version of Deno does what {@linkcode EngineConnection} expects of
 * it: tried over loopback, before a connection of a peer depends on it.
 */
import { Buffer } from "node:buffer";
import { createSecureContext, type SecureContext } from "node:tls";
import { systemClock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import { logger } from "../core/log.ts";
import { EngineConnection } from "./engine_connection.ts";
import {
  ENGINE_VARIABLE,
  engineIsOff,
  findTlsEngine,
  type NativeEngineClass,
  TlsEngine,
} from "./tls_engine.ts";
import { ENGINE_TEST_MS } from "./transport_limits.ts";
import type { Connection, Pin } from "./transport.ts";

/** What goes each way: two writes of the engine, and records that end within a read. */
const TEST_BYTES = 100_000;

const LOOPBACK = { hostname: "127.0.0.1", port: 0 } as const;

/** What is spoken in the test (ALPN). */
export const TEST_PROTOCOL = "verack-test/1";

/** What the ends of the test show and require. */
export interface TestCredentials {
  /** Certificate and private key. */
  readonly pem: { readonly cert: string; readonly key: string };
  /** The same certificate as a pin. */
  readonly pin: Pin;
  /** Another certificate for the same name. */
  readonly wrongPin: Pin;
}

/** Starts the handshake as the end that dials; it is completed by the test. */
export type TestDialer = (tcp: Deno.TcpConn) => Promise<Deno.TlsConn>;

/** Options of {@linkcode usableEngine}. */
export interface TestOptions {
  /** Looks for the engine. @default {findTlsEngine} */
  find?: typeof findTlsEngine;
  /** Called with the dialing end once the handshake is complete. */
  onHandshake?: (tls: Deno.TlsConn) => void;
}

/**
 * The engine, if it passes a test of both ends; `undefined` if not, or if it is turned off. The
 * log says which, at debug level.
 */
export async function usableEngine(
  credentials: TestCredentials,
  dial: TestDialer,
  { find = findTlsEngine, onHandshake }: TestOptions = {},
): Promise<NativeEngineClass | undefined> {
  const log = logger("transport");
  try {
    if (engineIsOff()) throw new Error(`${ENGINE_VARIABLE} is off`);
    const { pem, pin, wrongPin } = credentials;
    const context = createSecureContext({ ...pem, minVersion: "TLSv1.3" });
    const Native = find(context);
    if (Native === undefined) throw new Error("this Deno has another engine");
    const end = (of: SecureContext | Pin) => () =>
      new TlsEngine(Native, of, TEST_PROTOCOL);
    await testAccepting(end(context), dial, onHandshake);
    using listener = Deno.listenTls({
      ...LOOPBACK,
      ...pem,
      alpnProtocols: [TEST_PROTOCOL],
    });
    await testDialing(end(pin), listener, pin);
    await testWrongPin(end(wrongPin), listener);
    log.debug("TLS connections are dialed and accepted by the engine");
    return Native;
  } catch (error) {
    const because = messageOf(error);
    log.debug(
      "TLS connections are dialed by Deno.startTls and accepted over streams",
      {
        because,
      },
    );
    return undefined;
  }
}

/**
 * Accepts a connection by the engine, has bytes sent both ways, and closes it; throws if anything
 * is not as it should be.
 */
async function testAccepting(
  make: () => TlsEngine,
  dial: TestDialer,
  onHandshake: ((tls: Deno.TlsConn) => void) | undefined,
): Promise<void> {
  using listener = Deno.listen(LOOPBACK);
  const { port } = listener.addr;
  using tcp = await Deno.connect({ hostname: LOOPBACK.hostname, port });
  const socket = await listener.accept();
  for (const end of [tcp, socket]) end.setNoDelay(true);
  const accepted = EngineConnection.overTcp(socket);
  using _deadline = deadline(() => {
    accepted.close();
    tcp[Symbol.dispose]();
  });
  const dialing = dial(tcp);
  try {
    const tls = await dialing;
    const [agreed] = await Promise.all([
      accepted.handshake(make),
      tls.handshake(),
    ]);
    onHandshake?.(tls);
    check(agreed === TEST_PROTOCOL, "agrees on no protocol");
    await exchange(accepted, tls);
    accepted.close();
    check(await tls.read(new Uint8Array(1)) === null, "does not end");
  } finally {
    accepted.close();
    await dialing.then((tls) => tls[Symbol.dispose](), () => {});
  }
}

/** The same with a connection that the engine dials, pinned to what `listener` shows. */
async function testDialing(
  make: () => TlsEngine,
  listener: Deno.TlsListener,
  { certificate }: Pin,
): Promise<void> {
  using pair = await connectTo(listener);
  const { dialed, accepted } = pair;
  const engine = make();
  await Promise.all([dialed.dial(engine), accepted.handshake()]);
  const shown = engine.peerCertificate;
  check(shown !== undefined && isSame(shown, certificate), "shows no pin");
  check(engine.protocol === TEST_PROTOCOL, "agrees on no protocol");
  await exchange(dialed, accepted);
  dialed.close();
  check(await accepted.read(new Uint8Array(1)) === null, "does not end");
}

/** Throws if the engine takes the certificate of `listener` for another. */
async function testWrongPin(
  make: () => TlsEngine,
  listener: Deno.TlsListener,
): Promise<void> {
  using pair = await connectTo(listener);
  const accepting = pair.accepted.handshake().catch(() => {});
  const refusal = await pair.dialed.dial(make()).then(() => "", messageOf);
  check(/^invalid peer certificate/.test(refusal), "takes any certificate");
  await accepting;
}

/** A connection to `listener` that the engine is to dial. */
async function connectTo(listener: Deno.TlsListener) {
  const { port } = listener.addr as Deno.NetAddr;
  const tcp = await Deno.connect({ hostname: LOOPBACK.hostname, port });
  tcp.setNoDelay(true);
  const dialed = EngineConnection.overTcp(tcp);
  const accepted = await listener.accept();
  const close = () => {
    dialed.close();
    accepted[Symbol.dispose]();
  };
  const limit = deadline(close);
  return {
    dialed,
    accepted,
    [Symbol.dispose]() {
      limit[Symbol.dispose]();
      close();
    },
  };
}

/** Calls `onTimeout` if it is not disposed of in time. */
function deadline(onTimeout: () => void): Disposable {
  return { [Symbol.dispose]: systemClock.after(ENGINE_TEST_MS, onTimeout) };
}

type Bytewise = Pick<Connection, "read" | "write">;

/** Has bytes sent both ways, one after the other; throws if they change. */
async function exchange(one: Bytewise, other: Bytewise): Promise<void> {
  const bytes = testBytes();
  await Promise.all([sendAll(other, bytes), expectBytes(one, bytes)]);
  await Promise.all([sendAll(one, bytes), expectBytes(other, bytes)]);
}

/** Bytes that repeat at no multiple of the sizes of records and writes. */
function testBytes(): Uint8Array {
  const bytes = new Uint8Array(TEST_BYTES);
  let filled = 251;
  for (let i = 0; i < filled; i++) bytes[i] = i;
  for (; filled < TEST_BYTES; filled *= 2) bytes.copyWithin(filled, 0, filled);
  return bytes;
}

function check(isRight: boolean, fault: string): void {
  if (!isRight) throw new Error(`the TLS engine ${fault}`);
}

async function sendAll(end: Bytewise, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await end.write(bytes.subarray(at));
  }
}

async function expectBytes(
  end: Bytewise,
  expected: Uint8Array,
): Promise<void> {
  const got = new Uint8Array(expected.length);
  for (let at = 0; at < got.length;) {
    const count = await end.read(got.subarray(at));
    check(count !== null, "ends too early");
    at += count ?? 0;
  }
  check(isSame(got, expected), "changes bytes");
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
