/** Hands every byte of one connection on to another, and back. */
import type { Connection } from "../../src/transport/transport.ts";

/** Resolves when both directions have ended; both connections are closed then. */
export async function splice(a: Connection, b: Connection): Promise<void> {
  await Promise.all([pump(a, b), pump(b, a)]);
}

async function pump(from: Connection, to: Connection): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (;;) {
      const count = await from.read(buffer);
      if (count === null) break;
      for (let at = 0; at < count;) {
        at += await to.write(buffer.subarray(at, count));
      }
    }
  } catch {
    // One of them hung up.
  } finally {
    from.close();
    to.close();
  }
}
