import { assertEquals } from "@std/assert";
import {
  completeWords,
  completionLines,
  type NodeWords,
} from "../../src/cli/completion_words.ts";
import { COMMANDS } from "../../src/cli/commands.ts";

/** Loaded once, since to load some of them prepares TLS. */
const LOADED = await Promise.all(COMMANDS.map(async (entry) => {
  const command = await entry.load();
  return { ...entry, load: () => Promise.resolve(command) };
}));

interface Asked {
  readonly kind: NodeWords;
  readonly flags: Readonly<Record<string, string>>;
}

/** The lines for the last of these words, and what was asked of a node that has bob and news. */
async function linesFor(
  ...words: string[]
): Promise<{ words: string[]; asked: Asked[] }> {
  const asked: Asked[] = [];
  const completion = await completeWords(
    words,
    LOADED,
    (kind, flags) => {
      asked.push({ kind, flags: Object.fromEntries(flags) });
      const word = kind === "topic"
        ? "news"
        : kind === "peer-address"
        ? "bob:"
        : "bob";
      return Promise.resolve([{ word, help: "" }, { word: "zoe", help: "" }]);
    },
  );
  const lines = completionLines(completion);
  return { words: lines.map((it) => it.split("\t")[0] ?? ""), asked };
}

async function wordsFor(...words: string[]): Promise<string[]> {
  return (await linesFor(...words)).words;
}

Deno.test("the first word is completed to commands, the second to those of a group", async () => {
  assertEquals(await wordsFor("hand"), ["handshake"]);
  assertEquals(await wordsFor("identity", "n"), ["new"]);
  assertEquals(await wordsFor("help", "complet"), ["completions"]);
  assertEquals(await wordsFor("nothing", ""), []);
  const all = await wordsFor("");
  assertEquals(new Set(all).size, all.length);
  assertEquals(all.includes("run") && all.includes("help"), true);
});

Deno.test("flags are those of the command, each once unless it is a list", async () => {
  assertEquals(await wordsFor("run", "--exec-j"), ["--exec-jobs"]);
  assertEquals(await wordsFor("stop", "--exec"), []);
  assertEquals(await wordsFor("stop", "--d"), ["--data"]);
  assertEquals(await wordsFor("stop", "--data", "x", "--d"), []);
  assertEquals(await wordsFor("stop", "-d", "x", "--d"), []);
  assertEquals(await wordsFor("run", "--connect", "x:1", "--con"), [
    "--connect",
  ]);
  assertEquals(await wordsFor("--port", "1", "--per"), ["--period"]);
  assertEquals(await wordsFor("run", "--no-k"), ["--no-keep"]);
});

Deno.test("a value is completed to its words, to paths, or not at all, in every way to write it", async () => {
  assertEquals(await wordsFor("run", "--log-level", "d"), ["debug"]);
  assertEquals(await wordsFor("run", "--log-level=d"), ["debug"]);
  assertEquals(await wordsFor("run", "--log-level", "=", "d"), ["debug"]);
  assertEquals((await wordsFor("run", "--log-level", "=")).length, 6);
  assertEquals(await wordsFor("run", "--data", "d"), [":directory"]);
  assertEquals(await wordsFor("run", "--data=d"), [":directory"]);
  assertEquals(await wordsFor("run", "--key", ""), [":file"]);
  assertEquals(await wordsFor("run", "--port", ""), []);
  assertEquals(await wordsFor("respond", "--behaviour", "lis"), ["list"]);
});

Deno.test("peers and topics are those of the node that the flags mean", async () => {
  const peer = await linesFor("send", "--data", "'my dir'", "b");
  assertEquals(peer.words, ["bob"]);
  assertEquals(peer.asked, [{ kind: "peer", flags: { "--data": "my dir" } }]);
  const topic = await linesFor("send", "bob", "hi", "-d=x", "--topic=n");
  assertEquals(topic.words, ["news"]);
  assertEquals(topic.asked, [{ kind: "topic", flags: { "--data": "x" } }]);
  assertEquals(await wordsFor("send", "bob", "b"), []);
  assertEquals(await wordsFor("forward", "80", "b"), ["bob:"]);
  assertEquals(await wordsFor("send-file", "a", "b"), ["bob", ":file"]);
});

Deno.test("nothing is completed after a double dash, nor is a node asked", async () => {
  const { words, asked } = await linesFor("run", "--exec", "x", "--", "--fa");
  assertEquals([words, asked], [[], []]);
});
