// The systemd units: by systemd's own checks where it is installed, and by the program's flags.
// `systemd_run_test.ts` runs them.
import { assert, assertEquals } from "@std/assert";
import { runs, testIf } from "../helpers/test_if.ts";
import { readDeploy } from "./documents.ts";
import { parseLine } from "./flags.ts";

const UNIT = readDeploy("systemd/verack.service");
const TEMPLATE = readDeploy("systemd/verack@.service");
/** Where the units expect the program. */
const PROGRAM = "/usr/local/bin/verack";
/** Of ten; below is what systemd calls "OK". */
const MOST_EXPOSURE = 2;

const HAS_SYSTEMD = runs("systemd-analyze", "--version");

function valuesOf(unit: string, key: string): string[] {
  return unit.split("\n").filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1));
}

function instructions(unit: string): string[] {
  return unit.split("\n").filter((line) => line !== "" && line[0] !== "#");
}

/** The units with another program in the place of ours, which is not installed here. */
async function analyze(
  ...args: string[]
): Promise<{ code: number; said: string }> {
  const folder = await Deno.makeTempDir();
  try {
    const units = { "verack.service": UNIT, "verack@alice.service": TEMPLATE };
    const paths: string[] = [];
    for (const [name, text] of Object.entries(units)) {
      const path = `${folder}/${name}`;
      await Deno.writeTextFile(path, text.replaceAll(PROGRAM, "/bin/true"));
      paths.push(path);
    }
    const { code, stdout, stderr } = await new Deno.Command("systemd-analyze", {
      args: [...args, "--no-pager", ...paths],
    }).output();
    const text = new TextDecoder();
    return { code, said: text.decode(stdout) + text.decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the template differs from the unit by the name of the instance alone", () => {
  const expected = instructions(UNIT).map((line) =>
    line
      .replace(/^Description=.*/, "$& %i")
      .replaceAll(/%([SC])\/verack/g, "%$1/verack-%i")
      .replace("/etc/default/verack", "/etc/default/verack-%i")
      .replace(/^(State|Cache)Directory=verack$/, "$&-%i")
  );
  assertEquals(instructions(TEMPLATE), expected);
});

Deno.test("the command lines of the unit are those of the program", () => {
  const [start = ""] = valuesOf(UNIT, "ExecStart");
  const [started = ""] = valuesOf(UNIT, "ExecStartPost");
  const words = (line: string) =>
    line.replace(" $VERACK_ARGS", "").replace("%S", "/var/lib").split(" ");
  const [program, ...run] = words(start);
  assertEquals(program, PROGRAM);
  const { name, flags } = parseLine(run);
  assertEquals(name, "run");
  const [, check = ""] = /until verack (.*?); do/.exec(started) ?? [];
  const health = parseLine(words(check));
  assertEquals(health.name, "health");
  assertEquals(health.flags.data, flags.data);
  const [longest] = valuesOf(UNIT, "TimeoutStartSec");
  assert(Number(health.flags.wait) < Number(longest));
  assertEquals(`/var/lib/${valuesOf(UNIT, "StateDirectory")}`, flags.data);
});

Deno.test("a node that was stopped has not failed, and one with wrong flags is not started again", () => {
  assertEquals(valuesOf(UNIT, "SuccessExitStatus"), ["129 130 143"]);
  assertEquals(valuesOf(UNIT, "KillSignal"), ["SIGTERM"]);
  assertEquals(valuesOf(UNIT, "RestartPreventExitStatus"), ["2"]);
  // SIGHUP ends a node, so a reload would.
  assertEquals(valuesOf(UNIT, "ExecReload"), []);
});

testIf(HAS_SYSTEMD)("systemd finds no fault in the units", async () => {
  const { code, said } = await analyze("verify", "--man=no");
  assertEquals({ code, said }, { code: 0, said: "" });
});

testIf(HAS_SYSTEMD)(
  "systemd rates the exposure of the units as low",
  async () => {
    const { code, said } = await analyze(
      ...["security", "--offline=true"],
      `--threshold=${MOST_EXPOSURE * 10}`,
    );
    assertEquals(code, 0, said);
  },
);
