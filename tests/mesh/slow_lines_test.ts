/** Nodes at the two ends of a long line, of a relay that buffers, and of one that breaks. */
import { assert, assertEquals } from "@std/assert";
import { Node } from "../../src/mesh/node.ts";
import { EmulatedLink, type LineOptions } from "../helpers/emulated_link.ts";
import { EventLog } from "../helpers/nodes.ts";
import { until } from "../helpers/until.ts";

/** Nothing listens there. */
const NOWHERE = "127.0.0.1:1";

/** Two nodes that are joined by a line, and what they said of each other. */
class Pair implements AsyncDisposable {
  readonly near: Node;
  readonly far: Node;
  readonly line: EmulatedLink;
  readonly log: EventLog;
  readonly farLog: EventLog;

  private constructor(near: Node, far: Node, line: EmulatedLink) {
    this.near = near;
    this.far = far;
    this.line = line;
    this.log = new EventLog(near);
    this.farLog = new EventLog(far);
  }

  static async start(options: LineOptions): Promise<Pair> {
    const line = EmulatedLink.start("", options);
    // There is no way around the line.
    const far = await Node.start({ advertise: line.address });
    line.target = far.address;
    const near = await Node.start({
      connect: [line.address],
      advertise: NOWHERE,
    });
    const pair = new Pair(near, far, line);
    await until(
      "the session",
      () => near.sessions().length === 1 && far.sessions().length === 1,
      20_000,
    );
    return pair;
  }

  get to(): string {
    return this.far.identity.id;
  }

  downs(): readonly string[] {
    return [...this.log.of("peer:down"), ...this.farLog.of("peer:down")]
      .map(({ reason }) => reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.near.close(), this.far.close()]);
    await this.line[Symbol.asyncDispose]();
  }
}

/** Takes all that comes; how many bytes. */
function takeAll(node: Node): { bytes: number; count: number } {
  const taken = { bytes: 0, count: 0 };
  (async () => {
    for await (const { body } of node.messages()) {
      taken.bytes += body.length;
      taken.count++;
    }
  })();
  return taken;
}

Deno.test("through a relay that takes everything at once and passes it on slowly, a body needs little more than the line's time, pings are not late, and no session is given up", async () => {
  // As 512 kbit/s.
  await using pair = await Pair.start({ bytesPerSecond: 64_000 });
  const { near, to } = pair;
  takeAll(pair.far);
  const bytes = 400_000;
  const begun = performance.now();
  let over = false;
  let slowestMs = 0;
  const pinging = (async () => {
    while (!over) {
      slowestMs = Math.max(slowestMs, await near.roundTrip(to) ?? Infinity);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  await near.send(to, new Uint8Array(bytes), { topic: "bulk" });
  over = true;
  await pinging;
  const seconds = (performance.now() - begun) / 1_000;
  assertEquals(pair.downs(), []);
  assert(seconds <= 1.3 * bytes / 64_000 + 1, `${seconds} s`);
  assert(slowestMs < 1_000, `a ping took ${slowestMs} ms`);
});

Deno.test("with 600 ms of delay each way a session opens and stays, and messages flow", async () => {
  await using pair = await Pair.start({ delayMs: 600 });
  const { near, to } = pair;
  const taken = takeAll(pair.far);
  const rtt = await near.roundTrip(to);
  assert(rtt !== undefined && rtt >= 1_200, `${rtt} ms`);
  await near.send(to, new Uint8Array(1_000_000), { topic: "bulk" });
  await Promise.all(
    Array.from({ length: 3_000 }, () => near.send(to, new Uint8Array(100))),
  );
  assertEquals(taken.count, 3_001);
  // Longer than a peer may be silent.
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  assertEquals(pair.downs(), []);
});

Deno.test("a body whose session breaks goes on where it was, and is not sent from its beginning again", async () => {
  await using pair = await Pair.start({ bytesPerSecond: 2_000_000 });
  const { near, to, line } = pair;
  const taken = takeAll(pair.far);
  const bytes = 4_000_000;
  const sent = near.send(to, new Uint8Array(bytes), { topic: "bulk" });
  for (const share of [0.3, 0.6, 0.9]) {
    await until(
      `${share} of the body`,
      () => line.forwardedBytes >= share * bytes,
    );
    line.cut();
  }
  await sent;
  assertEquals(taken, { bytes, count: 1 });
  assert(pair.downs().length >= 3, "the line was not cut");
  assert(line.forwardedBytes < 1.2 * bytes, `${line.forwardedBytes} bytes`);
});
