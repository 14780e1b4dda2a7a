/** Nodes whose output is not read: a pipe to a program that sleeps, a terminal after Ctrl-S. */
import type { PeerId } from "../../src/core/peer_id.ts";
import { assert, assertEquals } from "@std/assert";
import { linesOf } from "../../src/cli/lines.ts";
import type { StatusAnswer } from "../../src/control/answers.ts";
import { ControlClient } from "../../src/control/control_client.ts";
import { Node } from "../../src/mesh/node.ts";
import { ENV_PERMISSION } from "../helpers/child.ts";
import { HAS_PTY, Pty } from "../helpers/pty.ts";
import { until } from "../helpers/until.ts";
import { testIf } from "../helpers/test_if.ts";

const test = testIf(HAS_PTY);

const RUN = [
  ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "--cached-only"],
  ...["--allow-net", ENV_PERMISSION],
];
const MOD = new URL("../../src/cli/main.ts", import.meta.url).href;

/** More than a pipe and the queue of a node hold together. */
const MESSAGES = 60;
const BODY = "x".repeat(60_000);

/** A node with a directory of its own whose streams are read only if a test does. */
class UnreadNode implements AsyncDisposable {
  readonly child: Deno.ChildProcess;
  readonly directory: string;
  readonly sender: Node;
  #ended = false;

  private constructor(
    child: Deno.ChildProcess,
    directory: string,
    sender: Node,
  ) {
    this.child = child;
    this.directory = directory;
    this.sender = sender;
  }

