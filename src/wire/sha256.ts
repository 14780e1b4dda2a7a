/**
 * SHA-256 of short messages (FIPS 180-4), for the checksums of handshakes: a double hash of 100 bytes
 * takes 1 µs, and 4 to 9 µs by `node:crypto`, for its objects and buffers. From 1 KiB on that is
 * faster. Nothing secret is hashed here.
 */

const BLOCK_BYTES = 64;
const ROUNDS = 64;
/** The end of a message: a bit of 1, then zeros, then its length in bits, 64 of them. */
const END_BYTES = 9;
const DIGEST_BYTES = 32;

/** The first 32 bits of the fractional parts of the roots of the first primes (4.2.2, 5.3.3). */
const PRIMES = firstPrimes(ROUNDS);
const ROUND_CONSTANTS = Int32Array.from(
  PRIMES,
  (it) => fraction(Math.cbrt(it)),
);
const INITIAL = PRIMES.slice(0, 8).map((it) => fraction(Math.sqrt(it)));

/** Of the hash that is being computed, which takes no turn of the event loop. */
const state = new Int32Array(8);
const schedule = new Int32Array(ROUNDS);
const padded = new Uint8Array(BLOCK_BYTES);
const digest = new Uint8Array(DIGEST_BYTES);

/** The first 32 bits, big-endian, of the SHA-256 of the SHA-256 of `data`. */
export function doubleSha256Word(data: Uint8Array): number {
  hash(data);
  const view = new DataView(digest.buffer);
  state.forEach((word, i) => view.setInt32(4 * i, word));
  hash(digest);
  return state[0]!;
}

/** Leaves the hash in `state`. */
function hash(data: Uint8Array): void {
  state.set(INITIAL);
  const { length } = data;
  let at = 0;
  for (; at + BLOCK_BYTES <= length; at += BLOCK_BYTES) compress(data, at);
  padded.fill(0);
  padded.set(data.subarray(at));
  padded[length - at] = 0x80;
  if (length - at > BLOCK_BYTES - END_BYTES) {
    compress(padded, 0);
    padded.fill(0);
  }
  new DataView(padded.buffer).setUint32(BLOCK_BYTES - 4, 8 * length);
  compress(padded, 0);
}

/** Adds a block to `state` (6.2.2). */
function compress(bytes: Uint8Array, at: number): void {
  const w = schedule;
  for (let t = 0; t < 16; t++) {
    const i = at + 4 * t;
    w[t] = bytes[i]! << 24 | bytes[i + 1]! << 16 | bytes[i + 2]! << 8 |
      bytes[i + 3]!;
  }
  for (let t = 16; t < ROUNDS; t++) {
    const x = w[t - 15]!;
    const y = w[t - 2]!;
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ x >>> 3;
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ y >>> 10;
    w[t] = w[t - 16]! + s0 + w[t - 7]! + s1;
  }
  let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!;
  let e = state[4]!, f = state[5]!, g = state[6]!, h = state[7]!;
  for (let t = 0; t < ROUNDS; t++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const choice = e & f ^ ~e & g;
    const majority = a & b ^ a & c ^ b & c;
    const next = h + s1 + choice + ROUND_CONSTANTS[t]! + w[t]! | 0;
    h = g;
    g = f;
    f = e;
    e = d + next | 0;
    d = c;
    c = b;
    b = a;
    a = next + s0 + majority | 0;
  }
  const sums = [a, b, c, d, e, f, g, h];
  for (let i = 0; i < 8; i++) state[i] = state[i]! + sums[i]!;
}

function rotate(word: number, bits: number): number {
  return word >>> bits | word << 32 - bits;
}

function fraction(root: number): number {
  return root % 1 * 2 ** 32 | 0;
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let it = 2; primes.length < count; it++) {
    if (primes.every((prime) => it % prime !== 0)) primes.push(it);
  }
  return primes;
}
