/** Setting up, connecting and driving connections, for the contract suite and others. */
import { assertEquals, assertRejects } from "@std/assert";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { type ErrorCode, VerackError } from "../../src/core/errors.ts";
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
  /** The dialing end. */
  readonly dialer: Transport;
  /** The listening end. */
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

/** A real clock whose timers can be cancelled: packets under way when a test ends are dropped. */
export function clockThatEnds(): {
  readonly clock: Clock;
  readonly cancel: () => void;
} {
  const cancels = new Set<() => void>();
  const clock: Clock = {
    ...systemClock,
    after(delayMs, callback) {
      const cancel = systemClock.after(delayMs, () => {
        cancels.delete(cancel);
        callback();
      });
      cancels.add(cancel);
      return cancel;
    },
  };
  return { clock, cancel: () => cancels.forEach((cancel) => cancel()) };
}

/** Registers one test of the suite. */
export type ContractTest = (
  does: string,
  run: (setup: ContractSetup) => Promise<void>,
) => void;

/**
 * More than any kernel's socket buffers: who takes more from a writer while nobody
 * reads is keeping it in our memory.
 */
export const MAX_UNREAD_BYTES = 32 * 1024 * 1024;

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
  connection: Pick<Connection, "read">,
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
export function pattern(length: number, salt: number = 0): Uint8Array {
  return Uint8Array.from(
    { length },
    (_, i) => (i * 31 + (i >> 8) * 17 + salt) & 0xff,
  );
}

/** Whether two arrays hold the same bytes; quicker than comparing with assertEquals. */
export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** What to listen with. */
export function options(setup: ContractSetup): { credentials?: Credentials } {
  return setup.credentials === undefined
    ? {}
    : { credentials: setup.credentials };
}

/** Listens on `port`, by default any. */
export function listen(
  setup: ContractSetup,
  port: number = 0,
): Promise<Listener> {
  return setup.listener.listen({ host: setup.host, port }, options(setup));
}

/** Dials `listener` with the right pin. */
export function dial(
  setup: ContractSetup,
  listener: Listener,
  signal?: AbortSignal,
): Promise<Connection> {
  return setup.dialer.dial(listener.address, {
    ...(setup.pin === undefined ? {} : { pin: setup.pin }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** The next incoming connection. */
export async function accept(listener: Listener): Promise<Incoming> {
  const incoming = await listener.accept();
  if (incoming === null) throw new Error("Listener closed");
  return incoming;
}

/** One connection through `listener`, both ends. */
export async function connectTo(
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

/** A listener and one connection through it; disposing of it closes all three. */
export async function connect(setup: ContractSetup, signal?: AbortSignal) {
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

/** `value`, closed at the end of the block. */
export function disposable<T extends { close(): void }>(value: T) {
  return { value, [Symbol.dispose]: () => value.close() };
}

/** Reads until the stream is over, whatever way, and closes. */
export async function ended(connection: Connection): Promise<string> {
  await drain(connection).catch(() => {});
  connection.close();
  return "ended";
}

/** Reads to the end and says how much there was. */
export async function drain(connection: Connection): Promise<number> {
  const buffer = new Uint8Array(65_536);
  let total = 0;
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return total;
    total += count;
  }
}

/** Writes until told to stop; `blocked` resolves when nothing more goes in. */
export function fill(connection: Connection) {
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
