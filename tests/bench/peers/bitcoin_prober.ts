/** The dialing end of Bitcoin handshakes: verack's `probeAll()`, or bare sockets. */
import { probe, probeAll } from "../../../src/bitcoin/probe.ts";
import { type BitcoinSizes, exchange } from "../bare_bitcoin.ts";
import { Peak } from "../peak.ts";
import { serve } from "../serve.ts";

const HEADER_BYTES = 24;
const TIMEOUT_MS = 30_000;

/** Bytes of a handshake of verack's with itself, for the bare sockets. */
async function sizes(port: number): Promise<BitcoinSizes> {
  const out: [number, number] = [0, 0];
  const into: [number, number] = [0, 0];
  const result = await probe(`127.0.0.1:${port}`, {
    network: "regtest",
    onMessage: ({ direction, command, bytes }) => {
      if (direction === "out") {
        out[command === "version" ? 0 : 1] += HEADER_BYTES + bytes;
      } else into[command === "verack" ? 1 : 0] += HEADER_BYTES + bytes;
    },
  });
  if (!result.ok) throw new Error(`Cannot measure: ${result.error?.message}`);
  return { out, in: into };
}

/** Handshakes a second. */
async function probes(
  port: number,
  count: number,
  concurrency: number,
): Promise<number> {
  const started = performance.now();
  const results = probeAll(
    Array.from({ length: count }, () => `127.0.0.1:${port}`),
    { network: "regtest", concurrency, timeoutMs: TIMEOUT_MS },
  );
  for await (const { ok, error } of results) {
    if (!ok) throw new Error(`Cannot measure: ${error?.message}`);
  }
  return count / (performance.now() - started) * 1_000;
}

/** The same work without understanding it. */
async function exchanges(
  port: number,
  count: number,
  concurrency: number,
  sizes: BitcoinSizes,
): Promise<number> {
  const started = performance.now();
  let left = count;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (left-- > 0) (await exchange(port, sizes)).close();
    }),
  );
  return count / (performance.now() - started) * 1_000;
}

/** Opens sessions that stay; how much more memory that took at most, bytes. */
async function hold(port: number, count: number): Promise<number> {
  const peak = await Peak.start();
  const all = Promise.withResolvers<void>();
  let open = 0;
  const results = probeAll(
    Array.from({ length: count }, () => `127.0.0.1:${port}`),
    {
      network: "regtest",
      concurrency: count,
      timeoutMs: TIMEOUT_MS,
      stay: true,
      onOpen: () => {
        if (++open === count) all.resolve();
      },
    },
  );
  const failed = (async () => {
    for await (const { error, ended } of results) {
      const { message } = error ?? ended ?? { message: "ended" };
      throw new Error(`Cannot measure: ${message}`);
    }
  })();
  await Promise.race([all.promise, failed]);
  return peak.stop();
}

/** The same with bare sockets, each with a read buffer of 4 KiB. */
async function holdBare(
  port: number,
  count: number,
  sizes: BitcoinSizes,
): Promise<number> {
  const peak = await Peak.start();
  await Promise.all(
    Array.from({ length: count }, async () => {
      const conn = await exchange(port, sizes);
      const buffer = new Uint8Array(4_096);
      const read = async () => {
        while (await conn.read(buffer) !== null);
      };
      read().catch(() => {});
    }),
  );
  return peak.stop();
}

await serve({ sizes, probes, exchanges, hold, holdBare });
