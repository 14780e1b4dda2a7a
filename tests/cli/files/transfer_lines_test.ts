import { assert, assertEquals } from "@std/assert";
import {
  barLine,
  bytesText,
  durationText,
  endText,
  fateLine,
} from "../../../src/cli/files/transfer_lines.ts";
import { palette } from "../../../src/cli/terminal.ts";
import { columnsOfText } from "../../../src/cli/wrap.ts";
import { stepOf } from "./steps.ts";

const PLAIN = palette(false);

Deno.test("amounts have decimal units and two digits at least", () => {
  const texts = [0, 999, 1_000, 1_949, 9_950, 99_500, 999_499, 999_500, 2.1e9]
    .map(bytesText);
  assertEquals(texts, [
    "0 B",
    "999 B",
    "1.0 kB",
    "1.9 kB",
    "10 kB",
    "100 kB",
    "999 kB",
    "1.0 MB",
    "2.1 GB",
  ]);
});

Deno.test("durations are minutes and seconds, hours, or days", () => {
  const texts = [0, 7_400, 59_600, 760_000, 11_100_000, 100_000_000]
    .map(durationText);
  assertEquals(texts, [
    "0:00",
    "0:07",
    "1:00",
    "12:40",
    "3:05:00",
    "1 d 4 h",
  ]);
});

Deno.test("the bar fits every terminal, and a narrow one gets less of it", () => {
  const labels = [
    "a",
    "2/12 holiday/photo.jpg",
    "日本語のファイル名.txt",
    "x".repeat(300),
  ];
  for (const label of labels) {
    for (let columns = 1; columns <= 250; columns++) {
      for (const rate of [undefined, 0, 8.2e6]) {
        const state = { label, bytes: 1.2e9, total: 2.6e9, rate };
        const line = barLine(state, columns, PLAIN);
        assert(line.includes("46%"), line);
        // The percentage alone is shown in any case.
        assert(
          columnsOfText(line) < Math.max(columns, 5),
          `${columns}: ${line}`,
        );
      }
    }
  }
  const state = { label: "photo.jpg", bytes: 1.2e9, total: 2.6e9, rate: 8.2e6 };
  assertEquals(
    [20, 40, 60, 100].map((columns) => barLine(state, columns, PLAIN)),
    [
      "photo.jpg   46%",
      "photo.jpg   46%  8.2 MB/s  2:51 left",
      "photo.jpg   [========>          ]  46%  8.2 MB/s  2:51 left",
      "photo.jpg   [==================>                     ]  46%  1.2 GB of 2.6 GB  8.2 MB/s  2:51 left",
    ],
  );
});

Deno.test("a line says what became of a file, with everything of the peer escaped", () => {
  const line = (...args: Parameters<typeof stepOf>) =>
    fateLine(stepOf(...args), { receives: true, colors: PLAIN });
  assertEquals(
    line("done", { path: "a/b.txt", total: 2_100_000 }),
    "received  a/b.txt  2.1 MB",
  );
  assertEquals(
    line("done", {
      path: "b.txt",
      total: 10,
      savedAs: "b (1).txt",
      resumedAt: 4,
    }),
    'received  b.txt  10 B as "b (1).txt", 4 B of it were there',
  );
  assertEquals(
    line("failed", {
      path: "\x1b]0;evil\x07\u202e.txt",
      error: { code: "disk-full", message: "no room\x1b[2J" },
    }),
    "failed    \\u{1b}]0;evil\\u{7}\\u{202e}.txt: no room\\u{1b}[2J",
  );
  assertEquals(
    line("declined", {
      name: "bob",
      error: { code: "declined", message: "no" },
    }),
    "declined  bob (00000000): no",
  );
  assertEquals(
    line("done", { path: "a\x1b[2J", savedAs: "b\u202e" }),
    'received  a\\u{1b}[2J  0 B as "b\\u{202e}"',
  );
  assertEquals(line("progress", {}), undefined);
});

Deno.test("the last line counts files, bytes and time", () => {
  const end = (fields: Parameters<typeof stepOf>[1], moved = 0, ms = 0) =>
    endText(stepOf("end", fields) as never, { receives: false, moved, ms });
  assertEquals(
    end({ done: 3, failed: 0, files: 3, allBytes: 2.1e6 }, 2e6, 2_000),
    "3 files, 2.1 MB, sent to 00000000 in 2.0 s (1.0 MB/s)",
  );
  assertEquals(
    end({ done: 3, failed: 0, files: 3, allBytes: 2.1e6 }),
    "3 files, 2.1 MB, offered to 00000000: all of it was there already",
  );
  assertEquals(
    end({
      done: 1,
      failed: 1,
      files: 2,
      allBytes: 5,
      error: { code: "timeout", message: "it is away" },
    }),
    "1 of 2 files sent to 00000000: it is away",
  );
});
