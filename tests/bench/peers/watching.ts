/** A node that is watched, alone in its process; or the peers that it has; or its watchers. */
import process from "node:process";
import { ControlClient } from "../../../src/control/control_client.ts";
import { openDirectory } from "../../../src/control/control_listeners.ts";
import { ControlServer } from "../../../src/control/control_server.ts";
import { systemClock, systemRandom } from "../../../src/core/clock.ts";
import { Node } from "../../../src/mesh/node.ts";
import { serve } from "../serve.ts";

const COMPLETE_MS = 50_000;
let node: Node | undefined;
let stop = new AbortController();
let watchers: Promise<void>[] = [];

await serve({
  /** Starts the node; its control API is in a directory of its own. */
  async start(directory: string): Promise<string> {
    await Deno.mkdir(directory, { mode: 0o700 });
    node = await Node.start({ host: "127.0.0.1" });
    const server = new ControlServer({
      node,
      clock: systemClock,
      onStop: () => {},
    });
    await openDirectory(server, directory, {
      clock: systemClock,
      random: systemRandom,
    });
    return node.address;
  },

  /** Starts peers; resolves when all have sessions with all others. */
  async join(address: string, count: number): Promise<boolean> {
    const nodes = await Promise.all(
      Array.from(
        { length: count },
        () => Node.start({ host: "127.0.0.1", connect: [address] }),
      ),
    );
    const end = performance.now() + COMPLETE_MS;
    while (performance.now() < end) {
      if (nodes.every((it) => it.sessions().length === count)) return true;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return false;
  },

  /** Begins to watch the node of a directory, as so many clients. */
  watch(directory: string, clients: number): void {
    stop = new AbortController();
    watchers = Array.from({ length: clients }, async () => {
      using client = await ControlClient.find(directory);
      const { signal } = stop;
      try {
        for await (const _ of client.watch({ intervalMs: 1_000, signal }));
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    });
  },

  /** Ends that. */
  async unwatch(): Promise<void> {
    stop.abort();
    await Promise.all(watchers);
  },

  /** CPU time of this process in the next `ms`, a share of one core in percent. */
  async cpu(ms: number): Promise<number> {
    const before = process.cpuUsage();
    const since = performance.now();
    await new Promise((resolve) => setTimeout(resolve, ms));
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000 / (performance.now() - since) * 100;
  },
});
