import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { verack } from "../helpers/child.ts";

async function script(shell: string): Promise<string> {
  await using child = verack(["completions", shell]);
  assertEquals([await child.code(), child.err], [0, []]);
  return child.out.join("\n");
}

/** What bash completes the last of these words to. */
async function completed(source: string, ...words: string[]): Promise<string> {
  const list = words.map((it) => `'${it}'`).join(" ");
  const { stdout, stderr } = await new Deno.Command("bash", {
    args: [
      "-c",
      `${source}\nCOMP_WORDS=(verack ${list})
      COMP_CWORD=${words.length}; _verack; echo "\${COMPREPLY[*]}"`,
    ],
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("completions bash completes commands, their flags, and the words of a flag", async () => {
  const source = await script("bash");
  assertEquals(await completed(source, "hand"), "handshake");
  assertEquals(await completed(source, "identity", "n"), "new");
  assertEquals(await completed(source, "run", "--exec-j"), "--exec-jobs");
  assertEquals(
    await completed(source, "run", "--pass"),
    ["--passphrase-file", "--passphrase-env"].join(" "),
  );
  assertEquals(await completed(source, "stop", "--exec"), "");
  assertEquals(await completed(source, "run", "--log-level", "d"), "debug");
  assertEquals(await completed(source, "run", "--port", ""), "");
});

Deno.test("completions zsh and fish name every command and flag", async () => {
  for (const shell of ["zsh", "fish"]) {
    const source = await script(shell);
    for (const word of ["handshake", "passphrase-file", "exec-jobs"]) {
      assertStringIncludes(source, word, shell);
    }
    assert(source.includes("bashcompinit") === (shell === "zsh"));
  }
});

Deno.test("completions refuses other shells", async () => {
  await using child = verack(["completions", "tcsh"]);
  assertEquals([await child.code(), child.err], [2, [
    'verack completions: SHELL is "tcsh", must be one of bash, zsh, fish (see verack completions --help)',
  ]]);
});
