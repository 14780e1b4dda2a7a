/** One node and many others in one process: the hub sends to all of them. */
import { type Channel, contestant, type Setup } from "../contestant.ts";
import { readSetup, serve } from "../serve.ts";

/** As in `station.ts`, for each of the receivers; less, as there are many. */
const HIGH_WATER_BYTES = 32_768;
/** Messages between two looks at the queues. */
const BATCH = 16;

const setup = readSetup<Setup>();

/**
 * Sends messages of `size` bytes to `others` receivers for a while; messages
 * delivered a second. Every receiver dialed the hub.
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
  const outward: Channel[] = [];
  const hub = await contestant(setup);
  const listening = await hub.listen((channel) => {
    outward.push(channel);
    return receive;
  });
  const receivers = await Promise.all(
    Array.from({ length: others }, () => contestant(setup)),
  );
  const inward = await Promise.all(
    receivers.map((it) => it.dial(listening.endpoint, receive)),
  );
  // The acceptor's side of a session can open a moment after the dialer's.
  while (outward.length < others) await tick();
  await Promise.all([hub, ...receivers].map((it) => it.met?.(others)));

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
  await Promise.all(outward.map((channel) => channel.drained(0)));
  while (delivered < sent) await tick();
  const rate = delivered / (performance.now() - started) * 1_000;
  for (const channel of [...outward, ...inward]) channel.close();
  listening.close();
  await Promise.all([hub, ...receivers].map((it) => it.close()));
  return rate;
}

function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

await serve({ fanOut });
