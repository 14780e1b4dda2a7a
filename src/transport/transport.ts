/**
 * The interfaces between verack and the network: connections, listeners and the transports that
 * make them. TLS, TCP and in-memory implement it and pass one contract suite
 * (`tests/contract/`). Other folders use no sockets.
 */
import type { Address } from "./address.ts";

/**
 * Bytes both ways. One reader and one writer at a time; the part that
 * is given a connection closes it.
 */
export interface Connection {
  /** Our end. */
  readonly localAddress: Address;
  /** The other end as reported by the socket: IP and, for inbound, a source port. */
  readonly remoteAddress: Address;
  /**
   * Reads into `buffer`: the number of bytes read (at least 1), or `null` at the
   * end of the stream.
   *
   * @throws {VerackError} `closed` when the connection broke or {@linkcode close} was called.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /**
   * Writes some of `data` and says how much (at least 1 unless `data` is empty).
   * `data` must not change until the promise settles.
   *
   * @throws {VerackError} `closed` when the connection broke or {@linkcode close} was called.
   */
  write(data: Uint8Array): Promise<number>;
  /** Closes both directions at once; pending reads and writes reject. Idempotent. */
  close(): void;
}

/** The credentials of a listener. */
export interface Credentials {
  /** Certificate, X.509 DER. */
  readonly certificate: Uint8Array<ArrayBuffer>;
  /** Private key, PKCS#8 PEM. */
  readonly privateKeyPem: string;
}

/** The certificate that a dialer requires. Transports without security ignore it. */
export interface Pin {
  /** The one acceptable certificate, X.509 DER, already verified by `identity/`. */
  readonly certificate: Uint8Array<ArrayBuffer>;
  /** The DNS name in that certificate, under `.invalid`. */
  readonly serverName: string;
}

/** Accepts connections until closed. */
export interface Listener {
  /** Where it listens (the port is never 0). */
  readonly address: Address;
  /** What runs TLS, `tls_engine.ts` or `tls_connection.ts`, see `docs/architecture.md`; absent where there is none. */
  readonly tls?: "engine" | "streams";
  /**
   * To be called again only once it has resolved: the next connection, its security layer NOT yet negotiated (see
   * {@linkcode Incoming.open}), or `null` once the listener is closed. Survives
   * passing errors such as running out of descriptors.
   */
  accept(): Promise<Incoming | null>;
  /** Stops listening; a pending {@linkcode accept} resolves to `null`. Idempotent. */
  close(): void;
}

/** A connection that has arrived and is not negotiated yet. */
export interface Incoming {
  /** The other end: IP and source port. */
  readonly remoteAddress: Address;
  /**
   * Negotiates the security layer, if there is one. On failure or abort the
   * socket is closed before the promise rejects.
   *
   * @throws {VerackError} `tls`, `alpn`, `closed`, `timeout`, `aborted`.
   */
  open(signal?: AbortSignal): Promise<Connection>;
  /** Closes it without an answer. Idempotent. */
  close(): void;
}

/**
 * The security of a transport over a connection that exists already, such as a stream through
 * another node: the same promises as those of a dial and of an accepted connection. It owns the
 * carrier from the call on, and has closed it before a promise rejects.
 */
export interface Overlay {
  /**
   * Dials; resolves once the other end has proven the pin.
   *
   * @throws {VerackError} `timeout`, `aborted`, `closed`, `tls`, `alpn`, `wrong-certificate`.
   */
  dial(
    carrier: Connection,
    options: { readonly pin?: Pin; readonly signal?: AbortSignal },
  ): Promise<Connection>;
  /**
   * Accepts.
   *
   * @throws {VerackError} `timeout`, `aborted`, `closed`, `tls`, `alpn`; over TLS `bad-key` and
   * `mismatched-key`.
   */
  accept(
    carrier: Connection,
    options: {
      readonly credentials?: Credentials;
      readonly signal?: AbortSignal;
    },
  ): Promise<Connection>;
}

/** Makes connections and listeners of one kind. */
export interface Transport {
  /** Whether {@linkcode dial} proves that the other end holds the pinned key. */
  readonly secure: boolean;
  /**
   * Its security over other connections; absent where that is not possible. That of TLS needs the
   * TLS engine, and is absent until {@linkcode dial} or {@linkcode listen} was called.
   */
  readonly overlay?: Overlay | undefined;
  /**
   * Connects to `address`; resolves once the other end has proven the pin.
   *
   * Aborting frees the socket. An abort whose reason is a `TimeoutError` is
   * reported as `timeout`, any other as `aborted`.
   *
   * @throws {VerackError} `connection-refused`, `unreachable`, `dns`, `timeout`, `aborted`,
   * `permission`, `closed`, `tls`, `alpn`, `wrong-certificate`.
   */
  dial(
    address: Address,
    options: { pin?: Pin; signal?: AbortSignal },
  ): Promise<Connection>;
  /**
   * Fetches the certificate shown at `address`, X.509 DER, at most `MAX_CERTIFICATE_BYTES`. It
   * is NOT trusted: it may be forged, and only {@linkcode dial} with it as a pin proves
   * anything.
   *
   * @throws {VerackError} as {@linkcode dial}, and `bad-certificate` when it is
   * larger. Transports that are not {@linkcode secure} throw `tls`.
   */
  fetchCertificate(
    address: Address,
    options: { signal?: AbortSignal },
  ): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Starts to listen.
   *
   * @throws {VerackError} `address-in-use`, `address-not-available`, `permission`,
   * `dns`, and over TLS `bad-key`, `mismatched-key`, `unsafe`.
   */
  listen(
    address: Address,
    options: { credentials?: Credentials },
  ): Promise<Listener>;
}
