/**
 * `deno task scaling`: what a full mesh costs as it grows, counted in virtual time, where the
 * machine does not matter: all nodes start at once and are told of the first, one more joins,
 * then nothing happens for some minutes. `docs/scaling.md` has what it printed.
 *
 *     deno task scaling                 10, 25, 50 and 100 nodes
 *     deno task scaling 200             so many; takes minutes
 *
 * The time that the machine takes for it is printed as well: it is that of all nodes together,
 * with the signatures of their handshakes, and without TLS.
 */
import type { NodeParts } from "../../src/mesh/node_parts.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import { Node } from "../../src/mesh/node.ts";
import type { MemoryPacket } from "../../src/testing/memory_end.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { FRAME_HEADER_BYTES } from "../../src/wire/wire_limits.ts";
import { SimulatedClock } from "./clock.ts";
import { numberedIdentity } from "./keys.ts";
import { PORT } from "./liar.ts";

const SIZES = [10, 25, 50, 100];
const LATENCY_MS = 5;
const JITTER_MS = 5;
/** How often it is looked whether the mesh is full. */
const LOOK_MS = 50;
/** A mesh that is not full by then is given up. */
const FULL_WITHIN_MS = 600_000;
/** Until the nodes have said what they have to say of the others. */
const SETTLE_MS = 60_000;
const IDLE_MS = 120_000;
/** As in the line `growing` of the benchmark: ten times the default. */
const HEARTBEAT_MS = 10_000;
const MINUTE_MS = 60_000;

const GOSSIP: ReadonlySet<string> = new Set(["peers", "peerids", "getpeers"]);

/** What was sent since the last {@linkcode Traffic.take}. */
interface Sent {
  bytes: number;
  frames: number;
  gossipBytes: number;
  gossipFrames: number;
  /** Packets of connections that carry no data. */
  connections: number;
}

/** Reads the commands of all frames on all connections. */
class Traffic {
  #sent = nothing();
  /** By direction of a connection: the head of a frame, as far as it came, and what is left of it. */
  readonly #streams = new Map<
    string,
    { head: Uint8Array; has: number; left: number; isGossip: boolean }
  >();

  onPacket({ from, to, kind, data }: MemoryPacket): void {
    const key = `${from}>${to}`;
    if (kind === "syn") this.#sent.connections++;
    if (kind === "fin" || kind === "reset") this.#streams.delete(key);
    if (data === undefined) return;
    this.#sent.bytes += data.length;
    const stream = this.#streams.getOrInsertComputed(key, () => ({
      head: new Uint8Array(FRAME_HEADER_BYTES),
      has: 0,
      left: 0,
      isGossip: false,
    }));
    for (let at = 0; at < data.length;) {
      if (stream.left > 0) {
        const some = Math.min(stream.left, data.length - at);
        stream.left -= some;
        at += some;
        if (stream.isGossip) this.#sent.gossipBytes += some;
        continue;
      }
      const some = Math.min(FRAME_HEADER_BYTES - stream.has, data.length - at);
      stream.head.set(data.subarray(at, at + some), stream.has);
      stream.has += some;
      at += some;
      if (stream.has === FRAME_HEADER_BYTES) this.#begin(stream);
    }
  }

  #begin(
    stream: { head: Uint8Array; has: number; left: number; isGossip: boolean },
  ): void {
    const { head } = stream;
    const command = new TextDecoder("latin1").decode(head.subarray(4, 16))
      .replace(/\0+$/, "");
    stream.has = 0;
    stream.left = new DataView(head.buffer).getUint32(16, true);
    stream.isGossip = GOSSIP.has(command);
    this.#sent.frames++;
    if (!stream.isGossip) return;
    this.#sent.gossipFrames++;
    this.#sent.gossipBytes += FRAME_HEADER_BYTES;
  }

  /** What was sent since the last time. */
  take(): Sent {
    const sent = this.#sent;
    this.#sent = nothing();
    return sent;
  }
}

function nothing(): Sent {
  return {
    bytes: 0,
    frames: 0,
    gossipBytes: 0,
    gossipFrames: 0,
    connections: 0,
  };
}

