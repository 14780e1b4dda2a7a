/** One node and many others in one process: the hub sends to all of them. */
import {
  type Channel,
  contestant,
  type Kind,
  type OpeningSizes,
} from "../contestant.ts";
import { serve } from "../remote.ts";

/** As in `station.ts`, for each of the receivers; less, as there are many. */
const HIGH_WATER_BYTES = 131_072;
/** Messages between two looks at the queues. */
const BATCH = 16;

const [kind, opening] = Deno.args as [Kind, string];
const sizes = JSON.parse(opening) as OpeningSizes;

/**
 * Sends messages of `size` bytes to `others` receivers for a while; messages
 * delivered a second. Half of the receivers dialed the hub, half were dialed.
 */
async function fanOut(
  others: number,
  size: number,
  milliseconds: number,
): Promise<number> {
  let delivered = 0;
  const receive = () => {
    delivered++;
  };
  const accepted: Channel[] = [];
  const hub = await contestant(kind, sizes);
  const other = await contestant(kind, sizes);
  const dialedByOthers = await hub.listen((channel) => {
    accepted.push(channel);
    return receive;
  });
  const dialedByHub = await other.listen(() => receive);
  const dials = Array.from(
    { length: others },
    (_, i) =>
      i % 2 === 0
        ? hub.dial(dialedByHub.endpoint, receive)
        : other.dial(dialedByOthers.endpoint, receive),
  );
  const opened = await Promise.all(dials);
  const outward = opened.filter((_, i) => i % 2 === 0);
  // The acceptor's side of a session can open a moment after the dialer's.
  while (outward.length + accepted.length < others) await tick();
  outward.push(...accepted);

  const payload = new Uint8Array(size);
  const started = performance.now();
  let sent = 0;
  do {
    while (outward.every((channel) => channel.queuedBytes < HIGH_WATER_BYTES)) {
      for (let i = 0; i < BATCH; i++) {
        const broadcast = hub.broadcast(payload);
        for (const channel of outward) broadcast.sendTo(channel);
      }
      sent += BATCH * others;
    }
    await Promise.all(
      outward.map((channel) => channel.drained(HIGH_WATER_BYTES / 2)),
    );
  } while (performance.now() - started < milliseconds);
  while (delivered < sent) await tick();
  const rate = delivered / (performance.now() - started) * 1_000;
  for (const channel of [...outward, ...opened]) channel.close();
  dialedByHub.close();
  dialedByOthers.close();
  return rate;
}

function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

await serve({ fanOut });
