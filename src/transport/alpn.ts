/** The one ALPN protocol that verack speaks (RFC 7301). */

/**
 * Offered by both ends and checked by both: neither Deno nor Node insists that
 * the other end took part in ALPN at all.
 */
export const ALPN_PROTOCOL = "verack/1";
