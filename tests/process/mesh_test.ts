/** Nodes started by hand, as the README shows it, one process each. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
} from "@std/assert";
import { NodeProcess, type Printed } from "../helpers/process.ts";

/** What other programs rely on: the keys of every event, `time` apart. */
const CONTRACT = {
  "listening": "address addresses id",
  "peer:up": "address direction id trust",
  "peer:down": "id left reason",
  "ping": "id text",
  "mesh": "missing nodes sessions",
  "stopped": "",
} as const;

/**
 * Events without their time and without what may come in any order or number. Of peers
 * that dialed, the address is where they say that they listen.
 */
function story(node: NodeProcess): Omit<Printed, "time">[] {
  return node.events
    .filter(({ type }) => !["mesh", "ping", "overflow"].includes(type))
    .map(({ time: _, ...event }) => {
      if (event.type !== "peer:up" || event.advertised === undefined) {
        return event;
      }
      const { advertised: address, ...rest } = event;
      assertNotEquals(event.address, address);
      return { ...rest, address };
    });
}

function assertContract(event: Printed): void {
  const { time, type, ...rest } = event;
  assertMatch(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert(type in CONTRACT, `unknown event ${type}`);
  const keys = Object.keys(rest).sort().join(" ");
  const wanted = CONTRACT[type as keyof typeof CONTRACT];
  const isInbound = type === "peer:up" && event.direction === "inbound";
  assertEquals(
    keys,
    isInbound ? wanted.replace(" ", " advertised ") : wanted,
    type,
  );
}

Deno.test("three nodes, each pointed at the one before, meet, ping each other, and report which leaves", async () => {
  await using a = await NodeProcess.start(["--period=0.2"]);
  await using b = await NodeProcess.start([
    "--period=0.1",
    `--connect=${a.address}`,
  ]);
  await a.meshOf(2);
  await b.meshOf(2);
  await using c = await NodeProcess.start([
    "--period=0.1",
    `--connect=${b.address}`,
  ]);
  await Promise.all([a, b, c].map((node) => node.meshOf(3)));
  for (const node of [a, b, c]) {
    for (const other of [a, b, c].filter((it) => it !== node)) {
      const { text } = await node.waitFor(
        "ping",
        ({ id }) => id === other.id,
      );
      assertMatch(text, /^ping \d+$/);
    }
  }

  assertEquals(await c.end("SIGINT"), 130);
  assertEquals(await b.end("SIGTERM"), 143);
  await a.waitFor("peer:down", ({ id }) => id === b.id);
  assertEquals(await a.end("SIGINT"), 130);

  const up = (
    node: NodeProcess,
    direction: "inbound" | "outbound",
    trust: "first-use" | "known",
  ) => ({
    type: "peer:up",
    id: node.id,
    address: node.address,
    direction,
    trust,
  });
  const listening = ({ id, address }: NodeProcess) => ({
    type: "listening",
    id,
    address,
    addresses: [address],
  });
  const left = ({ id }: NodeProcess) => ({
    type: "peer:down",
    id,
    reason: "Peer said bye: leaving",
    left: true,
  });
  const stopped = { type: "stopped" };
  assertEquals<unknown>(story(a), [
    listening(a),
    up(b, "inbound", "first-use"),
    up(c, "inbound", "first-use"),
    left(c),
    left(b),
    stopped,
  ]);
  assertEquals<unknown>(story(b), [
    listening(b),
    up(a, "outbound", "first-use"),
    up(c, "inbound", "first-use"),
    left(c),
    stopped,
  ]);
  assertEquals<unknown>(story(c), [
    listening(c),
    up(b, "outbound", "first-use"),
    up(a, "outbound", "known"),
    stopped,
  ]);
  for (const node of [a, b, c]) {
    // A slow machine has more pings come than are shown of a stranger.
    node.events.filter(({ type }) => type !== "overflow")
      .forEach(assertContract);
    assertEquals(node.child.err, []);
  }
  assertEquals(
    a.of("mesh").map(({ nodes, sessions }) => `${nodes}/${sessions}`),
    ["1/0", "2/1", "3/2", "2/1", "1/0"],
  );
});

Deno.test("a second Ctrl-C ends a node at once that waits for a peer to hear its bye", async () => {
  await using a = await NodeProcess.start(["--log-level=info"]);
  await using b = await NodeProcess.start([`--connect=${a.address}`]);
  await a.meshOf(2);
  b.child.kill("SIGSTOP");
  try {
    a.child.kill("SIGINT");
    await a.child.talk((line) => line.includes('"leaving"'));
    // What comes at once is taken for an echo of the first, by `deno task` say.
    const again = setInterval(() => {
      try {
        a.child.kill("SIGINT");
      } catch {
        // It has ended.
      }
    }, 50);
    const code = await a.child.code().finally(() => clearInterval(again));
    assertEquals(code, 130);
    assertEquals(a.of("stopped"), []);
  } finally {
    b.child.kill("SIGCONT");
  }
  await b.waitFor("peer:down");
});
