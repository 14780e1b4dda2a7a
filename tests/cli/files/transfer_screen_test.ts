import { assert, assertEquals } from "@std/assert";
import {
  TransferScreen,
  type TransferScreenOptions,
} from "../../../src/cli/files/transfer_screen.ts";
import { LineWriter } from "../../../src/cli/line_writer.ts";
import { palette, type Terminal } from "../../../src/cli/terminal.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";
import { stepOf } from "./steps.ts";

/** A screen, and what was written to its two streams. */
function scene(options: Partial<TransferScreenOptions> = {}) {
  const clock = new VirtualClock();
  const texts = { out: "", err: "" };
  const writer = (key: "out" | "err") =>
    new LineWriter({
      write(data) {
        texts[key] += new TextDecoder().decode(data);
        return Promise.resolve(data.length);
      },
    }, { clock });
  const terminal: Terminal = {
    stdout: writer("out"),
    stderr: writer("err"),
    out: palette(false),
    err: palette(false),
    columns: 80,
  };
  const screen = new TransferScreen({
    terminal,
    json: false,
    receives: false,
    command: "verack send-file",
    clock,
    ...options,
  });
  return { screen, clock, texts };
}

const AT = { total: 4e6, allTotal: 4e6 };

Deno.test("without a terminal there are lines and no bar, and the result is on stdout", async () => {
  const { screen, clock, texts } = scene();
  screen.show(stepOf("offer", { ...AT, file: 0, path: "" }));
  screen.show(stepOf("begin", AT));
  for (let bytes = 1e6; bytes <= 4e6; bytes += 1e6) {
    await clock.advance(1_000);
    screen.show(stepOf("progress", { ...AT, bytes, allBytes: bytes }));
  }
  screen.show(stepOf("done", { ...AT, bytes: 4e6, allBytes: 4e6 }));
  screen.show(stepOf("end", { ...AT, file: 0, allBytes: 4e6, done: 1 }));
  screen[Symbol.dispose]();
  await clock.advance(10_000);
  assertEquals(texts.out, "sent      photo.jpg  4.0 MB\n");
  assertEquals(
    texts.err,
    "verack send-file: 1 file, 4.0 MB, offered to 00000000\n" +
      "verack send-file: 1 file, 4.0 MB, sent to 00000000 in 4.0 s (1.0 MB/s)\n",
  );
});

Deno.test("on a terminal the bar makes room for lines and for a question", async () => {
  const { screen, clock, texts } = scene({ columns: () => 60 });
  screen.show(stepOf("begin", AT));
  screen.show(stepOf("progress", { ...AT, bytes: 2e6, allBytes: 2e6 }));
  await clock.advance(1_000);
  assert(/Kphoto\.jpg .* 50%/.test(texts.err), texts.err);
  screen.hold();
  await clock.advance(1_000);
  assert(texts.err.endsWith("\r\x1b[K"), JSON.stringify(texts.err));
  screen.release();
  await clock.advance(200);
  screen.show(stepOf("failed", {
    path: "b",
    error: { code: "changed", message: "it changed" },
  }));
  await clock.advance(0);
  assert(texts.err.endsWith("\r\x1b[K"), JSON.stringify(texts.err));
  assertEquals(texts.out, "failed    b: it changed\n");
  screen[Symbol.dispose]();
});

Deno.test("as JSON progress comes at most four times a second, and everything else at once", async () => {
  const { screen, clock, texts } = scene({ json: true });
  screen.show(stepOf("begin", AT));
  for (let i = 0; i < 100; i++) {
    screen.show(stepOf("progress", { ...AT, bytes: i, allBytes: i }));
    await clock.advance(10);
  }
  screen.show(stepOf("done", AT));
  screen.show(stepOf("end", { file: 0, done: 1 }));
  screen[Symbol.dispose]();
  await clock.advance(0);
  const types = texts.out.trimEnd().split("\n")
    .map((line) => JSON.parse(line).type);
  assertEquals(types, [
    "begin",
    ...Array(4).fill("progress"),
    "done",
    "end",
  ]);
});

Deno.test("what a transfer waits for is said once", async () => {
  const { screen, clock, texts } = scene();
  const retry = (code: "session-lost" | "not-connected" | "unknown-protocol") =>
    screen.show(stepOf("retrying", {
      file: 0,
      path: "",
      error: { code, message: "\x1b[2J" },
    }));
  retry("session-lost");
  for (let i = 0; i < 10; i++) retry("not-connected");
  for (let i = 0; i < 10; i++) retry("unknown-protocol");
  await clock.advance(0);
  assertEquals(texts.err.trimEnd().split("\n"), [
    "verack send-file: waiting for 00000000: the session is lost",
    "verack send-file: waiting for 00000000: it receives no files now (verack receive, or run --receive-dir)",
  ]);
  screen[Symbol.dispose]();
});

for (const json of [false, true]) {
  Deno.test(`a flood of offers is counted, not shown, and what was accepted is shown in any case (${json ? "JSON" : "text"})`, async () => {
    const { screen, clock, texts } = scene({
      json,
      receives: true,
      command: "verack receive",
    });
    for (let i = 0; i < 1_000; i++) {
      const transfer = `${i}`;
      screen.show(stepOf("offer", { transfer, file: 0, path: "" }));
      screen.show(stepOf("declined", { transfer, file: 0, path: "" }));
      screen.show(stepOf("end", { transfer, file: 0, path: "" }));
    }
    screen.show(stepOf("offer", { file: 0, path: "" }));
    screen.show(stepOf("begin", AT));
    screen.show(stepOf("done", AT));
    screen.show(stepOf("end", { file: 0, path: "", done: 1 }));
    screen[Symbol.dispose]();
    await clock.advance(0);
    const lines = texts.out.trimEnd().split("\n");
    assert(lines.length < 70, `${lines.length} lines`);
    assert(texts.out.includes("photo.jpg"));
    const told = json ? texts.out : texts.err;
    assert(/981.*too many offers of 00000000/.test(told), told);
  });
}
