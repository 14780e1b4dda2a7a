/** The version of this release. */

/** Version of verack, as in `deno.json`, which no npm tarball has; a test compares. */
export const VERSION = "0.1.0";

/** BIP14 user agent sent in `version`. */
export const USER_AGENT: Uint8Array<ArrayBuffer> = new TextEncoder().encode(
  `/verack:${VERSION}/`,
);
