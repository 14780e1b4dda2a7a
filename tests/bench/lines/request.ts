/** How long a request takes that has a stream of its own. */
import { streamers, StreamPair, WAY_OF } from "../byte_streams/stream_pair.ts";
import { percentile, wakefulMedian } from "../stats.ts";
import type { Line } from "./line.ts";

const REQUESTS = 4_000;
const WARM_UPS = 3_000;
/** The two ways that an application of verack's has. */
const WAYS = [
  { way: "request", name: "100 B by request()" },
  { way: "stream", name: "100 B by open()" },
] as const;
const FIGURES = [
  {
    name: "p50 of the quickest quarter",
    of: wakefulMedian,
    ratios: { bare: 1.5, libp2p: 1 },
  },
  {
    name: "p99",
    of: (times: number[]) => percentile(times, 0.99),
    ratios: { libp2p: 1 },
  },
] as const;
/** Request and answer of 100 bytes, one at a time. */
export const request: Line = {
  name: "request",
  description: "100-byte request and answer on a new stream, two processes",
  secondsARound: 15,
  figures: WAYS.flatMap(({ name }) =>
    FIGURES.map((figure) => ({
      name: `${name}, ${figure.name}`,
      unit: "µs",
      better: "lower",
      ratios: figure.ratios,
    }))
  ),
  contenders: (settings) =>
    streamers(
      {
        bare: "the same bytes on one TLS socket",
        libp2p: "js-libp2p: TCP, Noise, Yamux, a new stream each",
        "secret-stream": "the same bytes on its one stream",
      },
      settings,
      async (kind) => {
        const values: Record<string, number> = {};
        for (const { way: ours, name } of WAYS) {
          await using pair = await StreamPair.start({ kind }, settings);
          const way = kind === "verack" ? ours : WAY_OF[kind];
          await pair.call("requests", way, WARM_UPS);
          const times = await pair.call<number[]>("requests", way, REQUESTS);
          for (const { name: figure, of } of FIGURES) {
            values[`${name}, ${figure}`] = of(times) * 1_000;
          }
        }
        return values;
      },
    ),
};