  /** Resolves when the node is connected to `sender`. */
  static async start(...args: string[]): Promise<UnreadNode> {
    const directory = await Deno.makeTempDir();
    const sender = await Node.start();
    const [program = "", ...rest] = command(directory, sender, args);
    const child = new Deno.Command(program, {
      args: rest,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const node = new UnreadNode(child, directory, sender);
    await until("it is linked", () => sender.sessions().length > 0);
    return node;
  }

  get id(): PeerId {
    return this.sender.sessions()[0]!.id;
  }

  /** Sends messages; what becomes of them shows later. */
  flood(count: number): Promise<void>[] {
    const sent = Array.from(
      { length: count },
      (_, i) => this.sender.send(this.id, `${i} ${BODY}`),
    );
    for (const it of sent) it.catch(() => {});
    return sent;
  }

  async status(): Promise<StatusAnswer> {
    using client = await ControlClient.find(this.directory);
    return await client.status();
  }

  async stop(): Promise<void> {
    using client = await ControlClient.find(this.directory);
    await client.stop();
  }

  /** The exit code, and how long it took. */
  async end(): Promise<{ code: number; ms: number }> {
    const begin = performance.now();
    const { code } = await this.child.status;
    this.#ended = true;
    return { code, ms: performance.now() - begin };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.child.kill("SIGKILL");
    await this.child.status;
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (!stream.locked) await stream.cancel();
    }
    await this.sender.close();
    await Deno.remove(this.directory, { recursive: true });
  }
}

function command(
  directory: string,
  sender: Node,
  args: readonly string[],
): string[] {
  return [
    ...RUN,
    `--allow-read=${directory}`,
    `--allow-write=${directory}`,
    MOD,
    "--host=127.0.0.1",
    "--port=0",
    `--data=${directory}`,
    `--connect=${sender.address}`,
    ...args,
  ];
}

Deno.test("a node whose output is not read answers, and ends at once when it is asked to", async () => {
  await using node = await UnreadNode.start("--json");
  node.flood(MESSAGES);
  await until("one is taken", () => node.sender.outbox.messages < MESSAGES);
  for (let i = 0; i < 500; i++) node.sender.ping("y".repeat(250));
  const { id } = await node.status();
  assertEquals(id, node.id);
  // It has taken what it could write, and the rest is not lost.
  const { messages } = node.sender.outbox;
  assert(messages > MESSAGES / 2, `${messages} wait`);
  await node.stop();
  const { code, ms } = await node.end();
  assertEquals(code, 0);
  assert(ms < 5_000, `it took ${ms} ms`);
});

Deno.test("SIGTERM ends a node whose output is not read, which says what was lost", async () => {
  await using node = await UnreadNode.start("--json");
  node.flood(MESSAGES);
  await until("one is taken", () => node.sender.outbox.messages < MESSAGES);
  node.child.kill("SIGTERM");
  const { code, ms } = await node.end();
  assertEquals(code, 143);
  assert(ms < 5_000, `it took ${ms} ms`);
  const err: string[] = [];
  for await (const line of linesOf(node.child.stderr)) err.push(line);
  assertEquals(err.length, 1, err.join("\n"));
  assert(/^verack: \d+ lines? (was|were) lost: standard output/.test(err[0]!));
});

Deno.test("a reader that pauses gets all messages, once each, and is told how many events it missed", async () => {
  await using node = await UnreadNode.start("--json", "--period=0");
  const sent = node.flood(MESSAGES);
  await until("one is taken", () => node.sender.outbox.messages < MESSAGES);
  // What a peer may ping, of which 1 MiB waits for the reader.
  for (let i = 0; i < 9_000; i++) node.sender.ping("z".repeat(250));
  await node.sender.roundTrip(node.id);
  const texts: string[] = [];
  let pings = 0;
  let dropped = 0;
  for await (const line of linesOf(node.child.stdout, 1_000_000)) {
    const event = JSON.parse(line);
    if (event.type === "message") texts.push(event.text);
    if (event.type === "ping") pings++;
    if (event.type === "overflow") dropped += event.dropped;
    if (texts.length === MESSAGES && pings + dropped >= 9_000) break;
  }
  await Promise.all(sent);
  assertEquals(texts, Array.from(texts, (_, i) => `${i} ${BODY}`));
  assert(pings > 100 && dropped > 100, `${pings} pings, ${dropped} dropped`);
});

Deno.test("a node whose output is not read stores what comes under a kept topic, all of it, until it is read elsewhere", async () => {
  await using node = await UnreadNode.start("--json", "--keep-topic=jobs");
  // What it prints fills its pipe, and what it cannot print it does not acknowledge.
  node.flood(MESSAGES);
  await until("one is taken", () => node.sender.outbox.messages < MESSAGES);
  const jobs = Array.from({ length: 20 }, (_, at) => `${at}`);
  await Promise.all(
    jobs.map((job) => node.sender.send(node.id, job, { topic: "jobs" })),
  );
  assert(node.sender.outbox.messages > MESSAGES / 2);
  using client = await ControlClient.find(node.directory);
  const kept = await client.keptTopics.lease("jobs", { max: 100 });
  assertEquals(kept.map(({ text }) => text), jobs);
  await node.stop();
  assertEquals((await node.end()).code, 0);
});

Deno.test("a log that is not read does not hold up a node", async () => {
  await using node = await UnreadNode.start("--log-level=debug", "--json");
  const read = node.child.stdout.pipeTo(new WritableStream()).catch(() => {});
  // Each session makes lines, 1 KiB or so.
  for (let i = 0; i < 200; i++) {
    await using guest = await Node.start({ connect: [node.sender.address] });
    await until("a guest is linked", () => guest.sessions().length === 2);
  }
  const { uptimeMs } = await node.status();
  assertEquals(typeof uptimeMs, "number");
  node.child.kill("SIGTERM");
  const { code, ms } = await node.end();
  assertEquals(code, 143);
  assert(ms < 5_000, `it took ${ms} ms`);
  await read;
});

test("Ctrl-S in a terminal holds up no node, and Ctrl-Q shows what came", async () => {
  const directory = await Deno.makeTempDir();
  await using sender = await Node.start();
  try {
    await using pty = new Pty(command(directory, sender, []));
    await pty.shows(/session here/);
    await pty.type("\x13");
    const to = sender.sessions()[0]!.id;
    const sent = Array.from(
      { length: 4 },
      (_, i) => sender.send(to, `${i} ${BODY}`),
    );
    for (const it of sent) it.catch(() => {});
    using client = await ControlClient.find(directory);
    const { id } = await client.status();
    assertEquals(id, to);
    await pty.type("\x11");
    await Promise.all(sent);
    await pty.shows(/: 3 x/);
    await pty.type("\x13");
    for (let i = 0; i < 4; i++) sender.ping("again");
    await client.stop();
    assertEquals(await pty.code(), 0);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

test("a terminal that shows nothing holds up no chat, and shows later what was said", async () => {
  const directory = await Deno.makeTempDir();
  await using sender = await Node.start();
  try {
    const [mod, ...flags] = command(directory, sender, []).slice(
      RUN.length + 2,
    );
    const chat = [...RUN, "--allow-read", "--allow-write", mod!, "chat"];
    await using pty = new Pty([...chat, ...flags]);
    await until("it is linked", () => sender.sessions().length > 0);
    await pty.shows(/is here/);
    const to = sender.sessions()[0]!.id;
    pty.pause();
    const sent = Array.from(
      { length: 30 },
      (_, i) => sender.send(to, `${i} ${BODY}`, { topic: "chat" }),
    );
    for (const it of sent) it.catch(() => {});
    using client = await ControlClient.find(directory);
    const { id } = await client.status();
    assertEquals(id, to);
    await until(
      "what the terminal takes is taken",
      () => sender.outbox.messages < 30,
    );
    await client.peers();
    assert(sender.outbox.messages > 0);
    pty.resume();
    await Promise.all(sent);
    await pty.shows(/: 29 x/);
    pty.pause();
    await client.stop();
    await until("it has left", () => sender.sessions().length === 0);
    pty.resume();
    assertEquals(await pty.code(), 0);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a finite result waits for a reader that comes late, and SIGTERM ends the wait", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/nodes.txt`;
    const nodes = Array.from({ length: 2_000 }, (_, i) => `127.0.0.1:${i + 1}`);
    await Deno.writeTextFile(path, nodes.join("\n"));
    const start = () => {
      const [program = "", ...args] = [...RUN, `--allow-read=${directory}`];
      return new Deno.Command(program, {
        args: [...args, MOD, "handshake", "--json", `--file=${path}`],
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
    };
    const late = start();
    const term = start();
    // The pipes are full when both have begun to write.
    const [first, second] = [late, term].map((it) => it.stdout.getReader());
    await Promise.all([first?.read(), second?.read()]);
    first?.releaseLock();
    term.kill("SIGTERM");
    assertEquals((await term.status).code, 143);
    second?.releaseLock();
    await term.stdout.cancel();
    await term.stderr.cancel();
    let count = 0;
    for await (const _ of linesOf(late.stdout)) count++;
    assertEquals((await late.status).code, 1);
    await late.stderr.cancel();
    // The first read took some hundred of them.
    assert(count > 1_000 && count < 2_000, `${count} lines`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
