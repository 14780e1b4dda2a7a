/**
 * The forgery that `node:tls` of Deno 2.9.6 takes for good: an X.509 version 1
 * certificate that carries the victim's key, shown by somebody with another key.
 * Handshake signatures are not checked for such certificates.
 */
import { verifyCertificate } from "../../src/identity/certificate.ts";
import type { Identity } from "../../src/identity/identity.ts";
import { writePem } from "../../src/core/pem.ts";
import { ALPN_PROTOCOL } from "../../src/transport/tls_errors.ts";
import { forge, keyOf, NOTHING } from "../identity/forgery.ts";
import { createServer, type TLSSocket } from "node:tls";

/** The certificate, DER, and the forger's own private key, PEM. */
export interface ForgedV1 {
  readonly der: Uint8Array<ArrayBuffer>;
  readonly privateKeyPem: string;
}

/** Makes the certificate; only the victim's public key is needed. */
export function forgeV1(victim: Identity): ForgedV1 {
  const key = keyOf("P-256");
  const { spki } = verifyCertificate(victim.certificate);
  const der = forge(key, { spki, version: NOTHING, extensions: NOTHING });
  const privateKeyPem = key.privateKey.export({ type: "pkcs8", format: "pem" })
    .toString();
  return { der, privateKeyPem };
}

/** A server that shows any certificate with any key, fit or not. */
export class ShowingServer implements AsyncDisposable {
  /** How many completed TLS. */
  connections = 0;
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets = new Set<TLSSocket>();

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    server.on("secureConnection", (socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
    });
    server.on("tlsClientError", () => {});
  }

  static async start(
    certificate: Uint8Array,
    privateKeyPem: string,
  ): Promise<ShowingServer> {
    const server = createServer({
      cert: writePem("CERTIFICATE", certificate),
      key: privateKeyPem,
      ALPNProtocols: [ALPN_PROTOCOL],
      minVersion: "TLSv1.3",
    });
    await new Promise<void>((resolve) =>
      server.listen({ host: "127.0.0.1", port: 0 }, resolve)
    );
    return new ShowingServer(server);
  }

  /** `host:port`. */
  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") {
      throw new TypeError("The server has no port");
    }
    return `127.0.0.1:${address.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) =>
      this.#server.close(() => resolve())
    );
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
