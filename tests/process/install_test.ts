/** The command as `docs/running.md` installs it, outside the clone. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { VERSION } from "../../src/version.ts";
import { Child } from "../helpers/child.ts";

const ROOT = new URL("../../", import.meta.url);

/** The words of the line that begins with `deno install`. */
async function installLine(): Promise<string[]> {
  const document = await Deno.readTextFile(new URL("docs/running.md", ROOT));
  const line = /^deno install --global .*$/m.exec(document)?.[0];
  assert(line !== undefined);
  return line.split(" ").slice(1);
}

async function withInstalled(
  use: (verack: string, directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "verack-install-" });
  try {
    const [install = "", ...words] = await installLine();
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [install, "--root", directory, ...words],
      cwd: ROOT,
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    const suffix = Deno.build.os === "windows" ? ".cmd" : "";
    await use(`${directory}/bin/verack${suffix}`, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("the installed command has all commands, and permissions for a node that stays and its clients", async () => {
  await withInstalled(async (verack, directory) => {
    const env = {
      // What Deno is called in the script of the command.
      PATH: `${Deno.execPath().replace(/[^/\\]*$/, "")}:${
        Deno.env.get("PATH") ?? ""
      }`,
      VERACK_DATA: `${directory}/data`,
    };
    const ends = async (...args: string[]) => {
      await using child = new Child(verack, args, { env });
      const code = await child.code();
      assertEquals([code, child.err], [0, []], args.join(" "));
      return child.out;
    };
    assertEquals(await ends("--version"), [`verack ${VERSION}`]);
    const help = (await ends("--help")).join("\n");
    for (const { name } of COMMANDS) assertMatch(help, new RegExp(` ${name} `));
    await using node = new Child(verack, ["run", "--port=0", "--json"], {
      env,
    });
    await node.line((line) => line.includes('"listening"'));
    assertMatch((await ends("status"))[0] ?? "", /^node /);
    assertMatch((await ends("links"))[0] ?? "", /0 sessions here/);
    assertMatch((await ends("health"))[0] ?? "", /^healthy/);
    assertEquals(await ends("completions", "words", "--", "pin"), [
      "ping\tMeasure round trips to a peer",
    ]);
    assertMatch((await ends("stop"))[0] ?? "", /^stopped/);
    assertEquals(await node.code(), 0);
  });
});
