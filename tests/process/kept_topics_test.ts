/** Messages that wait in a node's database for scripts, when nodes and scripts are killed. */
import { assert, assertEquals } from "@std/assert";
import { linesOf } from "../../src/cli/lines.ts";
import { ControlClient } from "../../src/control/control_client.ts";
import { Node } from "../../src/mesh/node.ts";
import { type Child, verack } from "../helpers/child.ts";
import { NodeProcess } from "../helpers/process.ts";
import { until } from "../helpers/until.ts";

const TOPIC = "jobs";

/** A data directory, and commands about the node on it. */
class Place implements AsyncDisposable {
  readonly directory: string;
  readonly #permissions: string[];

  constructor(directory: string) {
    this.directory = directory;
    this.#permissions = [
      `--allow-read=${directory}`,
      `--allow-write=${directory}`,
    ];
  }

  static async make(): Promise<Place> {
    return new Place(await Deno.makeTempDir({ prefix: "verack-kept-" }));
  }

  node(...args: string[]): Promise<NodeProcess> {
    return NodeProcess.start([`--data=${this.directory}`, ...args], {
      permissions: this.#permissions,
    });
  }

  command(...args: string[]): Child {
    return verack([...args, `--data=${this.directory}`], {
      permissions: this.#permissions,
    });
  }

  /** A consumer; its lines of JSON. */
  consumer(...args: string[]): Child {
    return this.command(
      "receive-messages",
      `--topic=${TOPIC}`,
      "--json",
      ...args,
    );
  }

  /** What a command writes until it ends. */
  async run(...args: string[]): Promise<{ code: number; out: string[] }> {
    await using child = this.command(...args);
    const code = await child.code();
    return { code, out: child.out };
  }

  async waiting(): Promise<number> {
    using client = await ControlClient.find(this.directory);
    const topics = await client.keptTopics.list();
    return topics.reduce((sum, { messages }) => sum + messages, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}

const textOf = (line: string): string => JSON.parse(line).text;

Deno.test("a script leases messages, and says by their ids what became of them; tail --ack takes the rest", async () => {
  await using place = await Place.make();
  await using node = await place.node(`--keep-topic=${TOPIC}`);
  await using sender = await Node.start({ connect: [node.address] });
  await sender.joined();
  const send = (text: string) => sender.send(node.id, text, { topic: TOPIC });
  for (const text of ["1", "2", "3"]) await send(text);
  assertEquals(node.of("message"), []);
  const args = ["receive-messages", `--topic=${TOPIC}`, "--json"];
  const peeked = await place.run(...args, "--peek");
  assertEquals(peeked.out.map(textOf), ["1", "2", "3"]);
  const leased = await place.run(...args, "--no-ack");
  const [first] = leased.out.map((line) => JSON.parse(line));
  assertEquals([first.text, first.deliveryCount], ["1", 1]);
  assertEquals((await place.run("nack", first.id, "--delay=0")).code, 0);
  const [again] = (await place.run(...args, "--no-ack")).out
    .map((line) => JSON.parse(line));
  assertEquals([again.id, again.deliveryCount], [first.id, 2]);
  assertEquals((await place.run("ack", first.id)).code, 0);
  assertEquals((await place.run("ack", first.id)).code, 1);
  await using tail = place.command("tail", "--ack", `--topic=${TOPIC}`);
  await tail.line((line) => line.endsWith(": 3"));
  await send("4");
  await tail.line((line) => line.endsWith(": 4"));
  await until("all is acked", async () => await place.waiting() === 0);
  tail.kill("SIGTERM");
  assertEquals(await tail.code(), 143);
  assertEquals(tail.out.length, 3);
});

Deno.test("a topic is kept from the first call of receive-messages on, also after a restart, and dropped by command", async () => {
  await using place = await Place.make();
  {
    await using node = await place.node();
    await using consumer = place.consumer();
    assertEquals(await consumer.code(), 0);
    const [said = ""] = consumer.err;
    assert(said.includes(`keeps messages of topic "${TOPIC}" from now`), said);
    await node.end("SIGTERM");
  }
  await using node = await place.node();
  await using sender = await Node.start({ connect: [node.address] });
  await sender.joined();
  await sender.send(node.id, "job", { topic: TOPIC });
  assertEquals(await place.waiting(), 1);
  const listed = await place.run("kept-topics", "--json");
  assertEquals(listed.out.map((line) => JSON.parse(line).topic), [TOPIC]);
  const dropped = await place.run("kept-topics", "drop", TOPIC, "--json");
  assertEquals(dropped.out.map((line) => JSON.parse(line).messages), [1]);
  await using refused = verack([`--keep-topic=${TOPIC}`, "--port=0"]);
  assertEquals(await refused.code(), 2);
});

Deno.test("whenever a node is killed, every message that its sender thinks delivered is there, and comes in order", async () => {
  await using place = await Place.make();
  let node = await place.node(`--keep-topic=${TOPIC}`);
  const port = node.address.replace(/.*:/, "");
  await using sender = await Node.start({ connect: [node.address] });
  await sender.joined();
  const { id } = node;
  const delivered: string[] = [];
  let sent = 0;
  const sending: Promise<void>[] = [];
  const send = (count: number) => {
    for (let at = 0; at < count; at++) {
      const text = `${sent++}`;
      sending.push(
        sender.send(id, text, { topic: TOPIC })
          .then(() => void delivered.push(text)),
      );
    }
  };
  const seen: string[] = [];
  for (let life = 0; life < 4; life++) {
    send(150);
    const aim = delivered.length + 60;
    await using consumer = place.consumer("--follow");
    await until("some are delivered", () => delivered.length >= aim);
    await until("some are consumed", () => consumer.out.length >= 30);
    await node.end("SIGKILL");
    await consumer.code();
    seen.push(...consumer.out.map(textOf));
    await node[Symbol.asyncDispose]();
    node = await place.node(`--port=${port}`);
  }
  await using _last = node;
  await Promise.all(sending);
  await using rest = place.consumer();
  assertEquals(await rest.code(), 0);
  seen.push(...rest.out.map(textOf));
  assertEquals(await place.waiting(), 0);
  const firsts = [...new Set(seen)];
  assertEquals(firsts, Array.from({ length: sent }, (_, at) => `${at}`));
  assertEquals(delivered.length, sent);
  // Twice come only those of which the consumer's ack was not recorded.
  assert(seen.length < sent + 4 * 100, `${seen.length} lines`);
});

Deno.test("what a killed consumer has not passed on comes to the next one, and nothing is lost", async () => {
  await using place = await Place.make();
  await using node = await place.node(`--keep-topic=${TOPIC}`);
  await using sender = await Node.start({ connect: [node.address] });
  await sender.joined();
  const body = "x".repeat(60_000);
  const count = 20;
  await Promise.all(
    Array.from(
      { length: count },
      (_, at) => sender.send(node.id, `${at} ${body}`, { topic: TOPIC }),
    ),
  );
  // Its output is not read: the pipe accepts one line or two.
  const permissions = [
    "--allow-net",
    `--allow-read=${place.directory}`,
    `--allow-write=${place.directory}`,
  ];
  const main = new URL("../../src/cli/main.ts", import.meta.url).href;
  const unread = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--cached-only", ...permissions],
      ...[main, "receive-messages", "--follow", "--json"],
      ...[`--topic=${TOPIC}`, `--data=${place.directory}`],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  using client = await ControlClient.find(place.directory);
  await until("some are with it, and few acked", async () => {
    const [topic] = await client.keptTopics.list();
    return (topic?.leased ?? 0) > 10 && topic!.messages < count;
  });
  unread.kill("SIGKILL");
  await unread.status;
  const passed: string[] = [];
  for await (const line of linesOf(unread.stdout, 1_000_000)) {
    // The last line may have been cut off.
    if (line.endsWith("}")) passed.push(textOf(line));
  }
  await until("it has none any more", async () => {
    const [topic] = await client.keptTopics.list();
    return topic?.leased === 0;
  });
  const rest = await client.keptTopics.lease(TOPIC, { max: count });
  assert(rest.every(({ deliveryCount }) => deliveryCount === 1));
  const numbers = [...passed, ...rest.map(({ text = "" }) => text)]
    .map((text) => Number(text.split(" ")[0]));
  assertEquals(
    [...new Set(numbers)],
    Array.from({ length: count }, (_, at) => at),
  );
  assert(passed.length < count / 2, `${passed.length} lines in a pipe`);
});

Deno.test("a program of run --exec-topic consumes what waits, one after the other", async () => {
  await using place = await Place.make();
  {
    await using node = await place.node(`--keep-topic=${TOPIC}`);
    await using sender = await Node.start({ connect: [node.address] });
    await sender.joined();
    for (const text of ["1", "2"]) {
      await sender.send(node.id, text, { topic: TOPIC });
    }
    await node.end("SIGTERM");
  }
  await using node = await NodeProcess.start([
    `--data=${place.directory}`,
    "--exec=/bin/cat",
    `--exec-topic=${TOPIC}`,
    "--exec-from=" + "0".repeat(64),
  ], {
    permissions: [
      `--allow-read=${place.directory},/bin/cat`,
      `--allow-write=${place.directory}`,
      "--allow-run=/bin/cat",
    ],
  });
  // None of that sender: what is not for the program is printed, and acked by that.
  const first = await node.waitFor("message");
  const second = await node.waitFor("message");
  assertEquals([first.text, second.text], ["1", "2"]);
  await until("all is acked", async () => await place.waiting() === 0);
});
