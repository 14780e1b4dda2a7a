/**
 * A look at the certificate shown at an address, for the first contact with it.
 *
 * What is seen here is never trusted: nothing but a pinned dial proves that the
 * other end holds the key. (In Deno 2.9.6 `node:tls` even takes an X.509 v1
 * certificate with somebody else's key in it for good, signature unchecked.)
 */
import { connect, type TLSSocket } from "node:tls";
import { MAX_CERTIFICATE_BYTES } from "../limits.ts";
import type { Address } from "./address.ts";
import { ALPN_PROTOCOL } from "./alpn.ts";
import { abortError, failure, netError } from "./net_errors.ts";
import { certificatePem } from "./pem.ts";
import { PROBE_CERTIFICATE } from "./probe_certificates.ts";

/**
 * The end-entity certificate shown at `address`, DER.
 *
 * @throws {VerackError} as `Transport.dial`, and `bad-certificate` when it is
 * larger than `MAX_CERTIFICATE_BYTES`.
 */
export async function fetchCertificate(
  address: Address,
  options: { signal?: AbortSignal },
): Promise<Uint8Array<ArrayBuffer>> {
  const { signal } = options;
  if (signal?.aborted) throw abortError(signal, "dial", address);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let socket: TLSSocket;
  try {
    socket = connect({
      host: address.host,
      port: address.port,
      // No name is asked for: which one would be right is what we are about to learn.
      servername: "",
      rejectUnauthorized: false,
      // Some authority, never mind which: with none at all in the process, as the
      // command line has it, Deno 2.9.6 refuses in spite of the line above.
      ca: certificatePem(PROBE_CERTIFICATE),
      minVersion: "TLSv1.3",
      ALPNProtocols: [ALPN_PROTOCOL],
    });
  } catch (error) {
    throw netError(error, "dial", address, signal);
  }
  const onAbort = () => reject(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  socket.setNoDelay(true);
  socket.once("secureConnect", () => resolve());
  // Stays for as long as the socket does: an error without a listener ends the process.
  socket.on("error", reject);
  socket.once(
    "close",
    () => reject(failure("closed", "dial", address, "the other end hung up")),
  );
  try {
    await promise;
    return shownCertificate(socket, address);
  } catch (error) {
    throw netError(error, "dial", address, signal);
  } finally {
    signal?.removeEventListener("abort", onAbort);
    socket.destroy();
  }
}

function shownCertificate(
  socket: TLSSocket,
  address: Address,
): Uint8Array<ArrayBuffer> {
  if (socket.alpnProtocol !== ALPN_PROTOCOL) {
    throw failure(
      "alpn",
      "dial",
      address,
      `the other end does not speak ${ALPN_PROTOCOL}`,
    );
  }
  const { raw } = socket.getPeerCertificate();
  if (raw === undefined) {
    throw failure("tls", "dial", address, "the other end shows no certificate");
  }
  if (raw.length > MAX_CERTIFICATE_BYTES) {
    throw failure(
      "bad-certificate",
      "dial",
      address,
      `certificate has ${raw.length} bytes, must be at most ${MAX_CERTIFICATE_BYTES}`,
    );
  }
  return Uint8Array.from(raw);
}
