import { assertEquals, assertInstanceOf } from "@std/assert";
import {
  type ByteSink,
  LineWriter,
  OutputOrder,
} from "../../src/cli/line_writer.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const clock = new VirtualClock();

/** A sink that takes `step` bytes at a time and answers some calls with errors. */
function sink(
  step: number,
  errors: Map<number, Error> = new Map(),
): ByteSink & { text(): string } {
  const taken: number[] = [];
  let calls = 0;
  return {
    write(data) {
      const error = errors.get(++calls);
      if (error !== undefined) return Promise.reject(error);
      taken.push(...data.subarray(0, step));
      return Promise.resolve(Math.min(step, data.length));
    },
    text: () => new TextDecoder().decode(new Uint8Array(taken)),
  };
}

/** A reader that takes nothing until it is told to. */
class StillReader implements ByteSink {
  text = "";
  #reads = false;
  #resume: () => void = () => {};

  async write(data: Uint8Array): Promise<number> {
    if (!this.#reads) {
      await new Promise<void>((resolve) => this.#resume = resolve);
    }
    this.text += new TextDecoder().decode(data);
    return data.length;
  }

  read(): void {
    this.#reads = true;
    this.#resume();
  }
}

Deno.test("whole lines are written when the stream takes a few bytes at a time", async () => {
  const target = sink(3);
  const writer = new LineWriter(target, { clock });
  writer.line("first: é世😀");
  writer.line("");
  writer.line("third");
  await writer.flushed();
  assertEquals(target.text(), "first: é世😀\n\nthird\n");
});

Deno.test("writing goes on where it was when the pipe is full or a signal comes", async () => {
  const clock = new VirtualClock();
  const target = sink(
    4,
    new Map([[2, new Deno.errors.WouldBlock()], [
      3,
      new Deno.errors.Interrupted(),
    ]]),
  );
  const writer = new LineWriter(target, { clock });
  writer.line("0123456789");
  await clock.advance(100);
  await writer.flushed();
  assertEquals(target.text(), "0123456789\n");
  assertEquals(writer.failed, false);
});

Deno.test("when the reader goes away that is told once, and nothing is written any more", async () => {
  const target = sink(4, new Map([[2, new Deno.errors.BrokenPipe()]]));
  const writer = new LineWriter(target, { clock });
  writer.line("01234567");
  await writer.flushed();
  writer.line("more");
  await writer.flushed();
  assertEquals(target.text(), "0123");
  assertEquals(writer.failed, true);
  assertInstanceOf(writer.failure.reason, Deno.errors.BrokenPipe);
});

Deno.test("a reader that does not read costs a bounded number of bytes, and is told how many lines it lost", async () => {
  const reader = new StillReader();
  const writer = new LineWriter(reader, { clock, maxBytes: 1_000 });
  writer.onLoss = (lines) => `${lines} lost`;
  for (let i = 0; i < 100; i++) writer.line(`${i}`.padStart(99, "."));
  assertEquals(writer.pending, 100);
  reader.read();
  await writer.flushed();
  writer.line("more");
  await writer.flushed();
  const lines = reader.text.split("\n");
  assertEquals(lines.length, 13);
  assertEquals(lines[9]?.endsWith(".9"), true);
  assertEquals(lines.slice(10), ["90 lost", "more", ""]);
});

Deno.test("a line that must be kept is written whole, also beyond the bound", async () => {
  const reader = new StillReader();
  const writer = new LineWriter(reader, { clock, maxBytes: 100 });
  writer.onLoss = (lines) => `${lines} lost`;
  writer.line("a".repeat(90));
  writer.line("lost".repeat(10));
  writer.line("k".repeat(500), true);
  reader.read();
  await writer.flushed();
  assertEquals(
    reader.text,
    `${"a".repeat(90)}\n${"k".repeat(500)}\n1 lost\n`,
  );
});

Deno.test("a producer that waits loses nothing, however slow the reader is", async () => {
  const reader = new StillReader();
  const writer = new LineWriter(reader, { clock, maxBytes: 100 });
  let written = 0;
  const producing = (async () => {
    for (; written < 50; written++) {
      await writer.ready();
      writer.line("x".repeat(30));
    }
  })();
  await Promise.resolve();
  await clock.advance(1_000);
  assertEquals(written < 5, true);
  reader.read();
  await producing;
  await writer.flushed();
  assertEquals(reader.text, `${"x".repeat(30)}\n`.repeat(50));
});

Deno.test("waiting for a reader ends with a signal", async () => {
  const writer = new LineWriter(new StillReader(), { clock, maxBytes: 10 });
  writer.line("x".repeat(30));
  const end = new AbortController();
  const waits = Promise.all([
    writer.ready(end.signal),
    writer.flushed(end.signal),
  ]);
  end.abort();
  await waits;
  assertEquals(writer.pending, 1);
});

Deno.test("a stream that is stuck holds up the other one for a moment only", async () => {
  const clock = new VirtualClock();
  const order = new OutputOrder();
  const still = new StillReader();
  const target = sink(100);
  const out = new LineWriter(still, { clock, order });
  const err = new LineWriter(target, { clock, order });
  out.line("first");
  err.line("second");
  await clock.advance(49);
  assertEquals(target.text(), "");
  await clock.advance(1);
  await err.flushed();
  assertEquals(target.text(), "second\n");
  err.line("third");
  await err.flushed();
  assertEquals(clock.pending, 0);
  still.read();
  await out.flushed();
  assertEquals(still.text, "first\n");
});

Deno.test("lines are broken by the width that the terminal has at the time, unless they are to stay whole", async () => {
  const target = sink(1_000);
  const writer = new LineWriter(target, { clock });
  const line = "one two three four";
  writer.line(line);
  let columns = 14;
  writer.columns = () => columns;
  writer.line(line, false, 2);
  columns = 9;
  writer.line(line, false, 2);
  writer.line(line, false, false);
  writer.put(`${line}\n`);
  await writer.flushed();
  assertEquals(target.text().split("\n"), [
    line,
    ...["one two three ", "  four"],
    ...["one two ", "  three ", "  four"],
    line,
    line,
    "",
  ]);
});
