/**
 * The certificate that the other end of a Deno TLS connection showed. Deno keeps
 * the accessor under a symbol that is no public API, so it is looked for by its
 * description, may be missing, and is tested on the Deno version we pin.
 */

/** What the hidden accessor returns, as far as it matters here. */
interface ShownCertificate {
  readonly raw?: Uint8Array;
}

const DESCRIPTION = "getPeerCertificate";

/**
 * The end-entity certificate of `connection` after its handshake, DER, or
 * `undefined` when this version of Deno does not say.
 */
export function peerCertificate(
  connection: Deno.TlsConn,
): Uint8Array | undefined {
  for (
    let object: object | null = connection;
    object !== null;
    object = Object.getPrototypeOf(object)
  ) {
    const symbol = Object.getOwnPropertySymbols(object)
      .find(({ description }) => description === DESCRIPTION);
    if (symbol !== undefined) return call(connection, symbol);
  }
  return undefined;
}

/** Whether two certificates are the same, byte for byte. Nothing in them is secret. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function call(
  connection: Deno.TlsConn,
  symbol: symbol,
): Uint8Array | undefined {
  const accessor: unknown = Reflect.get(connection, symbol);
  if (typeof accessor !== "function") return undefined;
  const shown: ShownCertificate | null | undefined = accessor.call(connection);
  return shown?.raw instanceof Uint8Array ? shown.raw : undefined;
}
