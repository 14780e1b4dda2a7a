/** Wraps DER in PEM armour (RFC 7468), which is all that Deno's and Node's TLS options take. */

/** A certificate in PEM. */
export function certificatePem(der: Uint8Array): string {
  const lines = der.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${
    lines.join("\n")
  }\n-----END CERTIFICATE-----\n`;
}
