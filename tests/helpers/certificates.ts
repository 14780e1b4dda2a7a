/**
 * Certificates for tests of the transports, good and bad. Verack's own are made by
 * `src/identity/`, which the transports must not need.
 */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** A certificate with its key. */
export interface TestCertificate {
  readonly certificate: Uint8Array<ArrayBuffer>;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly keys: CryptoKeyPair;
  readonly subject: string;
}

/** Options of {@linkcode makeCertificate}. */
export interface TestCertificateOptions {
  /** Who signs; the certificate itself if omitted. */
  issuer?: TestCertificate;
  /** Whether it says of itself that it may sign others. @default {false} */
  ca?: boolean;
  /** The key to certify; a fresh one if omitted. */
  keys?: CryptoKeyPair;
}

/** An X.509 v3 certificate for the DNS name `name`, P-256. */
export async function makeCertificate(
  name: string,
  options: TestCertificateOptions = {},
): Promise<TestCertificate> {
  const keys = options.keys ??
    await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const subject = `CN=${name}`;
  const made = await x509.X509CertificateGenerator.create({
    serialNumber: crypto.getRandomValues(new Uint8Array(8)).toHex(),
    subject,
    issuer: options.issuer?.subject ?? subject,
    notBefore: new Date("1970-01-02T00:00:00Z"),
    notAfter: new Date("9999-12-31T23:59:59Z"),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: (options.issuer?.keys ?? keys).privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(options.ca ?? false, undefined, true),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: name }]),
    ],
  });
  const privateKey = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    certificate: new Uint8Array(made.rawData),
    certificatePem: `${made.toString("pem")}\n`,
    privateKeyPem: pem("PRIVATE KEY", new Uint8Array(privateKey)),
    keys,
    subject,
  };
}

/**
 * An X.509 **v1** certificate with the public key of `victim`, which nobody but
 * the victim could sign for: the signature is noise. Version 1 has neither a
 * version field nor extensions (RFC 5280, 4.1).
 */
export async function forgeV1(
  victim: TestCertificate,
): Promise<Uint8Array<ArrayBuffer>> {
  const spki = new Uint8Array(
    await crypto.subtle.exportKey("spki", victim.keys.publicKey),
  );
  const ecdsaWithSha256 = der(0x30, Uint8Array.fromHex("06082a8648ce3d040302"));
  const name = der(
    0x30,
    der(
      0x31,
      der(0x30, Uint8Array.fromHex("0603550403"), der(0x0c, text("victim"))),
    ),
  );
  const validity = der(
    0x30,
    der(0x17, text("700102000000Z")),
    der(0x18, text("99991231235959Z")),
  );
  const tbs = der(
    0x30,
    der(0x02, Uint8Array.of(1)),
    ecdsaWithSha256,
    name,
    validity,
    name,
    spki,
  );
  const integer = der(0x02, new Uint8Array(32).fill(0x11));
  const signature = der(0x30, integer, integer);
  return der(
    0x30,
    tbs,
    ecdsaWithSha256,
    der(0x03, Uint8Array.of(0), signature),
  );
}

/** PEM armour around `bytes`. */
export function pem(label: string, bytes: Uint8Array): string {
  const lines = bytes.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${
    lines.join("\n")
  }\n-----END ${label}-----\n`;
}

/** One DER element. */
function der(tag: number, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = length < 0x80
    ? [tag, length]
    : length < 0x100
    ? [tag, 0x81, length]
    : [tag, 0x82, length >> 8, length & 0xff];
  const bytes = new Uint8Array(head.length + length);
  bytes.set(head);
  let at = head.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
