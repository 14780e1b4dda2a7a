/** The program as a whole: which command runs, and how it ends. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { flagName } from "../../src/cli/flags.ts";
import { VERSION } from "../../src/version.ts";
import { verack } from "../helpers/child.ts";

/** What it writes and its exit code. */
async function ends(
  ...args: string[]
): Promise<{ code: number; out: string; err: string[] }> {
  await using child = verack(args);
  const code = await child.code();
  return { code, out: child.out.join("\n"), err: child.err };
}

Deno.test("--version is one line on stdout", async () => {
  for (const args of [["--version"], ["-V"], ["--no-color", "--version"]]) {
    assertEquals(await ends(...args), {
      code: 0,
      out: `verack ${VERSION}`,
      err: [],
    });
  }
});

Deno.test("--version --json says what the program runs on, for bug reports", async () => {
  const { code, out, err } = await ends("--version", "--json");
  assertEquals([code, err], [0, []]);
  const { deno, v8, typescript } = Deno.version;
  assertEquals(JSON.parse(out), {
    ...{ version: VERSION, deno, v8, typescript },
    ...{ target: Deno.build.target, compiled: false },
  });
});

Deno.test("--help lists the commands, and COMMAND --help every flag of a command", async () => {
  const { code, out, err } = await ends("--help");
  assertEquals([code, err], [0, []]);
  for (const { name, summary } of COMMANDS) {
    assertMatch(out, new RegExp(`\n  ${name} +${summary.split(" ")[0]} `));
  }
  assertEquals(await ends("help"), { code, out, err });

  const run = await ends("run", "--help");
  assertEquals([run.code, run.err], [0, []]);
  const { flags } = await COMMANDS[0]!.load();
  assert(Object.keys(flags).length > 20);
  for (const key of [...Object.keys(flags), "help"]) {
    assertMatch(run.out, new RegExp(`--(\\[no-\\])?${flagName(key)}\\b`));
  }
  assertStringIncludes(run.out, "--connect [ID@]HOST:PORT");
  assertStringIncludes(run.out, "VERACK_LOG");
  assert(run.out.split("\n").every((line) => line.length <= 80), run.out);
  assertEquals((await ends("help", "run")).out, run.out);
  for (const command of ["chat", "invite", "invites", "invites revoke"]) {
    const { out } = await ends(...command.split(" "), "--help");
    assert(out.split("\n").every((line) => line.length <= 80), out);
  }
});

Deno.test("help of a group lists its commands", async () => {
  const { code, out } = await ends("identity", "--help");
  assertEquals(code, 0);
  assertStringIncludes(out, "identity new");
  assert(!out.includes("demo"));
});

Deno.test("a command that does not exist is one line and exit code 2", async () => {
  const { code, out, err } = await ends("dmeo");
  assertEquals([code, out, err], [2, "", [
    'verack: Unknown command "dmeo", did you mean demo? (see verack --help)',
  ]]);
});

Deno.test("a usage error is one line with the command, and says where help is", async () => {
  const { code, err } = await ends("run", "--port=");
  assertEquals([code, err], [2, [
    "verack run: --port is empty, must be a whole number from 0 to 65535 (see verack run --help)",
  ]]);
});

Deno.test("mod.ts is the command line too", async () => {
  const module = new URL("../../mod.ts", import.meta.url).href;
  await using child = verack(["--version"], { module });
  assertEquals([await child.code(), child.out], [0, [`verack ${VERSION}`]]);
});
