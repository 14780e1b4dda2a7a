/** What a forwarded port costs beside a connection that goes there directly. */
import { StreamPair } from "../byte_streams/stream_pair.ts";
import { percentile, wakefulMedian } from "../stats.ts";
import { through } from "../tunnel.ts";
import { type Line, VERACK } from "./line.ts";

const TRIPS = 4_000;
const CONNECTIONS = 500;
const WARM_UPS = 1_000;
const BULK_MS = 500;
const P50 = "100 B there and back, p50 of the quickest quarter";
const P99 = "100 B there and back, p99";
const NEW = "100 B there and back on a new connection, p50";
const DIRECTIONS = [
  { direction: "send", name: "64 KiB writes to the far end" },
  { direction: "receive", name: "64 KiB writes from the far end" },
] as const;
const DIRECT = "direct";

/** A client and a server over TCP, and between them two processes or nothing. */
export const forward: Line = {
  name: "forward",
  description: "TCP through a forwarded port, beside TCP to the port itself",
  secondsARound: 20,
  figures: [
    // It adds twice a direct round trip.
    { name: P50, unit: "µs", better: "lower", ratios: { [DIRECT]: 3 } },
    { name: P99, unit: "µs", better: "lower" },
    { name: NEW, unit: "µs", better: "lower" },
    ...DIRECTIONS.map(({ name }) => ({
      name,
      unit: "MB/s",
      better: "higher" as const,
    })),
  ],
  contenders: (settings) =>
    [
      { name: VERACK, tunnel: "verack" as const, doing: "" },
      {
        name: "bare",
        tunnel: "bare" as const,
        doing: "two relays of Deno's sockets, a TLS connection for each",
      },
      { name: DIRECT, tunnel: undefined, doing: "client and server only" },
    ].map(({ name, tunnel, doing }) => ({
      name,
      doing,
      measure: async () => {
        await using pair = await StreamPair.start(
          { kind: "tcp" },
          settings,
          { ...tunnel !== undefined && { through: through(tunnel) } },
        );
        const requests = (way: string, count: number) =>
          pair.call<number[]>("requests", way, count);
        await requests("echo", WARM_UPS);
        const times = await requests("echo", TRIPS);
        await requests("stream", CONNECTIONS);
        const opened = await requests("stream", CONNECTIONS);
        const values: Record<string, number> = {
          [P50]: wakefulMedian(times) * 1_000,
          [P99]: percentile(times, 0.99) * 1_000,
          [NEW]: percentile(opened, 0.5) * 1_000,
        };
        for (const { direction, name } of DIRECTIONS) {
          values[name] = await pair.call<number>("bulk", direction, BULK_MS, 1);
        }
        return values;
      },
    })),
};
