import { assertEquals } from "@std/assert";
import { Progress } from "../../src/cli/progress.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

/** What a terminal would have got, and the means to make it. */
function screen(): {
  written: string[];
  put: (text: string) => void;
} {
  const written: string[] = [];
  return { written, put: (text) => void written.push(text) };
}

Deno.test("Progress is silent at first, then shows a line and keeps it up to date", async () => {
  const clock = new VirtualClock();
  const { written, put } = screen();
  let done = 0;
  const progress = new Progress({
    text: () => `${done} done`,
    enabled: true,
    put,
    clock,
  });
  await clock.advance(999);
  assertEquals(written, []);
  await clock.advance(1);
  done = 7;
  await clock.advance(200);
  assertEquals(written, ["\r\x1b[K0 done", "\r\x1b[K7 done"]);
  progress[Symbol.dispose]();
  assertEquals(written.at(-1), "\r\x1b[K");
  await clock.advance(1_000);
  assertEquals(written.length, 3);
});

Deno.test("Progress gets out of the way of lines that stay", async () => {
  const clock = new VirtualClock();
  const { written, put } = screen();
  using progress = new Progress({
    text: () => "busy",
    enabled: true,
    put,
    clock,
  });
  progress.aside(() => written.push("early\n"));
  await clock.advance(1_000);
  progress.aside(() => written.push("late\n"));
  assertEquals(written, ["early\n", "\r\x1b[Kbusy", "\r\x1b[K", "late\n"]);
  await clock.advance(200);
  assertEquals(written.at(-1), "\r\x1b[Kbusy");
});

Deno.test("Progress shows nothing where there is no terminal, or nothing to say", async () => {
  const clock = new VirtualClock();
  const { written, put } = screen();
  using _off = new Progress({ text: () => "busy", enabled: false, put, clock });
  using _mute = new Progress({
    text: () => undefined,
    enabled: true,
    put,
    clock,
  });
  await clock.advance(10_000);
  assertEquals(written, []);
});

Deno.test("Progress erases all rows of a line that no longer fits one", async () => {
  const clock = new VirtualClock();
  const { written, put } = screen();
  let columns = 40;
  using progress = new Progress({
    text: () => "\x1b[32m" + "x".repeat(39) + "\x1b[39m",
    enabled: true,
    put,
    clock,
    columns: () => columns,
  });
  await clock.advance(1_000);
  columns = 15;
  progress.aside(() => {});
  assertEquals(written.at(-1), "\r\x1b[2A\x1b[J");
});

Deno.test("Progress erases its line when there is nothing more to show", async () => {
  const clock = new VirtualClock();
  const { written, put } = screen();
  let text: string | undefined = "busy";
  using _progress = new Progress({
    text: () => text,
    enabled: true,
    put,
    clock,
  });
  await clock.advance(1_000);
  text = undefined;
  await clock.advance(400);
  assertEquals(written, ["\r\x1b[Kbusy", "\r\x1b[K"]);
});
