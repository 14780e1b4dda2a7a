/**
 * Opens simulated connections: a listener's queue, and an exchange in the place of the TLS
 * handshake, with the same number of round trips: `syn` →, `hello` ← when it is opened,
 * `finished` →.
 */
import type { ErrorCode } from "../core/errors.ts";
import { MAX_ACCEPT_BACKLOG } from "../transport/transport_limits.ts";
import type { Address } from "../transport/address.ts";
import { abortError, failure } from "../transport/net_errors.ts";
import { sameBytes } from "../transport/tls_safety.ts";
import type {
  Connection,
  Credentials,
  Incoming,
  Listener,
  Pin,
} from "../transport/transport.ts";
import type { MemoryEnd } from "./memory_end.ts";

const NO_CERTIFICATE = new Uint8Array();

/** Both sides of one handshake. As `Incoming` it is what the listener accepts. */
export class MemoryHandshake implements Incoming {
  readonly remoteAddress: Address;
  readonly #ours: MemoryEnd;
  readonly #theirs: MemoryEnd;
  readonly #address: Address;
  readonly #pin: Pin | "any" | undefined;
  /** Of the listener; absent if it proves nothing. */
  #credentials: Credentials | undefined;
  #isHandedOver = false;
  #isTaken = false;
  readonly #dialed = Promise.withResolvers<Uint8Array<ArrayBuffer>>();

  /** `ends` are the dialer's and the listener's; `pin` is `any` to accept any certificate. */
  constructor(
    ends: readonly [MemoryEnd, MemoryEnd],
    address: Address,
    pin: Pin | "any" | undefined,
  ) {
    [this.#ours, this.#theirs] = ends;
    this.remoteAddress = this.#theirs.remoteAddress;
    this.#address = address;
    this.#pin = pin;
  }

  // --- The dialer ------------------------------------------------------------

  /** Resolves with the certificate that was shown once the handshake is complete. */
  async dial(
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array<ArrayBuffer>> {
    using _abort = onAbort(
      signal,
      (signal) =>
        this.#dialed.reject(abortError(signal, "dial", this.#address)),
    );
    try {
      return await this.#dialed.promise;
    } catch (error) {
      this.#ours.close();
      if (!this.#isHandedOver) this.#theirs.vanish("never accepted");
      throw error;
    }
  }

  /** The dial failed; `detail` says how. */
  fail(code: ErrorCode, detail: string): void {
    this.#dialed.reject(failure(code, "dial", this.#address, detail));
  }

  // --- The listener ----------------------------------------------------------

  /** The `syn` reached a host that is up; `listener` has the port, if any. */
  arrive(listener: MemoryListener | undefined): void {
    if (this.#ours.gone) return; // The dial was aborted meanwhile.
    const { lane } = this.#theirs;
    if (listener === undefined) {
      this.#theirs.vanish("nothing listens");
      lane.send(
        "reset",
        0,
        () => this.fail("connection-refused", "nothing listens there"),
      );
      return;
    }
    this.#credentials = listener.credentials;
    // If the queue is full, the packet is lost.
    this.#isHandedOver = listener.add(this);
    if (this.#isHandedOver && listener.credentials === undefined) {
      lane.send("hello", 0, () => this.#dialed.resolve(NO_CERTIFICATE));
    }
  }

  async open(signal?: AbortSignal): Promise<Connection> {
    const { remoteAddress } = this;
    if (this.#isTaken || this.#theirs.gone) {
      throw failure("closed", "accept", remoteAddress, "already dropped");
    }
    if (signal?.aborted) {
      this.close();
      throw abortError(signal, "accept", remoteAddress);
    }
    this.#isTaken = true;
    if (this.#credentials === undefined) return this.#theirs;
    const finished = Promise.withResolvers<void>();
    using _abort = onAbort(
      signal,
      (signal) => finished.reject(abortError(signal, "accept", remoteAddress)),
    );
    const hungUp = "the other end hung up";
    this.#theirs.onHangUp(() =>
      finished.reject(failure("closed", "accept", remoteAddress, hungUp))
    );
    const { certificate } = this.#credentials;
    this.#theirs.lane.send(
      "hello",
      certificate.length,
      () => this.#onHello(certificate, finished.resolve),
    );
    try {
      await finished.promise;
      return this.#theirs;
    } catch (error) {
      this.#drop();
      throw error;
    } finally {
      this.#theirs.onHangUp(undefined);
    }
  }

  close(): void {
    if (this.#isTaken) return;
    this.#isTaken = true;
    this.#drop();
  }

  /** The listener's certificate has arrived at the dialer. */
  #onHello(certificate: Uint8Array<ArrayBuffer>, finish: () => void): void {
    if (this.#ours.gone) return;
    const isExpected = this.#pin === "any" || this.#pin === undefined ||
      sameBytes(certificate, this.#pin.certificate);
    if (isExpected) {
      this.#dialed.resolve(certificate);
      this.#ours.lane.send("finished", 0, finish);
    } else {
      this.fail(
        "wrong-certificate",
        "the other end shows another certificate than the pinned one",
      );
    }
  }

  #drop(): void {
    this.#theirs.vanish("the connection was closed here");
    this.#theirs.lane.send("reset", 0, () => {
      this.fail("closed", "the other end hung up");
      this.#ours.reset();
    });
  }
}

/** Accepts simulated connections. */
export class MemoryListener implements Listener {
  readonly address: Address;
  readonly credentials: Credentials | undefined;
  readonly #onClose: () => void;
  readonly #arrived: Incoming[] = [];
  #waiting: ((incoming: Incoming | null) => void) | undefined;
  #isClosed = false;

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
    if (this.#isClosed) return Promise.resolve(null);
    const next = this.#arrived.shift();
    if (next !== undefined) return Promise.resolve(next);
    return new Promise((resolve) => this.#waiting = resolve);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClose();
    for (const incoming of this.#arrived.splice(0)) incoming.close();
    this.#waiting?.(null);
    this.#waiting = undefined;
  }

  /** Queues a connection; false when there is no room. */
  add(incoming: Incoming): boolean {
    if (this.#arrived.length >= MAX_ACCEPT_BACKLOG) return false;
    if (this.#waiting === undefined) this.#arrived.push(incoming);
    else this.#waiting(incoming);
    this.#waiting = undefined;
    return true;
  }
}

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
