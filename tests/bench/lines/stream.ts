/** How much goes through one stream, and through many at once. */
import { streamers, StreamPair } from "../byte_streams/stream_pair.ts";
import type { Line } from "./line.ts";

const BULK_MS = 500;
const AT_ONCE = 100;
const DIRECTIONS = [
  { direction: "send", name: "to the acceptor" },
  { direction: "receive", name: "from the acceptor" },
] as const;
const WAYS = [
  { name: "64 KiB writes", web: false, streams: 1 },
  { name: "64 KiB by Web Streams", web: true, streams: 1 },
  { name: `64 KiB writes in ${AT_ONCE} streams`, web: false, streams: AT_ONCE },
] as const;
const nameOf = (way: string, direction: string) => `${way} ${direction}`;

/** Bulk data in one direction at a time. */
export const stream: Line = {
  name: "stream",
  description: `bulk through one stream, and through ${AT_ONCE} at once`,
  secondsARound: 30,
  figures: WAYS.flatMap(({ name: way }) =>
    DIRECTIONS.map(({ name }) => ({
      name: nameOf(way, name),
      unit: "MB/s",
      better: "higher",
      ratios: { bare: 0.75, libp2p: 1, "secret-stream": 1 },
    }))
  ),
  contenders: (settings) =>
    streamers(
      {
        bare: "a TLS socket for each stream, without frames",
        libp2p: "js-libp2p: TCP, Noise, Yamux, by events",
        "secret-stream": "a connection for each stream, by events",
      },
      settings,
      async (kind) => {
        const values: Record<string, number> = {};
        for (const { name: way, web, streams } of WAYS) {
          // Streams of others have no second way.
          if (web && kind !== "verack" && kind !== "bare") continue;
          await using pair = await StreamPair.start({ kind, web }, settings);
          for (const { direction, name } of DIRECTIONS) {
            values[nameOf(way, name)] = await pair.call<number>(
              "bulk",
              direction,
              BULK_MS,
              streams,
            );
          }
        }
        return values;
      },
    ),
};
