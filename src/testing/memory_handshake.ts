/**
 * How a simulated connection comes about: a listener's queue, and the exchange
 * that stands for the TLS handshake. It takes the round trips of the real one:
 * `syn` →, `hello` ← when it is opened, `finished` →.
 */
import type { ErrorCode } from "../core/errors.ts";
import { MAX_ACCEPT_BACKLOG } from "../transport/transport_limits.ts";
import type { Address } from "../transport/address.ts";
import type { MemoryEnd } from "./memory_link.ts";
import { abortError, failure } from "../transport/net_errors.ts";
import { sameBytes } from "../transport/tls_safety.ts";
import type {
  Connection,
  Credentials,
  Incoming,
  Listener,
  Pin,
} from "../transport/transport.ts";

const NO_CERTIFICATE = new Uint8Array();

function onAbort(
  signal: AbortSignal | undefined,
  callback: (signal: AbortSignal) => void,
): Disposable {
  const listener = () => signal && callback(signal);
  signal?.addEventListener("abort", listener, { once: true });
  return {
    [Symbol.dispose]: () => signal?.removeEventListener("abort", listener),
  };
}

/** The dialing side, from the first packet to the last of the handshake. */
export class MemoryDial {
  readonly #ends: readonly [MemoryEnd, MemoryEnd];
  readonly #address: Address;
  readonly #pin: Pin | "any" | undefined;
  /** Whether a listener has got hold of the other end. */
  #handedOver = false;
  readonly #done = Promise.withResolvers<Uint8Array<ArrayBuffer>>();

  /** `ends`: ours, then theirs. `pin` is `any` to see what is shown. */
  constructor(
    ends: readonly [MemoryEnd, MemoryEnd],
    address: Address,
    pin: Pin | "any" | undefined,
  ) {
    this.#ends = ends;
    this.#address = address;
    this.#pin = pin;
  }

  /** Resolves with the certificate that was shown once the handshake is complete. */
  async run(
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array<ArrayBuffer>> {
    using _abort = onAbort(
      signal,
      (signal) => this.#done.reject(abortError(signal, "dial", this.#address)),
    );
    try {
      return await this.#done.promise;
    } catch (error) {
      this.#ends[0].close();
      if (!this.#handedOver) this.#ends[1].vanish("never accepted");
      throw error;
    }
  }

  /** The dial failed; `detail` says how. */
  fail(code: ErrorCode, detail: string): void {
    this.#done.reject(failure(code, "dial", this.#address, detail));
  }

  /** The `syn` reached a host that is up; `listener` has the port, if any. */
  arrive(listener: MemoryListener | undefined): void {
    const [ours, theirs] = this.#ends;
    if (ours.gone) return; // Given up meanwhile.
    if (listener === undefined) {
      theirs.vanish("nobody listens");
      theirs.lane.send(
        "reset",
        0,
        () => this.fail("refused", "nothing listens there"),
      );
      return;
    }
    this.#handedOver = listener.add(
      new MemoryIncoming(theirs, this, listener.credentials),
    );
    if (!this.#handedOver) return; // queue full: the packet is lost
    if (listener.credentials === undefined) {
      theirs.lane.send("hello", 0, () => this.#done.resolve(NO_CERTIFICATE));
    }
  }

  /** Sends the dialer's half of the handshake; `arrive` runs at the listener. */
  answer(arrive: () => void): void {
    this.#ends[0].lane.send("finished", 0, arrive);
  }

  /** The listener dropped the connection, perhaps before the handshake was complete. */
  dropped(): void {
    this.fail("closed", "the other end hung up");
    this.#ends[0].reset();
  }

  /** The listener's `hello` arrived. Whether its certificate will do. */
  judge(certificate: Uint8Array<ArrayBuffer>): boolean {
    if (this.#ends[0].gone) return false;
    const good = this.#pin === "any" || this.#pin === undefined ||
      sameBytes(certificate, this.#pin.certificate);
    if (good) this.#done.resolve(certificate);
    else {
      this.fail(
        "wrong-certificate",
        "the other end shows another certificate than the pinned one",
      );
    }
    return good;
  }
}

/** Accepts simulated connections. */
export class MemoryListener implements Listener {
  readonly address: Address;
  readonly credentials: Credentials | undefined;
  readonly #onClose: () => void;
  readonly #arrived: MemoryIncoming[] = [];
  #waiting: ((incoming: Incoming | null) => void) | undefined;
  #closed = false;

  /** `onClose` frees the port. */
  constructor(
    address: Address,
    credentials: Credentials | undefined,
    onClose: () => void,
  ) {
    this.address = address;
    this.credentials = credentials;
    this.#onClose = onClose;
  }

  accept(): Promise<Incoming | null> {
    if (this.#closed) return Promise.resolve(null);
    const next = this.#arrived.shift();
    if (next !== undefined) return Promise.resolve(next);
    return new Promise((resolve) => this.#waiting = resolve);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
    for (const incoming of this.#arrived.splice(0)) incoming.close();
    this.#waiting?.(null);
    this.#waiting = undefined;
  }

  /** Queues a connection; false when there is no room. */
  add(incoming: MemoryIncoming): boolean {
    if (this.#arrived.length >= MAX_ACCEPT_BACKLOG) return false;
    if (this.#waiting === undefined) this.#arrived.push(incoming);
    else this.#waiting(incoming);
    this.#waiting = undefined;
    return true;
  }
}

class MemoryIncoming implements Incoming {
  readonly remoteAddress: Address;
  readonly #end: MemoryEnd;
  readonly #dial: MemoryDial;
  readonly #credentials: Credentials | undefined;
  #taken = false;

  constructor(
    end: MemoryEnd,
    dial: MemoryDial,
    credentials: Credentials | undefined,
  ) {
    this.#end = end;
    this.#dial = dial;
    this.#credentials = credentials;
    this.remoteAddress = end.remoteAddress;
  }

  async open(signal?: AbortSignal): Promise<Connection> {
    if (this.#taken || this.#end.gone) {
      throw failure("closed", "accept", this.remoteAddress, "already dropped");
    }
    if (signal?.aborted) {
      this.close();
      throw abortError(signal, "accept", this.remoteAddress);
    }
    this.#taken = true;
    if (this.#credentials === undefined) return this.#end;
    return await this.#handshake(this.#credentials, signal);
  }

  close(): void {
    if (this.#taken) return;
    this.#taken = true;
    this.#drop();
  }

  async #handshake(
    { certificate }: Credentials,
    signal: AbortSignal | undefined,
  ): Promise<Connection> {
    const { remoteAddress } = this;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    using _abort = onAbort(
      signal,
      (signal) => reject(abortError(signal, "accept", remoteAddress)),
    );
    this.#end.onHangUp(() =>
      reject(
        failure("closed", "accept", remoteAddress, "the other end hung up"),
      )
    );
    this.#end.lane.send("hello", certificate.length, () => {
      if (!this.#dial.judge(certificate)) return; // its close tells us
      this.#dial.answer(resolve);
    });
    try {
      await promise;
      return this.#end;
    } catch (error) {
      this.#drop();
      throw error;
    } finally {
      this.#end.onHangUp(undefined);
    }
  }

  #drop(): void {
    const dial = this.#dial;
    this.#end.vanish("the connection was closed here");
    this.#end.lane.send("reset", 0, () => dial.dropped());
  }
}
