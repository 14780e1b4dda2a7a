/**
 * What a Bitcoin handshake costs at least: connecting, two writes and two reads of
 * as many bytes at each end, by the simplest code there is. Nothing is understood.
 */

/** Bytes of the two messages, or runs of messages, in each direction. */
export interface BitcoinSizes {
  /** Version; then what follows the other end's version. */
  readonly out: readonly [number, number];
  /** Version and features; then verack. */
  readonly in: readonly [number, number];
}

/** Connects and exchanges; the connection stays open. */
export async function exchange(
  port: number,
  sizes: BitcoinSizes,
): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay(true);
  const buffer = new Uint8Array(4_096);
  for (let i = 0; i < 2; i++) {
    await writeAll(conn, buffer.subarray(0, sizes.out[i]));
    await readExactly(conn, buffer, sizes.in[i]!);
  }
  return conn;
}

/** @throws {Deno.errors.UnexpectedEof} when the other end closes before that. */
export async function readExactly(
  conn: Deno.TcpConn,
  buffer: Uint8Array,
  size: number,
): Promise<void> {
  for (let at = 0; at < size;) {
    const count = await conn.read(buffer.subarray(at, size));
    if (count === null) throw new Deno.errors.UnexpectedEof("closed early");
    at += count;
  }
}

/** Writes all of it. */
export async function writeAll(
  conn: Deno.TcpConn,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}
