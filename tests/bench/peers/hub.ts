/** One node and many others in one process: the hub sends to all of them. */
import {
  type Broadcast,
  type Channel,
  contestant,
  type Setup,
} from "../contestant.ts";
import { readSetup, serve } from "../serve.ts";

/** As in `station.ts`, for each of the receivers; less, as there are many. */
const HIGH_WATER_BYTES = 32_768;
/** Messages between two looks at the queues. */
const BATCH = 16;

const setup = readSetup<Setup>();

/** A hub and its receivers, connected. */
interface Group {
  readonly broadcast: (payload: Uint8Array) => Broadcast;
  readonly channels: readonly Channel[];
  /** Messages that the receivers have taken. */
  readonly delivered: () => number;
}

/** Every receiver dials the hub. */
async function connect(receivers: number): Promise<Group> {
  let delivered = 0;
  const receive = () => {
    delivered++;
  };
  const channels: Channel[] = [];
  const hub = await contestant(setup);
  const listening = await hub.listen((channel) => {
    channels.push(channel);
    return receive;
  });
  const others = await Promise.all(
    Array.from({ length: receivers }, () => contestant(setup)),
  );
  await Promise.all(others.map((it) => it.dial(listening.endpoint, receive)));
  // The acceptor's side of a session can open a moment after the dialer's.
  while (channels.length < receivers) await tick();
  await Promise.all([hub, ...others].map((it) => it.met?.(receivers)));
  return {
    broadcast: (payload) => hub.broadcast(payload),
    channels,
    delivered: () => delivered,
  };
}

let group: Promise<Group> | undefined;

/**
 * Sends messages of `size` bytes to so many receivers for a while; messages
 * delivered a second. The first call makes the receivers, which stay, so that a
 * mesh that has just been formed, and still has to do with itself, is not measured.
 */
async function fanOut(
  receivers: number,
  size: number,
  milliseconds: number,
): Promise<number> {
  const { broadcast, channels, delivered } = await (group ??= connect(
    receivers,
  ));
  const payload = new Uint8Array(size);
  const before = delivered();
  const started = performance.now();
  let sent = 0;
  do {
    while (
      channels.every((channel) => channel.queuedBytes < HIGH_WATER_BYTES)
    ) {
      for (let i = 0; i < BATCH; i++) {
        const message = broadcast(payload);
        for (const channel of channels) message.sendTo(channel);
      }
      sent += BATCH * receivers;
    }
    await Promise.all(
      channels.map((channel) => channel.drained(HIGH_WATER_BYTES / 2)),
    );
  } while (performance.now() - started < milliseconds);
  await Promise.all(channels.map((channel) => channel.drained(0)));
  while (delivered() - before < sent) await tick();
  return sent / (performance.now() - started) * 1_000;
}

function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

await serve({ fanOut });
