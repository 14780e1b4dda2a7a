/** A running node, controlled from another shell. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { verack } from "../helpers/child.ts";
import { NodeProcess } from "../helpers/process.ts";
import { listeningPorts } from "../helpers/sockets.ts";
import { until } from "../helpers/until.ts";

interface Ended {
  readonly code: number;
  readonly out: string[];
  readonly err: string[];
}

/** A node with a data directory of its own, which is removed at the end. */
class DataNode implements AsyncDisposable {
  readonly node: NodeProcess;
  readonly directory: string;

  private constructor(node: NodeProcess, directory: string) {
    this.node = node;
    this.directory = directory;
  }

  static async start(...args: string[]): Promise<DataNode> {
    const directory = await Deno.makeTempDir();
    const node = await NodeProcess.start([`--data=${directory}`, ...args], {
      permissions: permissions(directory),
    });
    return new DataNode(node, directory);
  }

  /** What a command about this node writes, and its exit code. */
  async ask(...args: string[]): Promise<Ended> {
    await using child = this.command(...args);
    const code = await child.code();
    return { code, out: child.out, err: child.err };
  }

  command(...args: string[]) {
    return verack([...args, `--data=${this.directory}`], {
      permissions: permissions(this.directory),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
  }
}

function permissions(directory: string): string[] {
  return [`--allow-read=${directory}`, `--allow-write=${directory}`];
}

Deno.test("status, peers and find tell of a running node, for people and programs", async () => {
  await using alice = await DataNode.start("--name=alice");
  await using bob = await NodeProcess.start([
    "--name=bob",
    `--connect=${alice.node.address}`,
  ]);
  await alice.node.meshOf(2);
  await bob.meshOf(2);

  const status = await alice.ask("status", "--json");
  assertEquals([status.code, status.err], [0, []]);
  const answer = JSON.parse(status.out[0]!);
  assertEquals(answer.id, alice.node.id);
  assertEquals(answer.mesh, { nodes: 2, sessions: 1, missing: [] });
  const shown = (await alice.ask("status")).out.join("\n");
  assertMatch(shown, /^node {6}alice \([0-9a-f]{8}\)$/m);
  assertStringIncludes(shown, "2 nodes, 1 session here");
  assertMatch(answer.tls, /^(engine|streams)$/);
  assertMatch(shown, new RegExp(`^tls {7}by ${answer.tls}$`, "m"));

  const found = await alice.ask("find", "bob");
  assertEquals(found, {
    code: 0,
    out: [
      `bob (${bob.id.slice(0, 8)})  connected`,
      `  ${bob.id}`,
      `  ${bob.address}`,
    ],
    err: [],
  });
  const json = await alice.ask("find", bob.id.slice(0, 10), "--json");
  assertEquals(JSON.parse(json.out[0]!).name, "bob");
  const empty = await alice.ask("find", "");
  assertEquals(empty.code, 2);
  assertStringIncludes(empty.err.join(), "NAME is empty");
  const nobody = await alice.ask("find", "carol");
  assertEquals(nobody, {
    code: 1,
    out: [],
    err: ['verack: Cannot find "carol": no peer goes by it'],
  });

  const peers = await alice.ask("peers", "--json");
  assertEquals([peers.code, peers.err], [0, []]);
  const [peer] = peers.out.map((line) => JSON.parse(line));
  assertEquals([peer.id, peer.connected], [bob.id, true]);
});

Deno.test("status says to which peers a node allows what", async () => {
  const carol = "ab".repeat(32);
  await using alice = await DataNode.start(
    "--allow-forward=5432",
    `--allow-forward=${carol}@80`,
    "--allow-forward-listen=9000",
    "--allow-forward-from=bob",
    `--allow-forward-from=${carol}`,
  );
  const shown = (await alice.ask("status")).out;
  assertEquals(shown.filter((it) => it.startsWith("allowed")), [
    `allowed     to connect to 127.0.0.1:5432, ${carol}@127.0.0.1:80; without an id, for bob, abababab`,
    "allowed     to listen on 127.0.0.1:9000, for bob, abababab: 0 sockets",
  ]);
  const { out: [json = ""] } = await alice.ask("status", "--json");
  assertEquals(JSON.parse(json).allowed, [{
    use: "forward",
    of: ["127.0.0.1:5432", "127.0.0.1:9000"],
    from: ["bob", carol],
  }]);
});

Deno.test("stop has a node leave politely, and waits until its directory is free", async () => {
  await using alice = await DataNode.start();
  await using bob = await NodeProcess.start([
    `--connect=${alice.node.address}`,
  ]);
  await bob.meshOf(2);
  assertEquals(await alice.ask("stop"), {
    code: 0,
    out: [`stopped  ${alice.node.id}`],
    err: [],
  });
  const down = await bob.waitFor("peer:down");
  assertEquals([down.id, down.left], [alice.node.id, true]);
  assertEquals(await alice.node.child.code(), 0);
  assertEquals(alice.node.child.err, []);
  const files = [...Deno.readDirSync(alice.directory)].map((it) => it.name);
  assert(!files.includes("control.sock"), files.join());

  const again = await alice.ask("stop");
  assertEquals([again.code, again.out], [1, []]);
  assertMatch(again.err.join(), /^verack: Cannot reach a node in .*none runs/);
});

Deno.test("a node that was killed leaves a socket behind, which says so and is replaced", async () => {
  await using alice = await DataNode.start();
  await alice.node.end("SIGKILL");
  const dead = await alice.ask("status");
  assertEquals(dead.code, 1);
  assertMatch(dead.err.join(), /^verack: Cannot reach a node in .*none runs/);
  await using again = await NodeProcess.start([`--data=${alice.directory}`], {
    permissions: permissions(alice.directory),
  });
  const status = await alice.ask("status", "--json");
  assertEquals(JSON.parse(status.out[0]!).id, again.id);
});

Deno.test("tail --all shows what happens, until Ctrl-C", async () => {
  await using alice = await DataNode.start();
  await using tail = alice.command("tail", "--all", "--json");
  await tail.line((line) => line.includes('"listening"'));
  await using bob = await NodeProcess.start([
    `--connect=${alice.node.address}`,
  ]);
  const up = JSON.parse(await tail.line((line) => line.includes("peer:up")));
  assertEquals([up.type, up.id], ["peer:up", bob.id]);
  tail.kill("SIGINT");
  assertEquals(await tail.code(), 130);
  assertEquals(tail.err, []);
});

Deno.test("send and broadcast say what became of a message, and tail shows what was taken", async () => {
  await using alice = await DataNode.start("--name=alice");
  await using bob = await DataNode.start(
    "--name=bob",
    `--connect=${alice.node.address}`,
  );
  await alice.node.meshOf(2);
  await bob.node.meshOf(2);
  await using tail = bob.command("tail", "--topic=news");
  await using all = bob.command("tail", "--json", "--all");
  await all.line((line) => line.includes('"mesh"'));

  const short = bob.node.id.slice(0, 8);
  const text = "one\u001b[2J\ntwo";
  const sent = await alice.ask("send", "bob", text, "--topic=news");
  assertEquals(sent, { code: 0, out: [`delivered  bob (${short})`], err: [] });
  const { time: _, id, ...message } = await bob.node.waitFor("message");
  assertEquals<unknown>(message, {
    type: "message",
    from: alice.node.id,
    name: "alice",
    topic: "news",
    deliveryCount: 1,
    text,
  });
  assertMatch(id, /^[0-9a-f]{32}$/);
  // People see one harmless line, programs exactly what was sent.
  const line = await tail.line((it) => it.includes("msg"));
  const from = `alice (${alice.node.id.slice(0, 8)})`;
  assert(
    line.endsWith(`msg    ${from} [news]: one\\u{1b}[2J\\u{a}two`),
    JSON.stringify(line),
  );

  const again = await alice.ask("send", "bob", "again", "--json");
  const answer = JSON.parse(again.out[0]!);
  const second = await bob.node.waitFor("message");
  assertEquals([answer.id, answer.delivered], [second.id, true]);

  const told = await alice.ask("broadcast", "to all", "--json");
  assertEquals(told.code, 0);
  const third = await bob.node.waitFor("message");
  assertEquals(JSON.parse(told.out[0]!).id, third.id);
  assertEquals(JSON.parse(told.out[0]!).delivered, [bob.node.id]);
  await all.line((it) => it.includes('"to all"'));
  assertEquals(tail.out.length, 1);

  const nobody = await alice.ask("send", "carol", "x");
  assertEquals([nobody.code, nobody.out], [1, []]);
  assertMatch(
    nobody.err.join(),
    /^verack: Cannot find "carol": no peer goes by/,
  );
});

Deno.test("all of standard input goes as it is, and comes as it was", async () => {
  await using alice = await DataNode.start();
  await using bob = await NodeProcess.start([
    `--connect=${alice.node.address}`,
  ]);
  await alice.node.meshOf(2);
  const text = "0123456789".repeat(1_000);
  await using child = verack(
    ["send", bob.id, "-", `--data=${alice.directory}`],
    { permissions: permissions(alice.directory), stdin: text },
  );
  assertEquals(await child.code(), 0, child.err.join());
  const message = await bob.waitFor("message");
  assertEquals(message.text, text);
});

Deno.test("a message to a peer that is away outlives its sender, and is taken once", async () => {
  await using alice = await DataNode.start();
  await using bob = await DataNode.start(
    "--name=bob",
    `--connect=${alice.node.address}`,
  );
  await alice.node.meshOf(2);
  await bob.node.end("SIGKILL");
  await alice.node.waitFor("peer:down");
  const sent = await alice.ask("send", "bob", "still there?");
  assertEquals(sent.out, [
    `kept       bob (${bob.node.id.slice(0, 8)}), which is away`,
  ]);
  const status = await alice.ask("status", "--json");
  assertEquals(JSON.parse(status.out[0]!).outbox.messages, 1);
  await alice.node.end("SIGKILL");

  // At the same address, where the other looks for it.
  const again = ({ node, directory }: DataNode) =>
    NodeProcess.start([
      `--data=${directory}`,
      `--port=${node.address.split(":")[1]}`,
    ], { permissions: permissions(directory) });
  await using bobAgain = await again(bob);
  await using aliceAgain = await again(alice);
  const { text, deliveryCount } = await bobAgain.waitFor("message");
  assertEquals([text, deliveryCount], ["still there?", 1]);
  await until("it to be acknowledged", async () => {
    const { out } = await alice.ask("status", "--json");
    return JSON.parse(out[0]!).outbox.messages === 0;
  });
  assertEquals(aliceAgain.id, alice.node.id);
  assertEquals(bobAgain.of("message").length, 1);
});

Deno.test("--http serves loopback with a token, and refuses to start elsewhere without TLS", async () => {
  await using alice = await DataNode.start("--http=0", "--log-level=info");
  const line = await alice.node.child.talk((it) => it.includes("/v1/"));
  const url = /http:\/\/127\.0\.0\.1:\d+\/v1\//.exec(line)?.[0];
  assert(url !== undefined, line);
  const token = (await Deno.readTextFile(`${alice.directory}/control.token`))
    .trim();
  const without = await fetch(`${url}status`);
  assertEquals(without.status, 401);
  await without.body?.cancel();
  const answer = await fetch(`${url}status`, {
    headers: { authorization: `Bearer ${token}` },
  });
  assertEquals((await answer.json()).id, alice.node.id);
  // Where that is, is said to programs, to people and by the node itself.
  const listening = alice.node.of("listening")[0];
  assertEquals(listening && "control" in listening && listening.control, url);
  const status = await alice.ask("status");
  assertStringIncludes(status.out.join("\n"), `control   ${url}`);
  const json = await alice.ask("status", "--json");
  assertEquals(JSON.parse(json.out[0]!).control.url, url);
  await using bob = verack(
    ["--host=127.0.0.1", "--port=0", `--data=${alice.directory}/b`, "--http=0"],
    { permissions: permissions(alice.directory) },
  );
  await bob.talk((it) =>
    /^verack: control API at http:\/\/127\.0\.0\.1:\d+\/v1\/$/.test(it)
  );

  const directory = await Deno.makeTempDir();
  try {
    await using open = verack(
      ["--port=0", `--data=${directory}`, "--http=0.0.0.0:0"],
      { permissions: permissions(directory) },
    );
    assertEquals(await open.code(), 1);
    assertMatch(open.err.join(), /it is not loopback, must be, or have TLS/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  await using alone = verack(["--port=0", "--http=1"]);
  assertEquals(await alone.code(), 2);
  assertMatch(
    alone.err.join(),
    /--http needs --data, --keep or --http-token-file/,
  );
});

Deno.test({
  name:
    "--http with a token file and no --data opens that one port and no other",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const directory = await Deno.makeTempDir();
    try {
      const path = `${directory}/token`;
      const options = { permissions: permissions(directory) };
      await using plain = await NodeProcess.start([], options);
      assertEquals(listeningPorts(plain.child.pid), [portOf(plain.address)]);
      await using alice = await NodeProcess.start(
        ["--http=0", `--http-token-file=${path}`],
        options,
      );
      const { control = "" } = alice.of("listening")[0] as {
        control?: string;
      };
      const token = (await Deno.readTextFile(path)).trim();
      const answer = await fetch(`${control}status`, {
        headers: { authorization: `Bearer ${token}` },
      });
      assertEquals((await answer.json()).id, alice.id);
      assertEquals(
        listeningPorts(alice.child.pid),
        [portOf(alice.address), Number(new URL(control).port)].sort(),
      );
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

function portOf(address: string): number {
  return Number(address.split(":").at(-1));
}
