/** What a session through a relay costs beside a direct one. */
import { StreamPair } from "../byte_streams/stream_pair.ts";
import { Remote } from "../remote.ts";
import { percentile, wakefulMedian } from "../stats.ts";
import { type Line, type Settings, VERACK } from "./line.ts";

const REQUESTS = 4_000;
const WARM_UPS = 2_000;
const BULK_MS = 500;
const P50 = "100 B by request(), p50 of the quickest quarter";
const P99 = "100 B by request(), p99";
const DIRECTIONS = [
  { direction: "send", name: "64 KiB writes to the acceptor" },
  { direction: "receive", name: "64 KiB writes from the acceptor" },
] as const;
const DIRECT = "direct";
const PEAK = "peak of the relay, one busy pair";
const OWN_REQUESTS = 1_000;
/** What the relay does for itself meanwhile. */
const OWN = [
  { isBusy: false, name: "idle" },
  { isBusy: true, name: "beside a busy pair" },
] as const;
const ownRequest = (state: string) => `own request of the relay, ${state}, p50`;
const ownBulk = (state: string) => `own 64 KiB writes of the relay, ${state}`;

/** Two nodes in two processes, and a third process between them or none. */
async function measure(
  settings: Settings,
  isRelayed: boolean,
): Promise<Record<string, number>> {
  await using all = new AsyncDisposableStack();
  const relay = isRelayed ? all.use(new Remote("relay_node", [])) : undefined;
  const address = await relay?.call<string>("address");
  const setup = {
    kind: "verack" as const,
    ...address !== undefined && { relay: address },
  };
  const pair = all.use(await StreamPair.start(setup, settings));
  const requests = (count: number) =>
    pair.call<number[]>("requests", "request", count);
  await requests(WARM_UPS);
  const times = await requests(REQUESTS);
  const values: Record<string, number> = {
    [P50]: wakefulMedian(times) * 1_000,
    [P99]: percentile(times, 0.99) * 1_000,
  };
  if (relay !== undefined) await relay.call("watch");
  for (const { direction, name } of DIRECTIONS) {
    values[name] = await pair.call<number>("bulk", direction, BULK_MS, 1);
  }
  if (relay === undefined) return values;
  values[PEAK] = await relay.call<number>("peak") / 1e6;
  const own = async () => ({
    times: await relay.call<number[]>("requests", OWN_REQUESTS),
    rate: await relay.call<number>("bulk", BULK_MS),
  });
  await own();
  for (const { isBusy, name } of OWN) {
    let isOver = false;
    const load = (async () => {
      while (isBusy && !isOver) await pair.call("bulk", "send", BULK_MS, 1);
    })();
    const { times, rate } = await own();
    isOver = true;
    await load;
    values[ownRequest(name)] = percentile(times, 0.5) * 1_000;
    values[ownBulk(name)] = rate;
  }
  return values;
}

/** The same work on a relayed and on a direct session. */
export const relay: Line = {
  name: "relay",
  description: "requests and bulk through a relay, beside a direct session",
  secondsARound: 20,
  figures: [
    { name: P50, unit: "µs", better: "lower", ratios: { [DIRECT]: 2.6 } },
    { name: P99, unit: "µs", better: "lower" },
    ...DIRECTIONS.map(({ name }) => ({
      name,
      unit: "MB/s",
      better: "higher" as const,
      ratios: { [DIRECT]: 0.3 },
    })),
    { name: PEAK, unit: "MB", better: "lower" },
    ...OWN.map(({ name }) => ({
      name: ownRequest(name),
      unit: "µs",
      better: "lower" as const,
    })),
    ...OWN.map(({ name }) => ({
      name: ownBulk(name),
      unit: "MB/s",
      better: "higher" as const,
    })),
  ],
  contenders: (settings) => [
    { name: VERACK, doing: "", measure: () => measure(settings, true) },
    {
      name: DIRECT,
      doing: "the two nodes alone",
      measure: () => measure(settings, false),
    },
  ],
};
