/** Chat as people have it: on terminals, and through pipes. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Child, verack, verackProgram } from "../helpers/child.ts";
import { HAS_PTY, Pty } from "../helpers/pty.ts";
import { testIf } from "../helpers/test_if.ts";

const test = testIf(HAS_PTY);

const CHAT = verackProgram([
  ...["chat", "--no-color", "--host=127.0.0.1", "--port=0"],
]);

/** What is said before anything else tells where the chat is joined. */
async function addressOf(chat: Pty): Promise<string> {
  const [, address = ""] = await chat.shows(/--connect (127\.0\.0\.1:\d+)/);
  return address;
}

/** A chat that is no terminal's, with lines for its stdin. */
function piped(stdin: string, ...args: string[]): Child {
  return verack(
    ["chat", "--host=127.0.0.1", "--port=0", ...args],
    { stdin },
  );
}

test("on terminals two people talk, and a line that comes in leaves the half-typed one whole", async () => {
  await using alice = new Pty([...CHAT, "--name=alice"]);
  const address = await addressOf(alice);
  await using bob = new Pty([...CHAT, "--name=bob", `--connect=${address}`]);
  await Promise.all([
    alice.shows(/bob .*is here/),
    bob.shows(/alice .*here/),
  ]);

  await alice.type("half of a");
  await alice.shows(/half of a/);
  await bob.type("an interruption\r");
  // The line, and after it the prompt with what was typed so far.
  await alice.shows(/bob: an interruption[^]*> half of a/);
  await alice.type(" sentence\r");
  await bob.shows(/alice: half of a sentence/);
  await bob.type("/quit\r");
  await alice.shows(/bob .*has left/);
  assertEquals(await bob.code(), 0);
  await alice.type("\x04");
  assertEquals(await alice.code(), 0);
});

test("on a terminal there are commands, names completed by Tab, and what was typed before", async () => {
  await using alice = new Pty([...CHAT, "--name=alice"]);
  const address = await addressOf(alice);
  await using bob = new Pty([...CHAT, "--name=bob", `--connect=${address}`]);
  await bob.shows(/alice .*is here/);

  await bob.type("/msg al\t");
  await bob.shows(/\/msg alice /);
  await bob.type("for you\r");
  await alice.shows(/bob to you: for you/);
  await bob.type("/ping alice\r");
  await bob.shows(/alice answers in/);
  await bob.type("/here\r");
  await bob.shows(/2 here: you, bob \([0-9a-f]{8}\); alice/);
  await bob.type("/hree\r");
  await bob.shows(/There is no command .*did you mean \/here/);
  await bob.type("/msg carol hello\r");
  await bob.shows(/carol/);
  // Twice back: the message to carol, the mistyped command.
  const before = bob.text.length;
  await bob.type("\x1b[A\x1b[A");
  await bob.shows(/carol hello[^]*carol hello[^]*\/hree/);
  assertStringIncludes(bob.text.slice(before), "/hree");
  await bob.type("\x03");
  await alice.shows(/bob .*has left/);
});

Deno.test("through a pipe every line is sent, acknowledged by all connected peers, and that is the end", async () => {
  await using host = verack(["--host=127.0.0.1", "--port=0", "--json"]);
  const listening = await host.line((line) => line.includes('"listening"'));
  const { address } = JSON.parse(listening);
  await using bot = piped(
    "first\nsecond\n",
    "--name=bot",
    `--connect=${address}`,
  );
  assertEquals(await bot.code(), 0);
  const texts = host.out.map((line) => JSON.parse(line))
    .filter(({ type }) => type === "message")
    .map(({ text, topic, name }) => [name, topic, text]);
  assertEquals(texts, [["bot", "chat", "first"], ["bot", "chat", "second"]]);
});

Deno.test("through a pipe a chat that reaches no peer gives up in time, with an error", async () => {
  using closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr;
  closed.close();
  await using bot = piped(
    "nobody hears this\n",
    `--connect=127.0.0.1:${port}`,
    "--timeout=1",
  );
  assertEquals(await bot.code(), 1);
  assertMatch(bot.err.join("\n"), /127\.0\.0\.1/);
});

Deno.test("through a pipe what others say cannot break out of its line", async () => {
  await using host = verack(["--host=127.0.0.1", "--port=0", "--json"]);
  const { address } = JSON.parse(
    await host.line((line) => line.includes('"listening"')),
  );
  await using listener = verack(
    [
      "chat",
      "--host=127.0.0.1",
      "--port=0",
      "--name=ear",
      `--connect=${address}`,
    ],
    { stdin: "open" },
  );
  await host.line((line) => line.includes('"peer:up"'));
  await using bot = piped(
    "red \x1b[31m\u202e\n",
    "--name=bot",
    `--connect=${address}`,
  );
  assertEquals(await bot.code(), 0);
  const line = await listener.line((it) => it.includes("bot: red"));
  // deno-lint-ignore no-control-regex
  assertEquals(/[\x00-\x1f\u202e]/.test(line), false, line);
});
