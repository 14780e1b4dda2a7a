/**
 * Long bodies and streams over slow lines, between real processes: no session is given up while
 * its transfer makes progress, and little more is needed than the line's time.
 * `VERACK_SLOW_LINKS=full` sends as much as an issue reported, for a minute longer.
 */
import { assert, assertEquals } from "@std/assert";
import { Child } from "../helpers/child.ts";
import { SlowLink, whyNoSlowLink } from "../helpers/slow_link.ts";

const PEER = new URL("children/bulk_peer.ts", import.meta.url).href;
const why = whyNoSlowLink();
const full = Deno.env.get("VERACK_SLOW_LINKS") === "full";

/** How much longer than the line alone a transfer may take. */
const MAX_RATIO = 1.3;

/** What a short transfer needs besides: pieces are few, and the machine may be busy. */
const SLACK_S = full ? 0 : 1;

/** One line and what goes over it. */
interface Row {
  readonly kbits: number;
  readonly bytes: number;
  readonly peers: number;
  readonly as: "message" | "stream";
}

/** What a peer said of its transfer. */
interface Done {
  readonly seconds: number;
  readonly pingMs: number;
  readonly chatMs: number;
}

function peer(launcher: readonly string[], ...args: string[]): Child {
  const [program = "", ...words] = [...launcher, Deno.execPath()];
  const run = ["run", "--quiet", "--no-prompt", "--cached-only", "--allow-all"];
  return new Child(program, [...words, ...run, PEER, ...args]);
}

async function said(child: Child, key: string): Promise<unknown> {
  const line = await child.line((line) => key in JSON.parse(line));
  return JSON.parse(line)[key];
}

/** Sends so many `bytes` to each of so many peers; what became of it. */
async function transfer(
  line: SlowLink,
  { peers, bytes, as }: Row,
  patienceS: number,
): Promise<{ done: Done; downs: unknown[] }> {
  await using stack = new AsyncDisposableStack();
  const start = (...args: string[]) => stack.use(peer(line.launcher, ...args));
  const children = [start()];
  const address = String(await said(children[0]!, "listens"));
  while (children.length < peers) {
    const next = start(address);
    children.push(next);
    await said(next, "listens");
  }
  const sender = start(address, `${peers}`, `${bytes}`, as);
  children.push(sender);
  await said(sender, "sends");
  const end = performance.now() + 1_000 * patienceS;
  for (;;) {
    try {
      await said(sender, "done");
      break;
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
  const lines = children.map(({ out }) => out.map((line) => JSON.parse(line)));
  return {
    done: lines.at(-1)!.find((it) => "done" in it),
    downs: lines.flat().filter((it) => "down" in it),
  };
}

const rows: readonly Row[] = full
  ? [
    { kbits: 4_000, bytes: 4_000_000, peers: 1, as: "message" },
    { kbits: 1_600, bytes: 4_000_000, peers: 1, as: "message" },
    { kbits: 512, bytes: 1_000_000, peers: 1, as: "message" },
    { kbits: 10_000, bytes: 1_000_000, peers: 9, as: "message" },
    { kbits: 4_000, bytes: 8_000_000, peers: 1, as: "stream" },
    { kbits: 1_600, bytes: 4_000_000, peers: 1, as: "stream" },
    { kbits: 512, bytes: 1_000_000, peers: 1, as: "stream" },
    { kbits: 10_000, bytes: 1_000_000, peers: 9, as: "stream" },
  ]
  : [
    { kbits: 1_600, bytes: 1_000_000, peers: 1, as: "message" },
    { kbits: 512, bytes: 400_000, peers: 1, as: "message" },
    { kbits: 10_000, bytes: 500_000, peers: 9, as: "message" },
    { kbits: 1_600, bytes: 1_000_000, peers: 1, as: "stream" },
    { kbits: 512, bytes: 400_000, peers: 1, as: "stream" },
    { kbits: 10_000, bytes: 500_000, peers: 9, as: "stream" },
  ];

for (const row of rows) {
  const { kbits, bytes, peers, as } = row;
  Deno.test({
    name: `${
      bytes / 1_000
    } kB as a ${as} to each of ${peers} over ${kbits} kbit/s take ${
      why === undefined
        ? "little more than the line's time, and no session is given up"
        : `… (${why})`
    }`,
    ignore: why !== undefined,
    async fn() {
      using line = new SlowLink(1_000 * kbits);
      const lineS = 8 * bytes * peers / (1_000 * kbits);
      const limitS = MAX_RATIO * lineS + SLACK_S;
      const { done, downs } = await transfer(line, row, 2 * limitS);
      const report = `${done.seconds.toFixed(1)} s, the line alone ${
        lineS.toFixed(1)
      } s; slowest ping ${done.pingMs.toFixed(0)} ms, chat ${
        done.chatMs.toFixed(0)
      } ms`;
      if (full) console.log(report);
      assertEquals(downs, [], report);
      assert(done.seconds <= limitS, report);
      assert(done.chatMs < 5_000, report);
    },
  });
}
