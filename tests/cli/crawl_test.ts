import { assert, assertEquals } from "@std/assert";
import {
  respond,
  type Responder,
  type RespondOptions,
} from "../../src/bitcoin/respond.ts";
import { formatAddress } from "../../src/transport/address.ts";
import { BIP155 } from "../../src/wire/bip155.ts";
import type { AddrEntry } from "../../src/wire/messages/bitcoin_messages.ts";
import { type ChildOptions, verack } from "../helpers/child.ts";
import { until } from "../helpers/until.ts";

/** Short: nodes of ours answer at once, and those that do not answer never will. */
const QUICK = ["--network=regtest", "--allow-private", "--addr-timeout=500"];

/** A regtest node on a free port that tells of these ports of this machine. */
function node(
  ports: readonly number[] = [],
  options: RespondOptions = {},
): Promise<Responder> {
  const addresses = ports.map((port): AddrEntry => ({
    time: 1_700_000_000,
    services: 9n,
    network: BIP155.ipv4,
    address: Uint8Array.of(127, 0, 0, 1),
    port,
  }));
  return respond({ network: "regtest", port: 0, addresses, ...options });
}

async function crawl(
  args: readonly string[],
  options: ChildOptions & { permissions?: string[] } = {},
): Promise<{ code: number; out: string[]; err: string[] }> {
  await using child = verack(["crawl", ...args], options);
  const code = await child.code();
  return { code, out: child.out, err: child.err };
}

/** A chain of nodes, of which each tells of the next; its first is last. */
async function chain(
  stack: AsyncDisposableStack,
  ...userAgents: string[]
): Promise<Responder[]> {
  const nodes: Responder[] = [];
  for (const userAgent of userAgents) {
    const next = nodes.at(-1);
    const ports = next === undefined ? [] : [next.address.port];
    nodes.push(stack.use(await node(ports, { userAgent, services: 9n })));
  }
  return nodes;
}

Deno.test("crawl goes from node to node, shows each, and counts at the end", async () => {
  await using stack = new AsyncDisposableStack();
  const nodes = await chain(stack, "/c:1/", "/b:1/", "/b:1/");
  const first = formatAddress(nodes[2]!.address);
  const { code, out, err } = await crawl([...QUICK, first]);
  assertEquals(code, 0, err.join("\n"));
  const visits = out.filter((line) => line.startsWith("ok "));
  assertEquals(
    visits.map((line) => line.split(/\s+/)[1]),
    nodes.toReversed().map(({ address }) => formatAddress(address)),
  );
  assert(
    visits[0]!.includes("  told 1  protocol 70016  agent /b:1/"),
    visits[0],
  );
  const summary = out.slice(out.indexOf("") + 1);
  assert(
    /^regtest: 3 visited, 3 ok, 0 not visited in \d+\.\d s$/.test(summary[0]!),
    summary[0],
  );
  assertEquals(summary.slice(1), [
    "user agents",
    "  2  /b:1/",
    "  1  /c:1/",
    "protocol versions",
    "  3  70016",
    "services",
    "  3  NETWORK",
    "  3  WITNESS",
    "networks",
    "  3  ipv4",
    "addresses heard",
    "  3  ipv4",
  ]);
  for (const { accepted } of nodes) assertEquals(accepted, 1);
});

Deno.test("crawl --max ends early, and --resume goes on from there without visiting a node twice", async () => {
  await using stack = new AsyncDisposableStack();
  const nodes = await chain(stack, "/c/", "/b/", "/a/");
  const path = await Deno.makeTempFile();
  stack.defer(() => Deno.remove(path));
  const first = formatAddress(nodes[2]!.address);
  const begun = await crawl([...QUICK, "--json", "--max=2", first]);
  assertEquals(begun.code, 0, begun.err.join("\n"));
  const { visited, unvisited } = JSON.parse(begun.out.at(-1)!);
  assertEquals({ visited, unvisited }, { visited: 2, unvisited: 1 });
  // As a crawl that was killed while it wrote.
  await Deno.writeTextFile(path, begun.out.slice(0, -1).join("\n") + '\n{"ty');
  const resumed = await crawl(
    [...QUICK, "--json", `--resume=${path}`],
    { permissions: ["--allow-read"] },
  );
  assertEquals(resumed.code, 0, resumed.err.join("\n"));
  assertEquals(resumed.err, [
    "verack crawl: --resume: 1 line is cut and left out",
  ]);
  // So that appending it to that file breaks no line of it.
  assertEquals(resumed.out[0], "");
  const events = resumed.out.slice(1).map((line) => JSON.parse(line));
  assertEquals(
    events.filter(({ type }) => type === "node")
      .map(({ result }) => result.userAgent),
    ["/c/"],
  );
  const { ok, userAgents } = events.at(-1);
  assertEquals(ok, 3);
  assertEquals(userAgents, { "/a/": 1, "/b/": 1, "/c/": 1 });
  for (const { accepted } of nodes) assertEquals(accepted, 1);
});

