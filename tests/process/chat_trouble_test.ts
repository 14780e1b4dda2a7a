/** What a chat does when others are hostile, away, or of the same name. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { Names } from "../../src/cli/chat/chat_lines.ts";
import { Identity } from "../../src/identity/identity.ts";
import { Node } from "../../src/mesh/node.ts";
import { verack, verackProgram } from "../helpers/child.ts";
import { HAS_PTY, Pty } from "../helpers/pty.ts";
import { until } from "../helpers/until.ts";
import { testIf } from "../helpers/test_if.ts";

const test = testIf(HAS_PTY);

const LOCAL = ["--host=127.0.0.1", "--port=0"];

function onTerminal(...args: string[]): Pty {
  return new Pty(verackProgram(["chat", ...LOCAL, ...args]), { NO_COLOR: "1" });
}

test("Ctrl-C leaves a chat politely, and what others say is harmless there", async () => {
  await using chat = onTerminal();
  const [, address = ""] = await chat.shows(/--connect (127[\d.:]+)/);
  await using bob = await Node.start({ connect: [address], name: "bob" });
  await chat.shows(/is here/);
  const [peer] = bob.peers();
  assert(peer !== undefined);
  const text = "one\x1b[2J\n00:00 alice: two";
  await bob.send(peer.id, text, { topic: "x\r" });
  const shown = await chat.shows(/bob \[x\\u\{d\}\]: one.*two/s);
  assertStringIncludes(shown[0], "one\\u{1b}[2J\r\n        00:00 alice: two");
  await chat.type("half\x03");
  assertEquals(await chat.code(), 130);
  await until("it has left", () => bob.sessions().length === 0);
});

test("a chat does not promise what a peer whose key was in memory cannot get", async () => {
  await using chat = onTerminal();
  const [, address = ""] = await chat.shows(/--connect (127[\d.:]+)/);
  const gone = await Node.start({ connect: [address], name: "gone" });
  const identity = await Identity.generate({ ephemeral: false });
  const kept = await Node.start({
    connect: [address],
    name: "kept",
    identity,
  });
  await chat.shows(/gone .*is here/);
  await chat.shows(/kept .*is here/);
  await Promise.all([gone.close({ abrupt: true }), kept.close()]);
  await chat.shows(/gone .*is lost/);
  await chat.shows(/kept .*has left/);
  await chat.type("/msg kept hello\r");
  await chat.shows(/kept is away and gets it later/);
  await chat.type("/msg gone hello\r");
  await chat.shows(/gone is away, and gets it only if/);
});

Deno.test("lines that no peer acknowledged are given up with an exit code of 1, or kept with --data", async () => {
  // It takes no messages.
  await using alice = await Node.start({ name: "alice" });
  const args = [
    ...["chat", ...LOCAL, "--timeout=1"],
    `--connect=${alice.address}`,
  ];
  await using forgetful = verack(args, { stdin: "hello\n" });
  assertEquals(await forgetful.code(), 1);
  assertMatch(
    forgetful.err.join(),
    /^verack chat: 1 message given up: not acked by alice; --data DIR/,
  );

  const directory = await Deno.makeTempDir();
  try {
    await using keeping = verack([...args, `--data=${directory}/bot`], {
      stdin: "hello\n",
      permissions: [
        `--allow-read=${directory}`,
        `--allow-write=${directory}`,
      ],
    });
    assertEquals(await keeping.code(), 0);
    assertMatch(
      keeping.err.join(),
      /^verack chat: 1 message kept until the next start, for alice$/,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("through a pipe a chat that cannot join ends at once and says why", async () => {
  await using alice = await Node.start({ network: "other" });
  await using chat = verack([
    ...["chat", ...LOCAL, "--timeout=60"],
    `--connect=${alice.address}`,
  ], { stdin: "hello\n" });
  assertEquals(await chat.code(), 1);
  assertStringIncludes(
    chat.err.at(-1) ?? "",
    `verack: Cannot join: ${alice.address}: Cannot open session: the other end is in another network than this node's "main"`,
  );
});

Deno.test("a name stands alone until a second one claims it, and never again", async () => {
  await using alice = await Node.start();
  const join = async () => {
    const node = await Node.start({ name: "bob", connect: [alice.address] });
    await until(
      "connected",
      () => alice.peer(node.identity.id)?.connected ?? false,
    );
    return node;
  };
  await using first = await join();
  const names = new Names(alice);
  const { id } = first.identity;
  assertEquals(names.label(id), "bob");
  assertEquals(names.typed(), ["bob"]);
  const second = await join();
  names.claim(second.identity.id, "BOB");
  assertEquals(names.label(id), `bob (${id.slice(0, 8)})`);
  await second.close();
  await until("it has left", () => alice.sessions().length === 1);
  assertEquals(names.label(id), `bob (${id.slice(0, 8)})`);
  assertEquals(names.typed(), [id.slice(0, 8)]);
});
