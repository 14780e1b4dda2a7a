/** Bounds of connections, with the reason of each. */

/** Largest certificate; ours are about 450 bytes (P-256) to 1.4 KiB (RSA-4096). */
export const MAX_CERTIFICATE_BYTES = 2_048;

/** Hosts that one node listens on; more are a mistake. */
export const MAX_LISTEN_HOSTS = 16;

/** Ports that are tried until one is free at every host of a node. */
export const MAX_PORT_ATTEMPTS = 16;

/** Simulated connections that wait for `accept()`; more are dropped, as a kernel does. */
export const MAX_ACCEPT_BACKLOG = 511;

/** Decrypted bytes of an accepted connection that wait for a read, before its socket is no longer read. */
export const MAX_UNREAD_BYTES = 65_536;

/** Addresses taken from one DNS answer; no host needs more. */
export const MAX_RESOLVED_ADDRESSES = 16;

/** SRV records taken from one DNS answer, those with the best priority: as many as addresses. */
export const MAX_SERVICE_RECORDS = 16;

/** Hosts remembered because a TLS handshake with them hung (`transport/stalled_hosts.ts`). */
export const MAX_STALLED_HOSTS = 1_024;

/** Ports of one host whose handshakes hung; from this number on none of them is dialed. */
export const MAX_STALLED_PORTS_PER_HOST = 8;

/** How long such a port is not dialed, doubled each time it hangs again. */
export const MIN_STALL_PENALTY_MS = 60_000;
export const MAX_STALL_PENALTY_MS = 86_400_000;

/** Window of a simulated connection, each direction; about what Linux starts with. */
export const MEMORY_WINDOW_BYTES = 262_144;

/** Frames are gathered into writes of this size; rustls splits them into 16 KiB records. */
export const WRITE_BLOCK_BYTES = 65_536;

/** Longest pause of the accept loop after an error such as EMFILE; the first is 5 ms. */
export const MAX_ACCEPT_PAUSE_MS = 1_000;

/** Free descriptors that are counted: more than every bound of a node together needs, 40 ms. */
export const MAX_COUNTED_DESCRIPTORS = 2_048;

/** Deadline of a TCP connection, a certificate look-up or a TLS handshake while dialing. */
export const DIAL_TIMEOUT_MS = 10_000;

/** Ciphertext that the TLS engine reads and decrypts at once; what does not fit is kept. */
export const MAX_CIPHERTEXT_BYTES = 65_536;

/** Longest test of the TLS engine at the start, which takes 5 ms; a machine may be busy. */
export const ENGINE_TEST_MS = 5_000;
