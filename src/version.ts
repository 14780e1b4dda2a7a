/** What this release calls itself. */
import config from "../deno.json" with { type: "json" };

/** Version of verack, as in `deno.json`. */
export const VERSION: string = config.version;

/** BIP14 user agent sent in `version`. */
export const USER_AGENT: Uint8Array<ArrayBuffer> = new TextEncoder().encode(
  `/verack:${VERSION}/`,
);
