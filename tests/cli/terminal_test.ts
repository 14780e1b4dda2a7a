import { assertEquals } from "@std/assert";
import { palette, useColor } from "../../src/cli/terminal.ts";

Deno.test("useColor() follows the flag, then NO_COLOR, then the stream", () => {
  const cases: [
    color: boolean | undefined,
    terminal: boolean,
    noColor: boolean,
    used: boolean,
  ][] = [
    [undefined, true, false, true],
    [undefined, true, true, false],
    [undefined, false, false, false],
    [true, false, true, true],
    [false, true, false, false],
  ];
  for (const [color, terminal, noColor, used] of cases) {
    assertEquals(useColor({ color, terminal, noColor }), used);
  }
});

Deno.test("palette() colours text, also inside other colours, or leaves it alone", () => {
  const on = palette(true);
  assertEquals(on.red("x"), "\x1b[31mx\x1b[39m");
  assertEquals(
    on.dim(`a${on.green("b")}c`),
    "\x1b[2ma\x1b[32mb\x1b[39mc\x1b[22m",
  );
  assertEquals(palette(false).bold("x"), "x");
});

/** Runs a program that uses the real streams, and reads what the shell would see. */
async function script(
  body: string,
  shell: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const terminal = new URL("../../src/cli/terminal.ts", import.meta.url);
  const program = `import { flushOutput, openOutput, openTerminal } from ${
    JSON.stringify(terminal.href)
  };\n${body}`;
  const config = new URL("../../deno.json", import.meta.url);
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, program);
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: [
        "-c",
        shell,
        "bash",
        Deno.execPath(),
        "run",
        "--quiet",
        "--no-prompt",
        "--no-lock",
        `--config=${config.pathname}`,
        file,
      ],
    }).output();
    const decoder = new TextDecoder();
    return {
      code,
      stdout: decoder.decode(stdout),
      stderr: decoder.decode(stderr),
    };
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("openTerminal() writes everything before the program ends, in order, without permissions", async () => {
  const { code, stdout, stderr } = await script(
    `const output = openOutput();
     const { stdout, stderr, out } = openTerminal(output);
     for (let i = 0; i < 20_000; i++) stdout.line(out.red("line " + i));
     stderr.line("end");
     await flushOutput(output, new AbortController().signal);
     Deno.exit(7);`,
    '"$@" | cat; exit "${PIPESTATUS[0]}"',
  );
  assertEquals(code, 7);
  assertEquals(stderr, "end\n");
  assertEquals(
    stdout,
    Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join(""),
  );
});

Deno.test("openTerminal() tells the program, not the user, that the reader of stdout went away", async () => {
  const { code, stdout, stderr } = await script(
    `const { stdout } = openOutput();
     while (!stdout.failed) {
       stdout.line("x".repeat(1000));
       await stdout.ready();
     }
     Deno.exit(stdout.failure.reason instanceof Deno.errors.BrokenPipe ? 141 : 1);`,
    'set +o pipefail; "$@" | head -c 3; exit "${PIPESTATUS[0]}"',
  );
  assertEquals({ code, stdout, stderr }, {
    code: 141,
    stdout: "xxx",
    stderr: "",
  });
});

Deno.test("openTerminal() goes on when stderr is closed", async () => {
  const { code, stdout } = await script(
    `const output = openOutput();
     const { stdout, stderr } = output;
     for (let i = 0; i < 200; i++) stderr.line("x".repeat(1000));
     stdout.line("done");
     await flushOutput(output, new AbortController().signal);`,
    '{ "$@" 2>&1 >&3 | true; } 3>&1; exit "${PIPESTATUS[0]}"',
  );
  assertEquals({ code, stdout }, { code: 0, stdout: "done\n" });
});

Deno.test("lines of stdout and stderr keep their order where both are one pipe", async () => {
  const { code, stdout } = await script(
    `const output = openOutput();
     const { stdout, stderr } = output;
     for (let i = 0; i < 300; i++) {
       (i % 3 === 0 ? stderr : stdout).line("line " + i);
       if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
     }
     await flushOutput(output, new AbortController().signal);`,
    '"$@" 2>&1',
  );
  const lines = Array.from({ length: 300 }, (_, i) => `line ${i}\n`).join("");
  assertEquals({ code, stdout }, { code: 0, stdout: lines });
});
