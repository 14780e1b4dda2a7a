/** Two nodes at the ends of an emulated long line: messages that one topic moves. */
import { EmulatedLink } from "../../helpers/emulated_link.ts";
import { Node } from "../../../src/mesh/node.ts";
import { serve } from "../serve.ts";

/** Kept waiting at the sender, below the bounds of a node's outbox. */
const MAX_WAITING = 9_000;
const MAX_WAITING_BYTES = 12_000_000;

/** Round trips until the windows have grown, and some time for the processor. */
const WARM_UP_ROUNDS = 14;
const WARM_UP_MS = 2_000;

/** Messages of `size` bytes a second that were acknowledged, over `ms`. */
async function messages(
  rttMs: number,
  bytesPerSecond: number,
  size: number,
  ms: number,
): Promise<number> {
  const far = await Node.start();
  const options = { delayMs: rttMs / 2, bytesPerSecond };
  const line = EmulatedLink.start(far.address, options);
  const near = await Node.start({ connect: [line.address] });
  try {
    while (near.sessions().length === 0) await pause(10);
    (async () => {
      for await (const _ of far.messages());
    })();
    const body = new Uint8Array(size);
    const to = far.identity.id;
    let settled = 0;
    let over = false;
    const one = async () => {
      while (!over) {
        await near.send(to, body, { topic: "bulk" });
        settled++;
      }
    };
    const senders = Math.min(MAX_WAITING, Math.floor(MAX_WAITING_BYTES / size));
    const sending = Array.from({ length: senders }, one);
    await pause(WARM_UP_MS + WARM_UP_ROUNDS * rttMs);
    const before = settled;
    await pause(ms);
    const rate = (settled - before) * 1_000 / ms;
    over = true;
    // What still waits is told when the node closes.
    Promise.all(sending).catch(() => {});
    return rate;
  } finally {
    await Promise.all([near.close(), far.close()]);
    await line[Symbol.asyncDispose]();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

await serve({ messages });
