import { assertEquals } from "@std/assert";
import { Progress } from "../../src/cli/progress.ts";
import { VirtualClock } from "../helpers/virtual_clock.ts";

const decoder = new TextDecoder();

/** What a terminal would have got, and the means to make it. */
function screen(): {
  written: string[];
  sink: { writeSync(d: Uint8Array): number };
} {
  const written: string[] = [];
  return {
    written,
    sink: {
      writeSync(data) {
        written.push(decoder.decode(data));
        return data.length;
      },
    },
  };
}

Deno.test("Progress is silent at first, then shows a line and keeps it up to date", async () => {
  const clock = new VirtualClock();
  const { written, sink } = screen();
  let done = 0;
  const progress = new Progress({
    text: () => `${done} done`,
    enabled: true,
    sink,
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
  const { written, sink } = screen();
  using progress = new Progress({
    text: () => "busy",
    enabled: true,
    sink,
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
  const { written, sink } = screen();
  using _off = new Progress({
    text: () => "busy",
    enabled: false,
    sink,
    clock,
  });
  using _mute = new Progress({
    text: () => undefined,
    enabled: true,
    sink,
    clock,
  });
  await clock.advance(10_000);
  assertEquals(written, []);
});
