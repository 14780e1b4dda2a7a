// The examples of the library in the README and in docs/streams.md, and what they print.
import { assertEquals, assertMatch } from "@std/assert";
import { Child } from "../helpers/child.ts";

const ROOT = new URL("../../", import.meta.url);
const [README = ""] = snippets("README.md");
const STREAMS = snippets("docs/streams.md").filter((it) =>
  it.includes("/mod.ts")
);

/** The examples of a page. */
function snippets(page: string): string[] {
  const text = Deno.readTextFileSync(new URL(page, ROOT));
  return [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, it = ""]) => it);
}

/** What a snippet prints, run as a program of its own. */
async function printed(snippet: string): Promise<string[]> {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      path,
      snippet.replace(/\.{1,2}\/mod\.ts/, new URL("mod.ts", ROOT).href),
    );
    await using child = new Child(Deno.execPath(), [
      ...["run", "--quiet", "--no-prompt", "--cached-only", "--allow-all"],
      ...["--config", new URL("deno.json", ROOT).pathname, path],
    ]);
    assertEquals(await child.code(), 0, child.err.join("\n"));
    return child.out;
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("the first example of the README as a library meets and delivers", async () => {
  const [message = "", ...rest] = await printed(README);
  assertMatch(message, /^[0-9a-f]{64}: hello$/);
  assertEquals(rest, []);
});

Deno.test("the examples of streams and requests print what they say", async () => {
  const [stream, [time = "", ...refusal] = [], typed, ...more] = await Promise
    .all(STREAMS.map(printed));
  assertEquals(stream, ["HELLO"]);
  assertMatch(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assertEquals(refusal, ["no-such-job Job 7 is not there"]);
  assertEquals([typed, ...more], [["3"]]);
});