Deno.test("crawl --resume reads no further than the file was long when it began", async () => {
  await using stack = new AsyncDisposableStack();
  const nodes = await chain(stack, "/b/", "/a/");
  const path = await Deno.makeTempFile();
  stack.defer(() => Deno.remove(path));
  const first = formatAddress(nodes[1]!.address);
  const begun = await crawl([...QUICK, "--json", "--max=1", first]);
  await Deno.writeTextFile(path, begun.out.join("\n") + "\n");
  const mod = new URL("../../src/cli/main.ts", import.meta.url).href;
  const script =
    'exec "$0" run --quiet --no-prompt --cached-only --allow-net ' +
    '--allow-read "$1" crawl --json --network=regtest --allow-private ' +
    '--addr-timeout=500 --resume="$2" >> "$2"';
  const { code } = await new Deno.Command("sh", {
    args: ["-c", script, Deno.execPath(), mod, path],
    stdin: "null",
  }).output();
  assertEquals(code, 0);
  const lines = (await Deno.readTextFile(path)).trimEnd().split("\n");
  const visited = lines.map((line) => JSON.parse(line))
    .filter(({ type }) => type === "node")
    .map(({ result }) => result.userAgent);
  assertEquals(visited, ["/a/", "/b/"]);
});

Deno.test("crawl shows what it has when it is interrupted", async () => {
  await using stack = new AsyncDisposableStack();
  const mute = stack.use(await node([], { behaviour: "mute" }));
  const open = stack.use(await node([mute.address.port]));
  await using child = verack([
    "crawl",
    ...QUICK,
    "--timeout=60000",
    formatAddress(open.address),
  ]);
  await child.line((line) => line.startsWith("ok "));
  await until("the mute node is connected", () => mute.accepted > 0);
  child.kill("SIGINT");
  assertEquals(await child.code(), 130, child.err.join("\n"));
  const summary = child.out.find((line) => line.startsWith("regtest: "))!;
  assert(summary.includes("1 visited, 1 ok, interrupted in "), summary);
  assertEquals(child.out.at(-1), "  2  ipv4");
});

Deno.test("crawl fails when no node answers", async () => {
  const dead = await node();
  const address = formatAddress(dead.address);
  await dead.close();
  const { code, out } = await crawl([...QUICK, address]);
  assertEquals(code, 1);
  assert(out[0]!.endsWith("refused"), out[0]);
});

Deno.test("crawl refuses what it cannot understand, in one line", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "not\na crawl\n");
    const cases: [args: string[], says: string][] = [
      [["--network=regtest"], "regtest has no DNS seeds"],
      [["127.0.0.1"], "--allow-private"],
      [["999.1.1.1"], "must be an IP address or a DNS name"],
      [["--max=0"], "--max is"],
      [["--resume=/nowhere/crawl.ndjson"], "--resume cannot be read"],
      [[`--resume=${path}`], "no line that a crawl has written"],
    ];
    await Promise.all(cases.map(async ([args, says]) => {
      const { code, out, err } = await crawl(args, {
        permissions: ["--allow-read"],
      });
      assertEquals(code, 2, `${args}: ${err}`);
      assertEquals(err.length, 1, err.join("\n"));
      assert(
        err[0]!.startsWith("verack crawl: ") && err[0]!.includes(says),
        err[0],
      );
      assertEquals(out, []);
    }));
  } finally {
    await Deno.remove(path);
  }
});
