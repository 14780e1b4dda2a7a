/** A node of verack's through which two others are in session, and what it does for itself. */
import { Node } from "../../../mod.ts";
import { BLOCK_BYTES, HEAD_BYTES, Load } from "../byte_streams/load.ts";
import { PullStream } from "../byte_streams/pull.ts";
import { Peak } from "../peak.ts";
import { serve } from "../serve.ts";

const node = await Node.start();
let peak: Peak | undefined;

const BODY = new Uint8Array(HEAD_BYTES);
let answering: Promise<string> | undefined;

/** The end that answers requests and takes streams. */
async function findAnswering(): Promise<string> {
  for (const { id, via } of node.sessions()) {
    if (via !== undefined) continue;
    try {
      await node.request(id, "bench", BODY);
      return id;
    } catch {
      // The other end.
    }
  }
  throw new Error("Cannot measure: neither end answers requests");
}

await serve({
  /** Requests of its own, one after the other; milliseconds each. */
  requests: async (count: number) => {
    const peer = await (answering ??= findAnswering());
    const times: number[] = [];
    while (times.length < count) {
      const started = performance.now();
      await node.request(peer, "bench", BODY);
      times.push(performance.now() - started);
    }
    return times;
  },
  /** Bulk data through a stream of its own for a while; megabytes a second. */
  bulk: async (milliseconds: number) => {
    const peer = await (answering ??= findAnswering());
    const stream = await node.open(peer, "bench/1");
    const load = new Load(new PullStream(stream, () => stream.abort()));
    const started = performance.now();
    let blocks = 0;
    let elapsed = 0;
    while (elapsed < milliseconds) {
      await load.send(64);
      blocks += 64;
      elapsed = performance.now() - started;
    }
    load.abort();
    return blocks * BLOCK_BYTES / elapsed / 1_000;
  },
  address: () => `${node.identity.id}@${node.address}`,
  /** Pairs that it relays at present. */
  pairs: () => node.status().relay?.pairs ?? 0,
  watch: async () => {
    peak = await Peak.start();
  },
  peak: () => peak?.stop(),
});