/** One mesh, on a network without faults. */
class Mesh implements AsyncDisposable {
  readonly clock = new SimulatedClock();
  readonly traffic = new Traffic();
  readonly nodes: Node[] = [];
  readonly #parts: NodeParts[] = [];
  readonly #network = new MemoryNetwork({
    clock: this.clock,
    random: new SeededRandom(1),
    latencyMs: LATENCY_MS,
    jitterMs: JITTER_MS,
    onPacket: (packet) => this.traffic.onPacket(packet),
  });

  async start(index: number): Promise<void> {
    const host = hostOf(index);
    const node = await Node.start({
      identity: await numberedIdentity(10_000 + index),
      host,
      port: PORT,
      connect: index === 0 ? [] : [`${hostOf(0)}:${PORT}`],
      transport: this.#network.transport(host),
      clock: this.clock,
      random: new SeededRandom(1_000 + index),
      heartbeatMs: HEARTBEAT_MS,
    });
    this.nodes.push(node);
    this.#parts.push(partsOf(node));
  }

  /** Sessions that the nodes count on, of all ends. */
  get ends(): number {
    return this.#parts.reduce(
      (sum, { table }) => sum + table.connected().length,
      0,
    );
  }

  get isFull(): boolean {
    return this.ends === this.nodes.length * (this.nodes.length - 1);
  }

  /** Lets time pass until the mesh is full; how long it took. */
  async becomeFull(): Promise<number> {
    const since = this.clock.monotonic();
    while (!this.isFull) {
      const now = this.clock.monotonic();
      if (now - since > FULL_WITHIN_MS) return Infinity;
      await this.run(LOOK_MS);
    }
    return this.clock.monotonic() - since;
  }

  run(ms: number): Promise<void> {
    return this.clock.run(this.clock.monotonic() + ms, () => false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    let done = false;
    const closed = Promise.all(this.nodes.map((node) => node.close()))
      .then(() => done = true);
    while (!done) await this.run(1_000);
    await closed;
  }
}

function hostOf(index: number): string {
  return `10.0.${index >> 8}.${index & 255}`;
}

/** Measures a mesh of so many nodes, and prints a line of the table. */
async function measure(count: number): Promise<void> {
  // Keys are made before the time of the machine is taken.
  for (let i = 0; i <= count; i++) await numberedIdentity(10_000 + i);
  const before = performance.now();
  await using mesh = new Mesh();
  await Promise.all(Array.from({ length: count }, (_, i) => mesh.start(i)));
  const fullMs = await mesh.becomeFull();
  const tookS = (performance.now() - before) / 1_000;
  const joined = mesh.traffic.take();
  await mesh.run(SETTLE_MS);
  const settled = mesh.traffic.take();
  const restFrom = performance.now();
  await mesh.run(IDLE_MS);
  const restS = (performance.now() - restFrom) / 1_000;
  const idle = mesh.traffic.take();
  await mesh.start(count);
  const newcomerMs = await mesh.becomeFull();
  const newcomer = mesh.traffic.take();
  const sessions = count * (count - 1) / 2;
  const each = (value: number) => value / count;
  const aMinute = (value: number) => each(value) * MINUTE_MS / IDLE_MS;
  row([
    String(count),
    String(sessions),
    `${(fullMs / 1_000).toFixed(2)} s`,
    String(joined.connections),
    kilo(each(joined.bytes)),
    each(joined.gossipFrames).toFixed(0),
    kilo(each(joined.gossipBytes)),
    kilo(each(settled.gossipBytes)),
    aMinute(idle.frames).toFixed(0),
    kilo(aMinute(idle.bytes)),
    aMinute(idle.gossipFrames).toFixed(1),
    kilo(aMinute(idle.gossipBytes)),
    `${(newcomerMs / 1_000).toFixed(2)} s`,
    kilo(newcomer.gossipBytes),
    `${tookS.toFixed(1)} s`,
    `${restS.toFixed(1)} s`,
  ]);
}

function kilo(bytes: number): string {
  return `${(bytes / 1_000).toFixed(1)} kB`;
}

function row(cells: readonly string[]): void {
  console.log(`| ${cells.join(" | ")} |`);
}

if (import.meta.main) {
  const sizes = Deno.args.length > 0 ? Deno.args.map(Number) : SIZES;
  if (!sizes.every((size) => Number.isInteger(size) && size > 1)) {
    throw new RangeError("Sizes must be whole numbers from 2 on");
  }
  const head = [
    "nodes",
    "sessions",
    "full after",
    "connections",
    "sent while joining, a node",
    "of it gossip, messages",
    "of it gossip",
    "gossip of the minute after",
    "at rest a node and minute, messages",
    "bytes",
    "of it gossip, messages",
    "of it gossip",
    "one more has joined after",
    "gossip of all for it",
    "machine, joining",
    "machine, 2 min of rest",
  ];
  row(head);
  row(head.map(() => "---"));
  for (const size of sizes) await measure(size);
}
