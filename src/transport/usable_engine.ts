/**
 * Whether the TLS engine of this version of Deno does what {@linkcode EngineConnection} expects of
 * it: tried over loopback, before a connection of a peer depends on it.
 */
import { Buffer } from "node:buffer";
import { createSecureContext } from "node:tls";
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
import type { Connection } from "./transport.ts";

/** What goes each way: two writes of the engine, and records that end within a read. */
const TEST_BYTES = 100_000;

/** What is spoken in the test (ALPN). */
export const TEST_PROTOCOL = "verack-test/1";

/** Certificate and private key. */
interface Pem {
  readonly cert: string;
  readonly key: string;
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
 * The engine, if it passes {@linkcode testEngine}; `undefined` if not, or if it is turned off.
 * The log says which, at debug level.
 */
export async function usableEngine(
  pem: Pem,
  dial: TestDialer,
  { find = findTlsEngine, onHandshake }: TestOptions = {},
): Promise<NativeEngineClass | undefined> {
  const log = logger("transport");
  try {
    if (engineIsOff()) throw new Error(`${ENGINE_VARIABLE} is off`);
    const context = createSecureContext({ ...pem, minVersion: "TLSv1.3" });
    const Native = find(context);
    if (Native === undefined) throw new Error("this Deno has another engine");
    const make = () => new TlsEngine(Native, context, TEST_PROTOCOL);
    await testEngine(make, dial, onHandshake);
    log.debug("TLS connections are accepted by the engine");
    return Native;
  } catch (error) {
    const because = messageOf(error);
    log.debug("TLS connections are accepted over streams", { because });
    return undefined;
  }
}

/**
 * Accepts a connection by the engine, has bytes sent both ways, and closes it; throws if anything
 * is not as it should be.
 */
async function testEngine(
  make: () => TlsEngine,
  dial: TestDialer,
  onHandshake: ((tls: Deno.TlsConn) => void) | undefined,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  using tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  const socket = await listener.accept();
  for (const end of [tcp, socket]) end.setNoDelay(true);
  const accepted = new EngineConnection(socket);
  const cancel = systemClock.after(ENGINE_TEST_MS, () => {
    accepted.close();
    tcp[Symbol.dispose]();
  });
  const dialing = dial(tcp);
  try {
    const bytes = testBytes();
    const tls = await dialing;
    const [agreed] = await Promise.all([
      accepted.handshake(make),
      tls.handshake(),
    ]);
    onHandshake?.(tls);
    check(agreed === TEST_PROTOCOL, "agrees on no protocol");
    await Promise.all([sendAll(tls, bytes), expectBytes(accepted, bytes)]);
    await Promise.all([sendAll(accepted, bytes), expectBytes(tls, bytes)]);
    accepted.close();
    check(await tls.read(new Uint8Array(1)) === null, "does not end");
  } finally {
    cancel();
    accepted.close();
    await dialing.then((tls) => tls[Symbol.dispose](), () => {});
  }
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

async function sendAll(
  end: Pick<Connection, "write">,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await end.write(bytes.subarray(at));
  }
}

async function expectBytes(
  end: Pick<Connection, "read">,
  expected: Uint8Array,
): Promise<void> {
  const got = new Uint8Array(expected.length);
  for (let at = 0; at < got.length;) {
    const count = await end.read(got.subarray(at));
    check(count !== null, "ends too early");
    at += count ?? 0;
  }
  check(Buffer.compare(got, expected) === 0, "changes bytes");
}
