/** Bounds of keys, certificates, secrets and names, with the reason of each. */

/** Largest key or certificate file that is read; a PEM RSA-4096 key is 3.2 KiB. */
export const MAX_KEY_FILE_BYTES = 65_536;

/** Smallest RSA modulus, bits; shorter ones are broken or nearly so (NIST SP 800-131A). */
export const MIN_RSA_BITS = 2_048;

/** Largest RSA modulus, bits; a bigger one does not fit `MAX_CERTIFICATE_BYTES`. */
export const MAX_RSA_BITS = 4_096;

/**
 * Rounds of PBKDF2 in an encrypted key file; OpenSSL writes 2,048, password
 * managers up to 1,000,000. At this bound unlocking takes some seconds, not hours.
 */
export const MAX_KEY_DERIVATION_ROUNDS = 10_000_000;

/**
 * Verified certificates that are remembered, so that those of a mesh of 1,000 are
 * verified once and not at each gossip; about 3 KiB each with the parsed key, so 3 MiB.
 */
export const MAX_VERIFIED_CERTIFICATES = 1_024;

/** Shortest secret of a network; `openssl rand -hex 32` makes 64 bytes. */
export const MIN_NETWORK_SECRET_BYTES = 16;

/**
 * scrypt's N for the network's key: 32 MiB and about 0.1 s, once a start, and as much
 * for each guess at a weak secret.
 */
export const NETWORK_KEY_COST = 32_768;

/** Characters of a name that a user gives a node; longer ones break a line of output. */
export const MAX_PEER_NAME_CHARS = 32;
