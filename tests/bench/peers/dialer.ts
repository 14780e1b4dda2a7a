/** The dialing process of two: opens sessions, makes the load and measures. */
import {
  type Channel,
  contestant,
  type DialOptions,
  type Endpoint,
  type Setup,
} from "../contestant.ts";
import { readSetup, serve } from "../serve.ts";
import { Station } from "../station.ts";

/** Pause between sessions, so that closing one is not charged to the next. */
const PAUSE_MS = 2;

const self = await contestant(readSetup<Setup>());

/** Sessions one after the other; milliseconds each, from dialing to open. */
async function sessions(
  endpoint: Endpoint,
  count: number,
  options?: DialOptions,
): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    const channel = await self.dial(endpoint, () => {}, options);
    times.push(performance.now() - started);
    channel.close();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return times;
}

/** Sessions all at once; how many a second. */
async function burst(endpoint: Endpoint, count: number): Promise<number> {
  const started = performance.now();
  const channels = await Promise.all(
    Array.from({ length: count }, () => self.dial(endpoint, () => {})),
  );
  const elapsed = performance.now() - started;
  for (const channel of channels) channel.close();
  return count / elapsed * 1_000;
}

/** Opens a session with a station at this end of it. */
async function connect(
  endpoint: Endpoint,
): Promise<{ station: Station; channel: Channel }> {
  const station = new Station();
  const receive = (from: Channel, payload: Uint8Array) =>
    station.receive(from, payload);
  const channel = await self.dial(endpoint, receive);
  station.attach(channel);
  return { station, channel };
}

/** The session that all loads share that come one after the other. */
let shared: Promise<Station> | undefined;

function station(endpoint: Endpoint): Promise<Station> {
  return shared ??= connect(endpoint).then(({ station }) => station);
}

/** Runs one load on a session of its own. */
async function withStation<Result>(
  endpoint: Endpoint,
  load: (station: Station) => Promise<Result>,
): Promise<Result> {
  const { station, channel } = await connect(endpoint);
  try {
    return await load(station);
  } finally {
    channel.close();
  }
}

await serve({
  sessions,
  burst,
  flood: async (endpoint: Endpoint, size: number, milliseconds: number) =>
    await (await station(endpoint)).flood(size, milliseconds),
  beFlooded: async (endpoint: Endpoint, size: number, milliseconds: number) =>
    await (await station(endpoint)).beFlooded(size, milliseconds),
  roundTrips: async (endpoint: Endpoint, count: number) =>
    await (await station(endpoint)).roundTrips(count),
  acknowledgements: async (endpoint: Endpoint, count: number) =>
    await (await station(endpoint)).acknowledgements(count),
  trickles: (endpoint: Endpoint, count: number, pauseMs: number) =>
    Promise.all([
      withStation(endpoint, (station) => station.trickle(count, pauseMs)),
      withStation(endpoint, (station) => station.beTrickled(count, pauseMs)),
    ]),
});
