import { assert, assertEquals } from "@std/assert";
import {
  respond,
  type Responder,
  type RespondOptions,
} from "../../src/bitcoin/respond.ts";
import { formatAddress } from "../../src/transport/address.ts";
import { Child, type ChildOptions, verack } from "../helpers/child.ts";
import { until } from "../helpers/until.ts";

/** A regtest node on a free port, and its address as text. */
async function node(
  options: RespondOptions = {},
): Promise<{ responder: Responder; address: string }> {
  const responder = await respond({ network: "regtest", port: 0, ...options });
  return { responder, address: formatAddress(responder.address) };
}

/** Runs `handshake --network regtest` to its end. */
async function handshake(
  args: readonly string[],
  options: ChildOptions & { permissions?: string[] } = {},
): Promise<{ code: number; out: string[]; err: string[] }> {
  await using child = verack(
    ["handshake", "--network=regtest", ...args],
    options,
  );
  const code = await child.code();
  return { code, out: child.out, err: child.err };
}

/** A port of this machine where nobody listens. */
function deadAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `127.0.0.1:${listener.addr.port}`;
}

Deno.test("handshake shows the messages of a node and what it says of itself, and succeeds", async () => {
  const { responder, address } = await node({
    userAgent: "/node:1.0/",
    startHeight: 42,
    services: 0x409n,
  });
  await using _ = responder;
  const { code, out, err } = await handshake([address]);
  assertEquals(code, 0, err.join("\n"));
  const [first, second, empty, summary, ...rest] = out;
  const pattern = new RegExp(
    `^ok    ${address}  connect [\\d.]+ → version [\\d.]+ ← version .* ← verack.*  \\([\\d.]+ ms\\)$`,
  );
  assert(pattern.test(first!), first);
  assertEquals(
    second!.replace(/clock \S+ s/, "clock +0 s"),
    "      protocol 70016  height 42  relay yes  clock +0 s  " +
      "services NETWORK,WITNESS,NETWORK_LIMITED  " +
      "features wtxidrelay,sendaddrv2  agent /node:1.0/",
  );
  assertEquals(empty, "");
  assert(/^1 node: 1 ok in \d+\.\d s$/.test(summary!), summary);
  assertEquals(rest, []);
  assertEquals(err, []);
});

Deno.test("handshake --json prints the contract, one object a node, and nothing else", async () => {
  const { responder, address } = await node();
  await using _ = responder;
  const dead = deadAddress();
  const { code, out, err } = await handshake([address, dead, "--json"]);
  assertEquals(code, 1);
  assertEquals(err, []);
  const results = out.map((line) => JSON.parse(line));
  assertEquals(results.length, 2);
  const ok = results.find((it) => it.address === address);
  assertEquals(Object.keys(ok), [
    "address",
    "network",
    "ok",
    "protocolVersion",
    "services",
    "servicesHex",
    "userAgent",
    "startHeight",
    "relay",
    "timeOffsetSeconds",
    "features",
    "events",
    "durationMs",
  ]);
  assertEquals(Object.keys(ok.events[0]), ["direction", "command", "atMs"]);
  const failed = results.find((it) => it.address === dead);
  assertEquals(Object.keys(failed), [
    "address",
    "network",
    "ok",
    "events",
    "durationMs",
    "error",
  ]);
  assertEquals(failed.error.kind, "connection-refused");
});

Deno.test("handshake of many nodes fails when one fails, and shows all of them", async () => {
  const { responder, address } = await node();
  await using _ = responder;
  const { code, out } = await handshake([address, deadAddress(), address]);
  assertEquals(code, 1);
  assertEquals(out.filter((line) => line.startsWith("ok ")).length, 2);
  assertEquals(out.filter((line) => line.startsWith("fail ")).length, 1);
  const summary = out.find((line) => line.startsWith("3 nodes: "));
  assert(summary?.includes("2 ok, 1 failed (1 connection-refused)"), summary);
});

Deno.test("handshake gives each node one deadline, which chatter does not extend", async () => {
  const { responder, address } = await node({
    behaviour: "chatter",
    delayMs: 20,
  });
  await using _ = responder;
  const { code, out } = await handshake([address, "--timeout=300", "--json"]);
  assertEquals(code, 1);
  assertEquals(JSON.parse(out[0]!).error.kind, "timeout");
});

Deno.test("handshake says what --user-agent, --protocol-version and --magic tell it to", async () => {
  const seen: string[] = [];
  const { responder, address } = await node({
    magic: "0badcafe",
    onEvent: (event) => {
      if (event.type !== "open") return;
      const { userAgent, version } = event.version;
      seen.push(`${new TextDecoder().decode(userAgent)} ${version}`);
    },
  });
  await using _ = responder;
  const { code } = await handshake([
    address,
    "--magic=0BADCAFE",
    "--user-agent=/tester:ü/",
    "--protocol-version=70001",
  ]);
  assertEquals(code, 0);
  assertEquals(seen, ["/tester:ü/ 70001"]);
});

Deno.test("handshake shows what a node says without letting it steer the terminal", async () => {
  const { responder, address } = await node({
    behaviour: "hostile-user-agent",
  });
  await using _ = responder;
  const { code, out } = await handshake([address]);
  assertEquals(code, 0);
  const agent = out.find((line) => line.includes("agent "))!;
  assert(agent.includes("\\u{1b}[2J"), agent);
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x1f\x7f-\x9f\u202e]/.test(out.join("")), out.join("\n"));
});

