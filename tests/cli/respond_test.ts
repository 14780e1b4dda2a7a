import { assert, assertEquals } from "@std/assert";
import { BEHAVIOUR_NAMES } from "../../src/bitcoin/behaviours.ts";
import { crawl } from "../../src/bitcoin/crawl.ts";
import { probe } from "../../src/bitcoin/probe.ts";
import type { ProbeOptions } from "../../src/bitcoin/probe_options.ts";
import { type Child, verack } from "../helpers/child.ts";

/** `respond --json` on a free port, and where it listens. */
async function responder(
  ...args: string[]
): Promise<{ child: Child; address: string }> {
  const child = verack(["respond", "--port=0", "--json", ...args]);
  const line = await child.line((it) => JSON.parse(it).type === "listening");
  return { child, address: JSON.parse(line).address };
}

function regtest(address: string, options: ProbeOptions = {}): ReturnType<
  typeof probe
> {
  return probe(address, { network: "regtest", ...options });
}

Deno.test("respond answers as it is told to, shows what happens, and sums up at the end", async () => {
  const { child, address } = await responder(
    "--user-agent=/mock:2/",
    "--start-height=7",
    "--services=0x8000000000000001",
    "--protocol-version=70015",
  );
  await using cli = child;
  const result = await regtest(address, { userAgent: "/client:1/" });
  assertEquals(result.ok, true, result.error?.message);
  assertEquals(result.userAgent, "/mock:2/");
  assertEquals(result.startHeight, 7);
  assertEquals(result.services, ["NETWORK", "UNKNOWN[2^63]"]);
  assertEquals(result.protocolVersion, 70015);
  await cli.line((line) => JSON.parse(line).type === "close");
  cli.kill("SIGTERM");
  assertEquals(await cli.code(), 143, cli.err.join("\n"));
  const events = cli.out.map((line) => JSON.parse(line));
  assertEquals(
    events.map(({ type }) => type).filter((it) => it !== "message"),
    ["listening", "connect", "open", "close", "summary"],
  );
  const open = events.find(({ type }) => type === "open");
  assertEquals(open.userAgent, "/client:1/");
  assertEquals(open.protocolVersion, 70016);
  const { accepted, completed } = events.at(-1);
  assertEquals({ accepted, completed }, { accepted: 1, completed: 1 });
  const messages = events.filter(({ type }) => type === "message")
    .map(({ direction, command }) => `${direction} ${command}`);
  assertEquals(messages.slice(0, 2), ["in version", "out version"]);
  assert(messages.includes("in verack"), `${messages}`);
});

Deno.test("respond shows people the same in lines", async () => {
  await using cli = verack(["respond", "--port=0"]);
  const line = await cli.line((it) => it.startsWith("listening on "));
  const address = /on (\S+) as a regtest node$/.exec(line)?.[1];
  const result = await regtest(address!, { userAgent: "/\x1b[2J\u202e/" });
  assertEquals(result.ok, true, result.error?.message);
  await cli.line((it) =>
    / #1 close after [\d.]+ ms/.test(it) && !it.includes("bye")
  );
  const has = (pattern: RegExp) =>
    assert(cli.out.some((it) => pattern.test(it)), cli.out.join("\n"));
  has(/^\d\d:\d\d:\d\d #1 connect from 127\.0\.0\.1:\d+$/);
  has(/ #1 ← version {2}\d+ bytes$/);
  has(/ #1 → verack$/);
  has(
    / #1 open after [\d.]+ ms: protocol 70016 .* agent \/\\u\{1b\}\[2J\\u\{202e\}\/$/,
  );
  cli.kill("SIGINT");
  assertEquals(await cli.code(), 130);
  assertEquals(cli.out.at(-1), "1 connection, 1 complete");
});

Deno.test("respond --quiet shows where it listens and the sum, no more", async () => {
  const { child, address } = await responder(
    "--quiet",
    "--tell=192.0.2.1",
    "--tell=192.0.2.2",
  );
  await using cli = child;
  for (let i = 0; i < 3; i++) {
    // A crawl, since the answer to its `getaddr` shows that the responder, too,
    // has the handshake behind it: a probe is through before that.
    const network = "regtest";
    const asked = crawl({ network, addresses: [address], allowPrivate: true });
    const records = await Array.fromAsync(asked);
    assertEquals(records.find((it) => it.type === "node")?.told, 2);
  }
  cli.kill("SIGINT");
  assertEquals(await cli.code(), 130);
  assertEquals(cli.out.length, 2);
  assertEquals(JSON.parse(cli.out[1]!).completed, 3);
});

Deno.test("respond --behaviour breaks the rule that was asked for", async () => {
  const cases = {
    "no-verack": "timeout",
    "wrong-magic": "bad-magic",
    "oversize": "oversize",
    "obsolete": "obsolete",
    "self-nonce": "self",
    "close-mid-message": "closed",
  };
  await Promise.all(
    Object.entries(cases).map(async ([behaviour, kind]) => {
      const { child, address } = await responder(`--behaviour=${behaviour}`);
      await using _ = child;
      const { error } = await regtest(address, { timeoutMs: 2_000 });
      assertEquals(error?.kind, kind, `${behaviour}: ${error?.message}`);
    }),
  );
});

Deno.test("respond --behaviour list names them all, for people and for programs", async () => {
  await using people = verack(["respond", "--behaviour=list"]);
  await using programs = verack(["respond", "--behaviour=list", "--json"]);
  assertEquals(await people.code(), 0);
  assertEquals(await programs.code(), 0);
  assertEquals(
    people.out.map((line) => line.split(" ")[0]),
    [...BEHAVIOUR_NAMES],
  );
  assertEquals(
    programs.out.map((line) => JSON.parse(line).name),
    [...BEHAVIOUR_NAMES],
  );
});

Deno.test("respond refuses what it cannot understand, in one line", async () => {
  const cases: [args: string[], says: string][] = [
    [["--behaviour=no-verak"], "did you mean no-verack?"],
    [["--behaviour=helo"], "must be one of normal, eager, slow and 40 more"],
    [["--services=0x10000000000000000"], "must be 0 to 0xffffffffffffffff"],
    [["--tell=example.org:1"], "must be an IP address"],
    [["--magic=zz"], "must be 8 hex digits"],
    [["--max-connections=0"], "--max-connections is"],
    [["127.0.0.1"], "Unexpected argument"],
  ];
  await Promise.all(cases.map(async ([args, says]) => {
    await using cli = verack(["respond", ...args]);
    const code = await cli.code();
    const text = cli.err.join("\n");
    assertEquals(code, 2, `${args}: ${text}`);
    assertEquals(cli.err.length, 1, text);
    assert(text.includes(says), text);
  }));
});

Deno.test("respond fails with a clear message when its port is taken", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  await using cli = verack(["respond", `--port=${port}`]);
  assertEquals(await cli.code(), 1);
  assertEquals(cli.err.length, 1);
  assert(cli.err[0]!.includes(`127.0.0.1:${port}`), cli.err[0]);
});
