/** What people and programs read: lines, colours, logs, and no surprises in them. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Identity } from "../../src/identity/identity.ts";
import { Node } from "../../src/mesh/node.ts";
import { verack, verackProgram } from "../helpers/child.ts";
import { NodeProcess } from "../helpers/process.ts";
import { HAS_PTY, Pty } from "../helpers/pty.ts";
import { Place } from "../helpers/place.ts";
import { testIf } from "../helpers/test_if.ts";

const test = testIf(HAS_PTY);

const LOCAL = ["--host=127.0.0.1", "--port=0"];
const RUN = verackProgram(LOCAL, ["--allow-read"]);

// deno-lint-ignore no-control-regex
const ESCAPE = /\x1b/;

Deno.test("people read the node's id, how to join, which peers are up, pings and which left", async () => {
  await using child = verack(["--host=127.0.0.1", "--port=0"]);
  const greeting = await child.line((line) => line.startsWith("verack "));
  const join = await child.line((line) => line.startsWith("join from here"));
  const address = /--connect (\S+)$/.exec(join)?.[1] ?? "";
  const id = greeting.slice("verack ".length);
  const node = await Node.start({ connect: [`${id}@${address}`] });
  const who = node.identity.id.slice(0, 8);
  await child.line((line) => line.includes(`up     ${who} from 127.0.0.1:`));
  node.ping("hello");
  await child.line((line) => line.includes(`ping   ${who}: hello`));
  await child.line((line) => line.endsWith("mesh   2 nodes, 1 session here"));
  await node.close();
  await child.line((line) => line.endsWith(`left   ${who}`));
  child.kill("SIGINT");
  assertEquals(await child.code(), 130);
  assertMatch(child.out.at(-1) ?? "", /^\d\d:\d\d:\d\d stop {3}left the mesh$/);
  assertEquals(child.err, []);
  assert(!ESCAPE.test(child.out.join()), "NO_COLOR is set");
});

Deno.test("colours come with --color also where NO_COLOR is set, and leave JSON alone", async () => {
  await using colored = verack(["--host=127.0.0.1", "--port=0", "--color"]);
  assertMatch(await colored.line((line) => line.includes("listen")), ESCAPE);
  await using json = await NodeProcess.start(["--color"]);
  assert(!ESCAPE.test(json.child.out.join()));
});

Deno.test("VERACK_LOG makes JSON lines on stderr, and none of them on stdout", async () => {
  const env = { VERACK_LOG: "debug" };
  await using a = await NodeProcess.start([], { env });
  await using b = await NodeProcess.start([
    `--connect=${a.address}`,
    "--connect=127.0.0.1:1",
  ], { env });
  await a.meshOf(2);
  await b.waitFor("unreachable");
  for (const node of [a, b]) {
    assertEquals(await node.end("SIGTERM"), 143);
    const records = node.child.err.map((line) => JSON.parse(line));
    assert(records.some(({ message }) => message === "peer up"));
    for (const { time, level, logger, message } of records) {
      assertMatch(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      assert(["debug", "info", "warn", "error"].includes(level), level);
      assertMatch(logger, /^verack\.[a-z]+$/);
      assertEquals(typeof message, "string");
    }
    assert(node.events.every(({ type }) => typeof type === "string"));
  }
});

Deno.test("--log-level wins over VERACK_LOG, off is silent, and --log-format human is for people", async () => {
  const env = { VERACK_LOG: "debug" };
  await using silent = await NodeProcess.start(["--log-level=off"], { env });
  await using human = await NodeProcess.start([
    `--connect=${silent.address}`,
    "--log-format=human",
  ], { env });
  await silent.meshOf(2);
  const who = silent.id.slice(0, 8);
  const line = await human.child.talk((line) => line.includes("peer up"));
  assertMatch(line, /^\d\d:\d\d:\d\d\.\d{3} INFO {2}mesh/);
  assert(line.includes(`peer=${who}`), line);
  await silent.end("SIGINT");
  assertEquals(silent.child.err, []);
});

Deno.test("a reader that goes away ends the node with exit code 141 and without a word", async () => {
  await using a = await NodeProcess.start(["--period=0.05"]);
  const [program = "", ...args] = RUN;
  const child = new Deno.Command(program, {
    args: [...args, "--json", `--connect=${a.address}`],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await a.waitFor("peer:up");
  await child.stdout.cancel();
  const { code, stderr } = await output(child);
  assertEquals([code, stderr], [141, ""]);
  const down = await a.waitFor("peer:down");
  assert(down.left, down.reason);
});

test("on a terminal there are colours, and Ctrl-C leaves politely on a line of its own", async () => {
  await using pty = new Pty(RUN);
  await pty.shows(/listen/);
  assertMatch(pty.text, ESCAPE);
  await pty.type("\x03");
  await pty.shows(/\^C\r\n[^^]*left the mesh/);
  assertEquals(await pty.code(), 130);

  await using plain = new Pty(RUN, { NO_COLOR: "1" });
  await plain.shows(/listen/);
  assert(!ESCAPE.test(plain.text), plain.text);
});

test("on a terminal the passphrase of a key is asked for, unseen, and Ctrl-C there ends", async () => {
  await using place = new Place();
  const { path: directory } = place;
  const path = `${directory}/secret.key`;
  const { id, privateKeyPem } = await Identity.generate();
  const encrypted = await encrypt(privateKeyPem, "correct horse");
  await Deno.writeTextFile(path, encrypted);
  await using pty = new Pty([...RUN, `--key=${path}`, "--no-color"]);
  await pty.shows(/Passphrase of .*secret\.key: $/);
  await pty.type("correct hxyz\x7f\x7f\x7forse\r");
  await pty.shows(new RegExp(`verack ${id}`));
  assert(!pty.text.includes("hxyz"), pty.text);
  await pty.type("\x03");
  assertEquals(await pty.code(), 130);

  await using wrong = new Pty([...RUN, `--key=${path}`]);
  await wrong.shows(/Passphrase of .*: $/);
  await wrong.type("incorrect\r");
  await wrong.shows(/the\s+passphrase does not open it/);
  assertEquals(await wrong.code(), 1);

  await using gone = new Pty([...RUN, `--key=${path}`]);
  await gone.shows(/Passphrase of .*: $/);
  await gone.type("corr\x03");
  assertEquals(await gone.code(), 130);
});

async function encrypt(pem: string, passphrase: string): Promise<string> {
  const { createPrivateKey } = await import("node:crypto");
  return createPrivateKey(pem).export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase,
  }).toString();
}

async function output(
  child: Deno.ChildProcess,
): Promise<{ code: number; stderr: string }> {
  let stderr = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stderr) stderr += decoder.decode(chunk);
  return { code: (await child.status).code, stderr };
}
