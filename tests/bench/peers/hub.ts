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
  readonly receivers: number;
  readonly broadcast: (payload: Uint8Array) => Broadcast;
  readonly channels: readonly Channel[];
  /** Messages that the receivers have taken. */
  readonly delivered: () => number;
  close(): Promise<void>;
}

let group: Group | undefined;

/** Every receiver dials the hub. */
async function connect(receivers: number): Promise<Group> {
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
  const others = await Promise.all(
    Array.from({ length: receivers }, () => contestant(setup)),
  );
  const inward = await Promise.all(
    others.map((it) => it.dial(listening.endpoint, receive)),
  );
  // The acceptor's side of a session can open a moment after the dialer's.
  while (outward.length < receivers) await tick();
  await Promise.all([hub, ...others].map((it) => it.met?.(receivers)));
  return {
    receivers,
    broadcast: (payload) => hub.broadcast(payload),
    channels: outward,
    delivered: () => delivered,
    close: async () => {
      for (const channel of [...outward, ...inward]) channel.close();
      listening.close();
      await Promise.all([hub, ...others].map((it) => it.close()));
    },
  };
}

/**
 * Sends messages of `size` bytes to so many receivers for a while; messages
 * delivered a second. Receivers stay from one call to the next, so that a mesh
 * that has just been formed, and still has to do with itself, is not measured.
 */
async function fanOut(
  receivers: number,
  size: number,
  milliseconds: number,
): Promise<number> {
  if (group?.receivers !== receivers) {
    await group?.close();
    group = await connect(receivers);
  }
  const { broadcast, channels, delivered } = group;
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
