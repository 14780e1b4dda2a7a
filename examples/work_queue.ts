/**
 * Jobs go to whichever member is free. A job whose worker dies goes to another one.
 *
 *     deno run -A examples/work_queue.ts
 */
import { Node, type PeerId, RequestError, VerackError } from "../mod.ts";

/** A member that works on one job at a time. */
async function worker(name: string, connect: string[]): Promise<Node> {
  const node = await Node.start({ name, connect });
  node.serve<number, number>("square", async (job, { signal }) => {
    // The one named mortal dies at its second job, in the middle of it.
    if (name === "mortal" && job > 3) await node.close({ abrupt: true });
    await new Promise((resolve) => setTimeout(resolve, 20 + job));
    signal.throwIfAborted(); // nothing waits for the result any more
    return job * job;
  }, { maxConcurrent: 1 });
  return node;
}

/** Hands each job to a free worker until all have a result. */
async function work(boss: Node, jobs: number[]): Promise<Map<number, number>> {
  const results = new Map<number, number>();
  const queue = [...jobs];
  const busy = new Set<PeerId>();
  const running = new Set<Promise<void>>();
  const run = async (peer: PeerId, job: number) => {
    busy.add(peer);
    try {
      results.set(job, await boss.request(peer, "square", job));
    } catch (error) {
      // A job that cannot be done is lost; one whose worker is gone is not.
      if (!(error instanceof VerackError)) throw error;
      if (error instanceof RequestError) return console.log(error.message);
      console.log(`job ${job}: ${error.code}, so another worker gets it`);
      queue.unshift(job);
    } finally {
      busy.delete(peer);
    }
  };
  while (queue.length + running.size > 0) {
    const free = boss.sessions().find(({ id }) => !busy.has(id));
    const job = free && queue.shift();
    if (free !== undefined && job !== undefined) {
      const task: Promise<void> = run(free.id, job)
        .finally(() => running.delete(task));
      running.add(task);
    } else if (running.size > 0) await Promise.race(running);
    else await new Promise((resolve) => setTimeout(resolve, 100)); // no worker yet
  }
  return results;
}

await using boss = await Node.start({ name: "boss" });
const names = ["ann", "ben", "mortal"];
const workers = await Promise.all(
  names.map((name) => worker(name, [boss.address])),
);
await Promise.all(workers.map((node) => node.joined()));
const results = await work(boss, Array.from({ length: 20 }, (_, i) => i + 1));
console.log(`${results.size} results, the last is ${results.get(20)}`);
await Promise.all(workers.map((node) => node.close()));
