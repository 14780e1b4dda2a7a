/**
 * A node with an application: it sends numbered messages, requests and files to whom it knows,
 * opens streams to them and takes what comes, and says on standard output what it did, each line
 * before anybody else can know. What nodes say themselves it prints as `verack run --json` does.
 *
 * A line on standard input ends the sending. `--quiet` begins so.
 */
import { parseArgs } from "@std/cli/parse-args";
import { eventJson } from "../../../src/cli/event_lines.ts";
import { VerackError } from "../../../src/core/errors.ts";
import { Node } from "../../../src/mesh/node.ts";
import type { NodeStore } from "../../../src/mesh/peers/node_store.ts";
import { DataDirectory } from "../../../src/store/data_directory.ts";
import { FileTraffic } from "./file_traffic.ts";
import type { Told } from "./ledger.ts";
import { Traffic } from "./traffic.ts";

/** Between two messages, milliseconds. */
const PAUSE_MS = 20;

/** Messages that wait for an acknowledgement; a stopped receiver must not fill the outbox. */
const MAX_WAITING = 400;

const TOPICS = ["", "even", "odd"];

/** One message in so many is this long and travels in pieces; the others are short. */
const LARGE_EVERY = 25;
const LARGE_BYTES = 100_000;

/** In place of one message in so many a stream is opened, of another a request is sent. */
const STREAM_EVERY = 5;

/** Beside one in so many a file is sent. */
const FILE_EVERY = 23;

const flags = parseArgs(Deno.args, {
  boolean: ["json", "quiet"],
  string: [
    "data",
    "host",
    "port",
    "period",
    "heartbeat",
    "dead-after",
    "connect",
  ],
  collect: ["connect"],
});
const encoder = new TextEncoder();
const print = (line: string) =>
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
const tell = (told: Told) => print(JSON.stringify(told));

const stop = new AbortController();
Deno.addSignalListener("SIGTERM", () => stop.abort());
let quiet = flags.quiet === true;
void Deno.stdin.read(new Uint8Array(16)).then(() => quiet = true);
await run();
// Standard input is still being read.
Deno.exit(143);

async function run(): Promise<void> {
  using data = await DataDirectory.open(String(flags.data));
  const { identity, store } = data;
  await using node = await Node.start({
    identity,
    store,
    host: String(flags.host),
    port: Number(flags.port),
    connect: [flags.connect ?? []].flat().map(String),
    heartbeatMs: 1_000 * Number(flags.heartbeat ?? 1),
    deadAfterMs: 1_000 * Number(flags["dead-after"] ?? 3),
  });
  const traffic = new Traffic(node, tell);
  const files = new FileTraffic(node, String(flags.data), tell);
  stop.signal.addEventListener("abort", () => void node.close());
  await Promise.all([
    show(node),
    take(node),
    send(node, store, traffic, files),
    count(node, () => traffic.open + files.open),
  ]);
}

async function show(node: Node): Promise<void> {
  for await (const event of node.events()) {
    print(eventJson(event, new Date()));
  }
}

async function take(node: Node): Promise<void> {
  for await (const message of node.messages()) {
    const [key = ""] = message.text().split(" ", 1);
    const { from, topic, id } = message;
    tell({ type: "taken", key, from, topic, id });
  }
}

async function send(
  node: Node,
  store: NodeStore,
  traffic: Traffic,
  files: FileTraffic,
): Promise<void> {
  // A life of its own at every start: no number is given twice.
  const life = crypto.randomUUID().slice(0, 8);
  let waiting = 0;
  for (let number = 1; !stop.signal.aborted; number++) {
    await pause();
    if (stop.signal.aborted || quiet || waiting >= MAX_WAITING) continue;
    const known = node.peers().filter(({ lastSeen }) => lastSeen !== undefined);
    const peer = known[Math.floor(Math.random() * known.length)];
    if (peer === undefined) continue;
    const key = `${life}.${number}`;
    if (number % STREAM_EVERY === 0) {
      traffic.begin(key, peer.id, number / STREAM_EVERY);
      continue;
    }
    if (number % STREAM_EVERY === 1) {
      traffic.request(key, peer.id);
      continue;
    }
    if (number % FILE_EVERY === 2) files.begin(peer.id, number);
    const topic = TOPICS[number % TOPICS.length] ?? "";
    const size = number % LARGE_EVERY === 0 ? LARGE_BYTES : 0;
    const to = peer.id;
    const body = `${key} ${"x".repeat(size)}`;
    let refused = false;
    waiting++;
    node.send(to, body, { topic })
      .then(() => tell({ type: "acked", key }), (error: unknown) => {
        refused = true;
        if (error instanceof VerackError && error.code === "stopped") return;
        tell({ type: "failed", key, reason: String(error) });
      })
      .finally(() => waiting--);
    void store.committed().then(() => {
      // Refused at once it never was in the store.
      if (!refused) tell({ type: "kept", key, to, topic });
    });
  }
}

/** Says how much is still on its way, once nothing more is sent. */
async function count(node: Node, open: () => number): Promise<void> {
  let said: number | undefined;
  while (!stop.signal.aborted) {
    await pause();
    const messages = node.outbox.messages + open();
    if (!quiet || messages === said) continue;
    said = messages;
    tell({ type: "outbox", messages });
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
