/** Some of the nodes of a mesh that is spread over several processes. */
import process from "node:process";
import { Identity, Node } from "../../../mod.ts";
import { serve } from "../serve.ts";

const heartbeatMs = Number(process.argv[2]);
const options = { heartbeatMs, deadAfterMs: 3 * heartbeatMs };
let identities: Identity[] = [];
const nodes: Node[] = [];

async function prepare(count: number): Promise<void> {
  identities = await Promise.all(
    Array.from({ length: count }, () => Identity.generate()),
  );
}

/** Starts the node that all others know; its address. */
async function seed(): Promise<string> {
  const node = await Node.start({ identity: identities.pop()!, ...options });
  nodes.push(node);
  return node.address;
}

/** Starts the rest, all at once. */
async function start(address: string): Promise<void> {
  nodes.push(
    ...await Promise.all(
      identities.map((identity) =>
        Node.start({ identity, connect: [address], ...options })
      ),
    ),
  );
}

/** Waits until nodes are connected with all of so many; the sessions that they lack. */
async function met(total: number, ms: number): Promise<number> {
  const signal = AbortSignal.timeout(ms);
  const lacking = await Promise.all(
    nodes.map((node) => lackingOf(node, total - 1, signal)),
  );
  return lacking.reduce((sum, it) => sum + it, 0);
}

/** Starts one node more; whether it connects with all the others in time. */
async function newcomer(others: number, ms: number): Promise<boolean> {
  const node = await Node.start({
    connect: [nodes[0]!.address],
    ...options,
  });
  return await lackingOf(node, others, AbortSignal.timeout(ms)) === 0;
}

async function lackingOf(
  node: Node,
  peers: number,
  signal: AbortSignal,
): Promise<number> {
  const lacking = () =>
    peers - node.peers().filter((peer) => peer.connected).length;
  if (lacking() === 0) return 0;
  for await (const event of node.events({ signal })) {
    if (event.type === "mesh" && event.sessions === peers) return 0;
  }
  return lacking();
}

/** Processor time of this process, milliseconds. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Resident bytes after garbage collection; needs `--expose-gc`. */
async function memory(): Promise<number> {
  const { gc } = globalThis as { gc?: () => void };
  for (let i = 0; i < 3; i++) {
    gc?.();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return Deno.memoryUsage().rss;
}

/** How much this process may open, if the system says, and what memory is free. */
async function room(): Promise<{ descriptors: number | null; bytes: number }> {
  const bytes = Deno.systemMemoryInfo().available;
  try {
    const limits = await Deno.readTextFile("/proc/self/limits");
    const [, open] = /^Max open files +(\d+)/m.exec(limits) ?? [];
    return { descriptors: open === undefined ? null : Number(open), bytes };
  } catch {
    return { descriptors: null, bytes };
  }
}

await serve({ prepare, seed, start, met, newcomer, cpuMs, memory, room });
