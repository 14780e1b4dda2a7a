import { assertEquals, assertInstanceOf } from "@std/assert";
import {
  LineWriter,
  palette,
  type SyncSink,
  useColor,
} from "../../src/cli/terminal.ts";

/** A sink that takes `step` bytes at a time and answers some calls with errors. */
function sink(
  step: number,
  errors: Map<number, Error> = new Map(),
): SyncSink & { text(): string } {
  const taken: number[] = [];
  let calls = 0;
  return {
    writeSync(data) {
      const error = errors.get(++calls);
      if (error !== undefined) throw error;
      taken.push(...data.subarray(0, step));
      return Math.min(step, data.length);
    },
    text: () => new TextDecoder().decode(new Uint8Array(taken)),
  };
}

Deno.test("LineWriter writes whole lines when the sink takes a few bytes at a time", () => {
  const target = sink(3);
  const writer = new LineWriter(target);
  writer.line("first: é世😀");
  writer.line("");
  writer.line("third");
  assertEquals(target.text(), "first: é世😀\n\nthird\n");
});

Deno.test("LineWriter goes on where it was when the pipe is full or a signal comes", () => {
  const target = sink(
    4,
    new Map([[2, new Deno.errors.WouldBlock()], [
      3,
      new Deno.errors.Interrupted(),
    ]]),
  );
  const writer = new LineWriter(target);
  writer.line("0123456789");
  assertEquals(target.text(), "0123456789\n");
  assertEquals(writer.failed, false);
});

Deno.test("LineWriter says once that the reader went away, and is silent then", () => {
  const failures: Error[] = [];
  const target = sink(4, new Map([[2, new Deno.errors.BrokenPipe()]]));
  const writer = new LineWriter(target, (error) => failures.push(error));
  writer.line("01234567");
  writer.line("more");
  assertEquals(target.text(), "0123");
  assertEquals(writer.failed, true);
  assertEquals(failures.length, 1);
  assertInstanceOf(failures[0], Deno.errors.BrokenPipe);
});

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
  const program = `import { openTerminal } from ${
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
    `const { stdout, stderr, out } = openTerminal();
     for (let i = 0; i < 20_000; i++) stdout.line(out.red("line " + i));
     stderr.line("end");
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
    `const { stdout } = openTerminal({
       onStdoutFailure: (error) => Deno.exit(error instanceof Deno.errors.BrokenPipe ? 141 : 1),
     });
     for (;;) stdout.line("x".repeat(1000));`,
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
    `const { stdout, stderr } = openTerminal();
     for (let i = 0; i < 200; i++) stderr.line("x".repeat(1000));
     stdout.line("done");`,
    '{ "$@" 2>&1 >&3 | true; } 3>&1; exit "${PIPESTATUS[0]}"',
  );
  assertEquals({ code, stdout }, { code: 0, stdout: "done\n" });
});
