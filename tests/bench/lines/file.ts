/** How fast a file comes to another process, and what memory that takes. */
import { join } from "node:path";
import { streamers, StreamPair } from "../byte_streams/stream_pair.ts";
import { hasNetcat, netcat } from "../netcat.ts";
import type { Contender, Line, Settings } from "./line.ts";

const NETCAT = "cat | nc";
const RATE = "from disk to disk";

/** One file over loopback; the time until the receiver has all of it. */
export const file: Line = {
  name: "file",
  description: "a file of --file-bytes, sent from one process to the other",
  secondsARound: 40,
  figures: [{
    name: RATE,
    unit: "MB/s",
    better: "higher",
    ratios: { [NETCAT]: 0.5, libp2p: 1, "secret-stream": 1 },
  }],
  async contenders(settings) {
    const { bytes } = settings.files;
    const rate = (milliseconds: number) => bytes / milliseconds / 1_000;
    const [verack, ...others] = streamers(
      {
        tcp: "read and written by Deno over plain TCP, no hash",
        bare: "read and written by Deno over TLS, no hash",
        libp2p: "read and written by Node over one stream, no hash",
        "secret-stream": "read and written by Node over its stream, no hash",
      },
      settings,
      async (kind) => {
        const source = await settings.files.source(bytes);
        await using receiver = await settings.files.receiver();
        const folders = [join(source, ".."), receiver.path];
        await using pair = await StreamPair.start(
          { kind, receiveDir: receiver.path },
          settings,
          { folders },
        );
        return { [RATE]: rate(await pair.call<number>("file", source)) };
      },
    );
    return [verack!, ...await netcats(settings, rate), ...others];
  },
};

async function netcats(
  { files, note }: Settings,
  rate: (milliseconds: number) => number,
): Promise<Contender[]> {
  if (!await hasNetcat()) {
    note("The netcat of OpenBSD is not measured, as it is not installed");
    return [];
  }
  return [{
    name: NETCAT,
    doing: "cat FILE | nc to nc -l > FILE, plain TCP, no hash",
    measure: async () => {
      await using receiver = await files.receiver();
      const copy = join(receiver.path, "copy");
      return {
        [RATE]: rate(await netcat(await files.source(files.bytes), copy)),
      };
    },
  }];
}

const ENDS = ["sending", "receiving"] as const;
const peakOf = (end: string) => `peak of the ${end} end`;

/** Memory above that of an idle node, while a file of twice the size goes by. */
export const fileMemory: Line = {
  name: "file-memory",
  description: "memory of both ends for a file of twice --file-bytes",
  secondsARound: 20,
  maxRounds: 2,
  figures: ENDS.map((end) => ({
    name: peakOf(end),
    unit: "MB",
    better: "lower",
    aim: 64,
  })),
  contenders: (settings) =>
    streamers(
      { bare: "read and written by Deno over TLS, no hash" },
      settings,
      async (kind) => {
        const source = await settings.files.source(2 * settings.files.bytes);
        await using receiver = await settings.files.receiver();
        await using pair = await StreamPair.start(
          { kind, receiveDir: receiver.path },
          settings,
          {
            folders: [join(source, ".."), receiver.path],
            flags: "--expose-gc",
          },
        );
        const { sending, receiving } = await pair.peaks(() =>
          pair.call("file", source)
        );
        return {
          [peakOf("sending")]: sending / 1e6,
          [peakOf("receiving")]: receiving / 1e6,
        };
      },
    ),
};
