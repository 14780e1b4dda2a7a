/**
 * A crowd: many nodes join through one, in virtual time, until everybody has one
 * session with everybody else. No faults; what is shown is that a full mesh of
 * that size comes about, and what it costs.
 */
import { Node } from "../../src/mesh/node.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { SimulatedClock } from "./clock.ts";
import { numberedIdentity } from "./keys.ts";

/** What a crowd came to. */
export interface CrowdOutcome {
  readonly nodes: number;
  /** Sessions that both ends count on, each pair once. */
  readonly sessions: number;
  readonly virtualMs: number;
  /** Packets that arrived. */
  readonly packets: number;
}

/** Progress, now and then. */
export interface CrowdProgress {
  readonly virtualMs: number;
  /** Nodes started. */
  readonly started: number;
  /** Sessions announced so far, each pair once. */
  readonly sessions: number;
}

/** A node joins each so many milliseconds: a crowd, not a stampede. */
const JOIN_EVERY_MS = 100;

/** How long the mesh may take after the last one has joined, milliseconds. */
const WHOLE_WITHIN_MS = 120_000;

/**
 * The heartbeat, milliseconds: long, because a million idle sessions that ping each
 * second are a thousand times as much work as making them.
 */
const HEARTBEAT_MS = 600_000;

const PORT = 8080;

/**
 * Joins `count` nodes through the first, and closes them.
 *
 * @throws {Error} when the mesh is not complete in time.
 */
export async function joinCrowd(
  count: number,
  onProgress: (progress: CrowdProgress) => void = () => {},
): Promise<CrowdOutcome> {
  const clock = new SimulatedClock();
  let packets = 0;
  const network = new MemoryNetwork({
    clock,
    random: new SeededRandom(count),
    latencyMs: 5,
    jitterMs: 5,
    onPacket: () => packets++,
  });
  const nodes: Node[] = [];
  const join = async (index: number) => {
    const host = hostOf(index);
    nodes.push(
      await Node.start({
        identity: await numberedIdentity(index),
        host,
        port: PORT,
        connect: index === 0 ? [] : [`${hostOf(0)}:${PORT}`],
        transport: network.transport(host),
        clock,
        random: new SeededRandom(count + index),
        heartbeatMs: HEARTBEAT_MS,
        peerExchangeMs: HEARTBEAT_MS,
      }),
    );
  };
  const sessions = () =>
    nodes.reduce((sum, node) => sum + node.sessions().length, 0) / 2;
  const pairs = count * (count - 1) / 2;
  for (let index = 0; index < count; index++) {
    await join(index);
    await clock.run(clock.monotonic() + JOIN_EVERY_MS, () => false);
    if (index % 50 === 49) {
      onProgress({
        virtualMs: clock.monotonic(),
        started: nodes.length,
        sessions: sessions(),
      });
    }
  }
  const limit = clock.monotonic() + WHOLE_WITHIN_MS;
  while (sessions() < pairs && clock.monotonic() < limit) {
    await clock.run(clock.monotonic() + 1_000, () => false);
    onProgress({
      virtualMs: clock.monotonic(),
      started: nodes.length,
      sessions: sessions(),
    });
  }
  const outcome = {
    nodes: count,
    sessions: sessions(),
    virtualMs: clock.monotonic(),
    packets,
  };
  if (outcome.sessions !== pairs) {
    throw new Error(
      `${count} nodes have ${outcome.sessions} of ${pairs} sessions after ${outcome.virtualMs} ms`,
    );
  }
  const closing = Promise.all(
    nodes.map((node) => node.close({ abrupt: true })),
  );
  await clock.run(clock.monotonic() + 5_000, () => false);
  await closing;
  return outcome;
}

/** An address of its own for each. */
function hostOf(index: number): string {
  return `10.${index >> 16 & 255}.${index >> 8 & 255}.${index & 255}`;
}
