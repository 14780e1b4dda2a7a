/**
 * The TLS engine inside `node:tls`, without the streams around it: ciphertext in, plaintext out,
 * and back, with no socket and no event loop. This is the one file that knows it.
 *
 * The engine is no public API. It is the class `TLSWrap` of Deno (2.9.6,
 * `ext/node/ops/tls_wrap.rs`), rustls inside, made for a socket that is a JavaScript stream.
 * {@linkcode findTlsEngine} looks for its methods, `usable_engine.ts` tries them before they
 * are used, and `tls_connection.ts` serves where either fails.
 */
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { writePem } from "../core/pem.ts";
import { MAX_CIPHERTEXT_BYTES, WRITE_BLOCK_BYTES } from "./transport_limits.ts";
import type { Pin } from "./transport.ts";

/** What is used of Deno's class. */
interface NativeEngine {
  initServerTls(context: unknown): number;
  initClientTls(serverName: string, context: unknown): number;
  setAlpnProtocols(names: readonly string[]): void;
  attachJsStream(): number;
  setHandle(handle: NativeEngine): void;
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  start(): number;
  readBuffer(ciphertext: Uint8Array): void;
  writeBuffer(request: object, plaintext: Uint8Array): number;
  drainEncOut(): Uint8Array;
  shutdown(request: object): number;
  destroySsl(): void;
  getBytesRead(): number;
  getAlpnNegotiatedProtocol(out: { alpnProtocol?: string | false }): number;
  getPeerCertificateChain(): { certificates: Uint8Array[] } | null;
  onread: () => void;
  onhandshakedone: () => void;
  onerror: (error: Error) => void;
}

/** Deno's class, as {@linkcode findTlsEngine} gives it to {@linkcode TlsEngine}. */
export type NativeEngineClass = new (kind: number, id: number) => NativeEngine;

const METHODS: readonly (keyof NativeEngine)[] = [
  "initServerTls",
  "initClientTls",
  "setAlpnProtocols",
  "attachJsStream",
  "setHandle",
  "useUserBuffer",
  "readStart",
  "start",
  "readBuffer",
  "writeBuffer",
  "drainEncOut",
  "shutdown",
  "destroySsl",
  "getBytesRead",
  "getAlpnNegotiatedProtocol",
  "getPeerCertificateChain",
];

/** The engine's kinds of an end; its id is for tracing only. */
const CLIENT = 0;
const SERVER = 1;

/** What the engine encrypts in one turn (`MAX_CLEAR_IN`); it drops the rest at the next write. */
const TURN_BYTES = 49_152;

/**
 * Where engines put what they decrypt, to be copied away at once. Every piece begins at 0, so one
 * call must never decrypt more than this: what is read at once, and the 16 KiB that were left of
 * a record.
 */
const plain = new Uint8Array(2 * MAX_CIPHERTEXT_BYTES);

const NOTHING = new Uint8Array(0);

/** What would be called at the end of a write. */
const NO_REQUEST = {};

/** Turns the engine off if it is `off`. */
export const ENGINE_VARIABLE = "VERACK_TLS_ENGINE";

/** Whether the environment turns the engine off; false where it may not be read. */
export function engineIsOff(): boolean {
  const permission = { name: "env", variable: ENGINE_VARIABLE } as const;
  return Deno.permissions.querySync(permission).state === "granted" &&
    Deno.env.get(ENGINE_VARIABLE) === "off";
}

/** Deno's class, or `undefined` where it has none with all methods. */
export function findTlsEngine(
  secureContext: SecureContext,
): NativeEngineClass | undefined {
  // Without a socket it does nothing.
  const socket = new TLSSocket(undefined as never, {
    isServer: true,
    secureContext,
  });
  const native = Reflect.get(socket, "_handle")?.constructor;
  socket.destroy();
  return isEngine(native) ? native : undefined;
}

/** Whether `native` is a class with all methods in use. */
export function isEngine(native: unknown): native is NativeEngineClass {
  return typeof native === "function" &&
    METHODS.every((name) => typeof native.prototype?.[name] === "function");
}

/**
 * One end of one TLS 1.3 connection. {@linkcode free} must be called: an engine that is only
 * dropped is never collected. The callbacks of Deno's class only note what happened; calling
 * the engine from within one is not safe.
 */
export class TlsEngine {
  readonly #native: NativeEngine;
  #isSecure = false;
  #hasEnded = false;
  #error: Error | undefined;
  /** Bytes decrypted so far, by the engine's own count. */
  #decrypted = 0;
  /** Where plaintext goes first, and how much is there. */
  #into: Uint8Array = NOTHING;
  #filled = 0;
  /** Plaintext that did not fit. */
  #rest: Uint8Array = NOTHING;