Deno.test("handshake refuses what it cannot understand, in one line, before it dials", async () => {
  const cases: [args: string[], says: string][] = [
    [[], "HOST[:PORT] is missing"],
    [["256.0.0.1"], "must be an IP address or a DNS name"],
    [["127.0.0.1:99999"], "must be 1 to 65535"],
    [["127.0.0.1", "--network=regtest", "--seeds=5"], "regtest has no seeds"],
    [["127.0.0.1", "--magic=123"], "must be 8 hex digits"],
    [["127.0.0.1", "--timeout=0"], "--timeout is"],
    [["127.0.0.1", `--user-agent=${"x".repeat(257)}`], "has 257 bytes"],
    [["127.0.0.1", "--protocol-version=2147483648"], "--protocol-version is"],
    [["127.0.0.1", "--network=litecoin"], "--network is"],
    [["--file=/nowhere/nodes.txt"], "--file cannot be read"],
    [["127.0.0.1", "--retry"], "Unknown flag"],
  ];
  await Promise.all(cases.map(async ([args, says]) => {
    await using child = verack(["handshake", ...args], {
      permissions: ["--allow-read"],
    });
    const code = await child.code();
    const text = child.err.join("\n");
    assertEquals(code, 2, `${args}: ${text}`);
    assertEquals(child.err.length, 1, text);
    assert(text.includes(says), text);
    assertEquals(child.out, []);
  }));
});

Deno.test("handshake reads addresses from a file, names the lines that are none, and probes the others", async () => {
  const { responder, address } = await node();
  await using _ = responder;
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(
      path,
      `# nodes\n${address}\nno node at all\n\n${address} # again\n`,
    );
    const { code, out, err } = await handshake(["--file", path, "--json"], {
      permissions: ["--allow-read"],
    });
    assertEquals(code, 1);
    assertEquals(out.length, 2);
    assertEquals(err.length, 1);
    assert(err[0]!.includes(`${path}:3: `), err[0]);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("handshake takes addresses from standard input as they come", async () => {
  const { responder, address } = await node();
  await using _ = responder;
  await using child = verack(
    ["handshake", "--network=regtest", "--file=-", "--json"],
    { stdin: "open" },
  );
  for (let i = 1; i <= 3; i++) {
    await child.write(`${address}\n`);
    // The next one is typed only when the last one is answered.
    await until(`${i} results`, () => child.out.length === i, 20_000);
  }
  child.kill("SIGINT");
  assertEquals(await child.code(), 130, child.err.join("\n"));
  assertEquals(child.out.every((line) => JSON.parse(line).ok), true);
});

Deno.test("handshake probes thousands of addresses with no more connections at once than asked for", async () => {
  let most = 0;
  const { responder, address } = await node({
    onEvent: () => {
      most = Math.max(most, responder.connections);
    },
  });
  await using _ = responder;
  const count = 2_000;
  const { code, out, err } = await handshake(
    ["--file=-", "--concurrency=8", "--json"],
    { stdin: `${address}\n`.repeat(count) },
  );
  assertEquals(code, 0, err.join("\n"));
  assertEquals(out.length, count);
  assertEquals(responder.accepted, count);
  // One that the client closed may still be open at this end when the next comes.
  assert(most <= 16, `${most}`);
});

Deno.test("handshake stops at Ctrl-C in the middle of a handshake and shows what it has", async () => {
  const mute = await node({ behaviour: "mute" });
  await using _mute = mute.responder;
  const normal = await node();
  await using _normal = normal.responder;
  await using child = verack([
    "handshake",
    "--network=regtest",
    "--timeout=60000",
    normal.address,
    mute.address,
  ]);
  await child.line((line) => line.startsWith("ok "));
  await until("the mute node is connected", () => mute.responder.accepted > 0);
  child.kill("SIGINT");
  assertEquals(await child.code(), 130, child.err.join("\n"));
  assert(child.out.some((line) => line.startsWith("1 node: 1 ok")));
});

Deno.test("handshake --stay shows every message, answers pings, and ends when the last node leaves", async () => {
  const { responder, address } = await node({ behaviour: "extra-messages" });
  await using _ = responder;
  await using child = verack([
    "handshake",
    "--network=regtest",
    "--stay",
    address,
  ]);
  await child.line((line) => line.includes("→ pong"));
  assert(child.out[0]!.startsWith(`ok    ${address}`), child.out[0]);
  const got = child.out.filter((line) => line.includes(" ← "));
  assert(got.some((line) => line.includes("← ping  8 bytes")));
  assert(got.some((line) => line.includes("← sendheaders")));
  await responder.close();
  assertEquals(await child.code(), 0, child.err.join("\n"));
  assert(child.out.some((line) => line.includes(`${address} closed: `)));
});

Deno.test("handshake ends with a clear message when its own output cannot be written", async () => {
  const { responder, address } = await node();
  await using _ = responder;
  // Only a shell can hand a full device to a program.
  const script =
    'exec "$0" run --quiet --no-prompt --cached-only --allow-net ' +
    '"$1" handshake --network=regtest "$2" > /dev/full';
  const mod = new URL("../../src/cli/main.ts", import.meta.url).href;
  await using child = new Child("sh", [
    "-c",
    script,
    Deno.execPath(),
    mod,
    address,
  ]);
  assertEquals(await child.code(), 1);
  assert(
    child.err.join("\n").includes("Cannot write to standard output"),
    child.err.join("\n"),
  );
});

Deno.test("handshake names the permission that is missing", async () => {
  await using child = new Child(Deno.execPath(), [
    "run",
    "--quiet",
    "--no-prompt",
    "--cached-only",
    "--allow-net=192.0.2.1",
    new URL("../../src/cli/main.ts", import.meta.url).href,
    "handshake",
    "127.0.0.1:8333",
  ]);
  assertEquals(await child.code(), 1);
  const text = child.err.join("\n");
  assert(text.includes("--allow-net=127.0.0.1:8333"), text);
});
