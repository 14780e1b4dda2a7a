// The examples of the README as a library, and what they print.
import { assertEquals, assertMatch } from "@std/assert";
import { Child } from "../helpers/child.ts";

const ROOT = new URL("../../", import.meta.url);
const README = await Deno.readTextFile(new URL("README.md", ROOT));
const SNIPPETS = [...README.matchAll(/^```ts\n(.*?)^```/gms)].map((match) =>
  match[1] ?? ""
);

/** What a snippet prints, run as a program of its own. */
async function printed(snippet: string | undefined): Promise<string[]> {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      path,
      (snippet ?? "").replaceAll("./mod.ts", new URL("mod.ts", ROOT).href),
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
  const [message = "", ...rest] = await printed(SNIPPETS[0]);
  assertMatch(message, /^[0-9a-f]{64}: hello$/);
  assertEquals(rest, []);
});

Deno.test("the second example of the README as a library asks for the time and shouts", async () => {
  assertEquals(SNIPPETS.length, 2);
  const [time = "", ...rest] = await printed(SNIPPETS[1]);
  assertMatch(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assertEquals(rest, ["HELLO"]);
});
