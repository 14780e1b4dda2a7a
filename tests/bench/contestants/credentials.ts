/** Key and certificate for the bare sockets: P-256, self-signed, like verack's. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

/** What `Deno.listenTls` wants, and the name to ask for. */
export interface BareCredentials {
  /** PKCS#8, PEM. */
  readonly key: string;
  /** X.509, PEM. */
  readonly cert: string;
  readonly serverName: string;
}

/** Where a contestant with a certificate listens. */
export interface TlsEndpoint {
  readonly port: number;
  /** X.509, PEM. */
  readonly certificate: string;
  /** DNS name in the certificate. */
  readonly serverName: string;
}

/** Makes a key and its certificate. */
export async function makeCredentials(): Promise<BareCredentials> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, [
    "sign",
    "verify",
  ]);
  const hex = crypto.getRandomValues(new Uint8Array(32)).toHex();
  const serverName = `${hex.slice(0, 32)}.${hex.slice(32)}.verack.invalid`;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: [{ CN: [hex] }],
    notBefore: new Date("1970-01-02"),
    notAfter: new Date("9999-12-31"),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.SubjectAlternativeNameExtension([{
        type: "dns",
        value: serverName,
      }]),
    ],
  });
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  const body = new Uint8Array(pkcs8).toBase64().replace(/.{64}/g, "$&\n");
  return {
    key: `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`,
    cert: certificate.toString("pem"),
    serverName,
  };
}
