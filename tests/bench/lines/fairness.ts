/** What a request waits for when much else goes through the same session. */
import { join } from "node:path";
import { streamers, StreamPair, WAY_OF } from "../byte_streams/stream_pair.ts";
import { percentile } from "../stats.ts";
import type { Line } from "./line.ts";

const REQUESTS = 2_000;
const WARM_UPS = 2_000;
const STREAMS = 1_000;
const PERCENTILES = [
  { share: 0.5, name: "p50" },
  { share: 0.99, name: "p99", ofIdle: 4 },
] as const;
const IDLE = "idle";
/** What is sent at the same time, in the order in which it is measured. */
const BESIDE = [
  { name: "beside a bulk stream", file: false, streams: 0 },
  { name: "beside a file", file: true, streams: 0 },
  { name: "beside 1,000 streams and a file", file: true, streams: STREAMS },
] as const;
const nameOf = (state: string, percentile: string) =>
  `100 B request, ${state}, ${percentile}`;
const ratioOf = (state: string, percentile: string) =>
  `${nameOf(state, percentile)} ÷ idle`;

/** Requests one at a time, alone and beside what fills the session. */
export const fairness: Line = {
  name: "fairness",
  description:
    "100-byte requests beside a file of twice --file-bytes and streams",
  secondsARound: 60,
  figures: [
    ...[IDLE, ...BESIDE.map(({ name }) => name)].flatMap((state) =>
      PERCENTILES.map(({ name }) => ({
        name: nameOf(state, name),
        unit: "µs",
        better: "lower" as const,
      }))
    ),
    ...BESIDE.flatMap(({ name: state }) =>
      PERCENTILES.map(({ name, ...aims }) => ({
        name: ratioOf(state, name),
        unit: "×",
        better: "lower" as const,
        ..."ofIdle" in aims && { aim: aims.ofIdle },
      }))
    ),
  ],
  contenders: (settings) =>
    streamers(
      {
        bare: "a TLS socket for the requests, and one for each of the others",
        libp2p: "js-libp2p: TCP, Noise, Yamux, a new stream for each",
      },
      settings,
      async (kind) => {
        const source = await settings.files.source(2 * settings.files.bytes);
        await using receiver = await settings.files.receiver();
        await using pair = await StreamPair.start(
          { kind, receiveDir: receiver.path },
          settings,
          { folders: [join(source, ".."), receiver.path] },
        );
        const way = WAY_OF[kind];
        await pair.call("requests", way, WARM_UPS);
        const idle = await pair.call<number[]>("requests", way, REQUESTS);
        const values: Record<string, number> = {};
        for (const { share, name } of PERCENTILES) {
          values[nameOf(IDLE, name)] = percentile(idle, share) * 1_000;
        }
        for (const { name: state, file, streams } of BESIDE) {
          await pair.call("hold", streams);
          // A file that is there already would not be sent again.
          await removeFiles(receiver.path);
          const times = await pair.call<number[]>(
            "requestsBeside",
            way,
            REQUESTS,
            file ? source : null,
          );
          for (const { share, name } of PERCENTILES) {
            const value = percentile(times, share) * 1_000;
            values[nameOf(state, name)] = value;
            values[ratioOf(state, name)] = value / values[nameOf(IDLE, name)]!;
          }
        }
        return values;
      },
    ),
};

async function removeFiles(folder: string): Promise<void> {
  for (const { name, isFile } of await Array.fromAsync(Deno.readDir(folder))) {
    if (isFile) await Deno.remove(join(folder, name));
  }
}
