/** The dialing process of two: opens streams, makes the load and measures. */
import {
  streamContestant,
  type StreamEndpoint,
  type StreamSession,
  type StreamSetup,
} from "../byte_streams/byte_stream.ts";
import { BLOCK_BYTES, HEAD_BYTES, Load } from "../byte_streams/load.ts";
import { Peak } from "../peak.ts";
import { readSetup, serve } from "../serve.ts";

/** Of the first transfer; later ones are as long as it takes to measure. */
const FIRST_BLOCKS = 64;
const MAX_GROWTH = 8;
const BODY = new Uint8Array(HEAD_BYTES);

const self = await streamContestant(readSetup<StreamSetup>());
/** The session that all loads share. */
let session: Promise<StreamSession> | undefined;
/** The stream of what needs no stream of its own. */
let shared: Promise<Load> | undefined;
const held: Load[] = [];
let peak: Peak | undefined;

async function open(endpoint: StreamEndpoint): Promise<Load> {
  session ??= self.connect(endpoint);
  return new Load(await (await session).open());
}

async function timed(
  times: number[],
  endpoint: StreamEndpoint,
  way: Way,
): Promise<void> {
  const started = performance.now();
  await REQUESTS[way](endpoint);
  times.push(performance.now() - started);
}

/**
 * Transfers that grow until one takes long enough; megabytes a second of that one.
 */
async function bulk(
  endpoint: StreamEndpoint,
  direction: "send" | "receive",
  milliseconds: number,
  streams: number,
): Promise<number> {
  const loads = await Promise.all(
    Array.from({ length: streams }, () => open(endpoint)),
  );
  for (let blocks = FIRST_BLOCKS;;) {
    const each = Math.ceil(blocks / streams);
    const started = performance.now();
    await Promise.all(loads.map((it) => it[direction](each)));
    const elapsed = performance.now() - started;
    if (elapsed >= milliseconds) {
      for (const load of loads) load.abort();
      return each * streams * BLOCK_BYTES / elapsed / 1_000;
    }
    const growth = 1.2 * milliseconds / elapsed;
    blocks = Math.ceil(blocks * Math.min(MAX_GROWTH, growth));
  }
}

/** A file by what is made for them, or through a stream of its own. */
async function sendFile(endpoint: StreamEndpoint, path: string): Promise<void> {
  const { sendFile } = await (session ??= self.connect(endpoint));
  if (sendFile !== undefined) return await sendFile(path);
  const load = await open(endpoint);
  await load.sendFile(path);
  load.abort();
}

/** Bulk data through a stream of its own, until `isEnough`. */
async function sendBulk(
  endpoint: StreamEndpoint,
  isEnough: () => boolean,
): Promise<void> {
  const load = await open(endpoint);
  while (!isEnough()) await load.send(FIRST_BLOCKS);
  load.abort();
}

/** Ways to send a request and wait for its answer. */
const REQUESTS = {
  /** On the same stream each. */
  echo: async (endpoint: StreamEndpoint) => {
    await (await (shared ??= open(endpoint))).echo();
  },
  /** On a new stream each. */
  stream: async (endpoint: StreamEndpoint) => {
    await (await open(endpoint)).echoOnce();
  },
  /** By what is made for requests. */
  request: async (endpoint: StreamEndpoint) => {
    const { request } = await (session ??= self.connect(endpoint));
    await request!(BODY);
  },
};

type Way = keyof typeof REQUESTS;

await serve({
  /** Requests one after the other; milliseconds each. */
  requests: async (endpoint: StreamEndpoint, way: Way, count: number) => {
    const times: number[] = [];
    while (times.length < count) await timed(times, endpoint, way);
    return times;
  },
  /** As many while a file is sent, or bulk data without end. */
  requestsBeside: async (
    endpoint: StreamEndpoint,
    way: Way,
    count: number,
    path: string | null,
  ) => {
    const times: number[] = [];
    let isOver = false;
    const load = path === null
      ? sendBulk(endpoint, () => isOver)
      : sendFile(endpoint, path).finally(() => isOver = true);
    while (!isOver && times.length < count) await timed(times, endpoint, way);
    isOver = true;
    await load;
    return times;
  },
  bulk,
  /** Milliseconds until the other end has it. */
  file: async (endpoint: StreamEndpoint, path: string) => {
    await REQUESTS.echo(endpoint); // The connection is not part of it.
    const started = performance.now();
    await sendFile(endpoint, path);
    return performance.now() - started;
  },
  /** Opens streams that stay open after a request on each. */
  hold: async (endpoint: StreamEndpoint, count: number) => {
    while (held.length < count) {
      const load = await open(endpoint);
      await load.echo();
      held.push(load);
    }
  },
  watch: async () => {
    peak = await Peak.start();
  },
  peak: () => peak?.stop(),
});
