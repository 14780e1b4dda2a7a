/**
 * The first contact: which certificate is shown at an address, over `node:tls`, which can be
 * aborted and does not need to know the name in it.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";
import { writePem } from "../core/pem.ts";
import type { Address } from "./address.ts";
import { failure, netError } from "./net_errors.ts";
import { connectTcp } from "./tcp.ts";
import { TcpStream } from "./tls_connection.ts";
import { ALPN_PROTOCOL, foreignProtocol, NOT_VERACK } from "./tls_errors.ts";
import { PROBE_CERTIFICATE } from "./tls_safety.ts";
import { MAX_CERTIFICATE_BYTES } from "./transport_limits.ts";

/** Bytes kept of the other end's first ones, to name its protocol if that is not TLS. */
const GREETING_BYTES = 64;

/**
 * The end-entity certificate shown at `address`, DER, for the first contact with it. It is not
 * trusted: nothing but a pinned dial proves that the other end holds the key. (In Deno 2.9.6
 * `node:tls` even takes an X.509 v1 certificate with another node's key in it for good,
 * signature unchecked.)
 */
export async function fetchCertificate(
  address: Address,
  options: { signal?: AbortSignal },
): Promise<Uint8Array<ArrayBuffer>> {
  const { signal } = options;
  const tcp = new TcpStream(await connectTcp(address, signal));
  const greeting = recordGreeting(tcp);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal?.reason);
  let socket: TLSSocket | undefined;
  try {
    socket = connect({
      socket: tcp,
      // No server name is sent, since the identity is not known yet.
      servername: "",
      rejectUnauthorized: false,
      // Any authority is enough: with none at all in the process, as in the command line, Deno
      // 2.9.6 refuses in spite of the line above.
      ca: writePem("CERTIFICATE", PROBE_CERTIFICATE),
      minVersion: "TLSv1.3",
      ALPNProtocols: [ALPN_PROTOCOL],
    });
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
    socket.once("secureConnect", () => resolve());
    // Stays for as long as the socket does: an error without a listener ends the process.
    socket.on("error", reject);
    tcp.on("error", reject);
    const hungUp = () => {
      const detail = greeting().length > 0
        ? "the other end hung up"
        : "the other end hung up instead of answering the TLS handshake: it is full or shutting down, or not a verack node";
      reject(failure("closed", "dial", address, detail));
    };
    socket.once("close", hungUp);
    tcp.once("end", hungUp);
    await promise;
    const shown = shownCertificate(socket, address);
    // One turn of the event loop to send our half of the handshake, or the other end reports a
    // failed one.
    socket.end();
    await nextTurn();
    return shown;
  } catch (error) {
    const foreign = foreignProtocol(greeting());
    if (foreign !== undefined && !signal?.aborted) {
      throw failure("tls", "dial", address, foreign, { cause: error });
    }
    throw netError(error, "dial", address, signal);
  } finally {
    signal?.removeEventListener("abort", onAbort);
    socket?.destroy();
    tcp.destroy();
  }
}

/** Keeps the first bytes that are read from `stream`. */
function recordGreeting(stream: TcpStream): () => Uint8Array {
  const kept = new Uint8Array(GREETING_BYTES);
  let length = 0;
  const push = stream.push.bind(stream);
  stream.push = (chunk: Uint8Array | null, encoding) => {
    if (chunk !== null && length < GREETING_BYTES) {
      const part = chunk.subarray(0, GREETING_BYTES - length);
      kept.set(part, length);
      length += part.length;
    }
    return push(chunk, encoding);
  };
  return () => kept.subarray(0, length);
}

function shownCertificate(
  socket: TLSSocket,
  address: Address,
): Uint8Array<ArrayBuffer> {
  if (socket.alpnProtocol !== ALPN_PROTOCOL) {
    throw failure("alpn", "dial", address, NOT_VERACK);
  }
  const { raw } = socket.getPeerCertificate();
  if (raw === undefined) {
    throw failure("tls", "dial", address, "the other end shows no certificate");
  }
  if (raw.length > MAX_CERTIFICATE_BYTES) {
    const detail =
      `certificate has ${raw.length} bytes, must be at most ${MAX_CERTIFICATE_BYTES}`;
    throw failure("bad-certificate", "dial", address, detail);
  }
  return Uint8Array.from(raw);
}
