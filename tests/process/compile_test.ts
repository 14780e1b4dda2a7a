// The single binary. Its base (denort) is downloaded by Deno and may be missing
// here, so what it embeds is checked with `deno` itself as the base, and the
// binary is run only where DENORT_BIN names a real base.
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import config from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url);
const BASE = Deno.env.get("DENORT_BIN");

/** Runs the `compile` task with another output; what it printed. */
async function compile(base: string, output: string): Promise<string> {
  const { command } = config.tasks.compile;
  const [program, ...args] = command.replace("dist/verack", output).split(" ");
  assertEquals(program, "deno");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { DENORT_BIN: base, NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  const said = text.decode(stdout) + text.decode(stderr);
  assertEquals(code, 0, said);
  return said;
}

Deno.test("deno task compile embeds all of src and nothing of the tests", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const said = await compile(Deno.execPath(), `${folder}/verack`);
    for (const embedded of ["main.ts", "run.ts"]) {
      assertStringIncludes(said, embedded);
    }
    // A folder that is embedded as a whole is shown without its files.
    assertMatch(said, /── (node\.ts|mesh\/\*) /);
    assert(!said.includes("_test.ts"), said);
    assert(!said.includes("fast-check"), said);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

if (BASE === undefined) {
  console.log(
    "skipped: running the compiled binary (no DENORT_BIN, and its download is out of reach of tests)",
  );
}

Deno.test({
  name: "the compiled binary shows its version and runs the demo",
  ignore: BASE === undefined,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const binary = `${folder}/verack`;
      await compile(BASE ?? "", binary);
      for (const args of [["--version"], ["demo", "--nodes", "3", "--json"]]) {
        const { code, stdout } = await new Deno.Command(binary, { args })
          .output();
        assertEquals(code, 0, new TextDecoder().decode(stdout));
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