  /**
   * An engine that speaks `protocol` (ALPN): the accepting end with a context of certificate and
   * key, or the dialing end with the certificate that it requires of the other.
   */
  constructor(
    Native: NativeEngineClass,
    end: SecureContext | Pin,
    protocol: string,
  ) {
    const isDialer = "certificate" in end;
    const native = new Native(isDialer ? CLIENT : SERVER, 0);
    const code = isDialer
      ? native.initClientTls(end.serverName, nativeContext(pinnedContext(end)))
      : native.initServerTls(nativeContext(end));
    if (code !== 0) throw new Error("TLS cannot be set up");
    native.setAlpnProtocols([protocol]);
    native.onread = () => this.#onRead();
    native.onhandshakedone = () => {
      this.#isSecure = true;
    };
    native.onerror = (error) => {
      this.#error ??= inWordsOfRustls(error);
    };
    native.attachJsStream();
    native.setHandle(native);
    native.useUserBuffer(plain);
    // Takes `onread` as it is now.
    native.readStart();
    // Before it has started, it cannot be freed.
    native.start();
    this.#native = native;
  }

  /** Whether the handshake is complete. */
  get isSecure(): boolean {
    return this.#isSecure;
  }

  /** Whether the other end has said that nothing more comes. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Why it no longer works, such as an alert or a forged record. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** The protocol that was agreed (ALPN). */
  get protocol(): string | undefined {
    const out: { alpnProtocol?: string | false } = {};
    this.#native.getAlpnNegotiatedProtocol(out);
    return out.alpnProtocol || undefined;
  }

  /** The end-entity certificate that the other end has shown, DER; a listener shows one. */
  get peerCertificate(): Uint8Array | undefined {
    return this.#native.getPeerCertificateChain()?.certificates[0];
  }

  /**
   * Takes at most {@linkcode MAX_CIPHERTEXT_BYTES}, and decrypts into `into`, which may be the same
   * memory; returns the number of bytes there. {@linkcode take} gives what did not fit.
   */
  decrypt(ciphertext: Uint8Array, into: Uint8Array): number {
    this.#into = into;
    this.#filled = 0;
    this.#native.readBuffer(ciphertext);
    this.#into = NOTHING;
    return this.#filled;
  }

  /** Moves plaintext that is left from before into `into`; returns the number of bytes. */
  take(into: Uint8Array): number {
    const rest = this.#rest;
    const count = Math.min(rest.length, into.length);
    if (count === 0) return 0;
    into.set(count === rest.length ? rest : rest.subarray(0, count));
    this.#rest = count === rest.length ? NOTHING : rest.subarray(count);
    return count;
  }

  /** Encrypts at most `WRITE_BLOCK_BYTES`; returns all that is to be sent now. */
  encrypt(plaintext: Uint8Array): Uint8Array {
    if (plaintext.length > WRITE_BLOCK_BYTES) {
      throw new RangeError(
        `${plaintext.length} bytes at once, must be at most ${WRITE_BLOCK_BYTES}`,
      );
    }
    if (this.#native.writeBuffer(NO_REQUEST, plaintext) !== 0) {
      this.#error ??= new Error("TLS cannot encrypt");
    }
    if (plaintext.length > TURN_BYTES) this.#native.readBuffer(NOTHING);
    return this.#native.drainEncOut();
  }

  /** What the handshake, or an alert, has to send; empty if nothing. */
  drain(): Uint8Array {
    return this.#native.drainEncOut();
  }

  /** Says that nothing more is to come; returns what is to be sent for it. */
  end(): Uint8Array {
    this.#native.shutdown(NO_REQUEST);
    return this.#native.drainEncOut();
  }

  /** Frees its memory; nothing may be called afterwards. */
  free(): void {
    this.#rest = NOTHING;
    this.#native.destroySsl();
  }

  /** Called within `readBuffer` with each piece that is in `plain`, and at the end with none. */
  #onRead(): void {
    const decrypted = this.#native.getBytesRead();
    const count = decrypted - this.#decrypted;
    this.#decrypted = decrypted;
    if (count <= 0) {
      this.#hasEnded = true;
      return;
    }
    if (count > plain.length) {
      this.#error ??= new Error(`TLS decrypted ${count} bytes at once`);
      return;
    }
    const into = this.#into;
    const fitting = this.#rest.length > 0
      ? 0
      : Math.min(count, into.length - this.#filled);
    if (fitting > 0) {
      into.set(plain.subarray(0, fitting), this.#filled);
      this.#filled += fitting;
    }
    if (fitting < count) this.#keep(plain.subarray(fitting, count));
  }

  #keep(more: Uint8Array): void {
    const rest = this.#rest;
    if (rest.length === 0) {
      this.#rest = more.slice();
      return;
    }
    this.#rest = new Uint8Array(rest.length + more.length);
    this.#rest.set(rest);
    this.#rest.set(more, rest.length);
  }
}

/** The one authority is the pin itself, none of Deno's or of the environment. */
function pinnedContext({ certificate }: Pin): SecureContext {
  const ca = writePem("CERTIFICATE", certificate);
  return createSecureContext({ ca, minVersion: "TLSv1.3" });
}

/** What the native methods take of a context. */
function nativeContext(context: SecureContext): unknown {
  return Reflect.get(context, "context");
}

/**
 * An error about a certificate begins as rustls begins it, so that one table explains all errors
 * (`tls_errors.ts`). Deno gives only these a code of Node that does not begin with `ERR_SSL_`.
 */
function inWordsOfRustls(error: Error): Error {
  const code = "code" in error ? `${error.code}` : "ERR_SSL_";
  if (code.startsWith("ERR_SSL_")) return error;
  const message = `invalid peer certificate: ${error.message}`;
  return new Error(message, { cause: error });
}
