import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { wrapText } from "../../src/cli/wrap.ts";
import { escapeText } from "../../src/core/escape.ts";

/** Columns of a text by the least that terminals agree on; said in other words than the code does. */
function leastColumns(text: string): number {
  const wide =
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\uac00-\ud7a3\uff01-\uff5e]|\p{Emoji_Presentation}/v;
  return [...text].reduce(
    (sum, char) =>
      sum +
      (/[\p{M}\u200c\u200d\ufe0f]/u.test(char) ? 0 : wide.test(char) ? 2 : 1),
    0,
  );
}

function assertRows(line: string, columns: number, indent: number): void {
  const rows = wrapText(line, columns, indent).split("\n");
  const before = Math.min(indent, Math.floor(columns / 2));
  for (const [index, row] of rows.entries()) {
    assertLessOrEqual(leastColumns(row), columns, `${index}: ${row}`);
    if (index > 0) {
      assert(row.startsWith(" ".repeat(before)), `${index}: ${row}`);
    }
  }
  const joined = rows.map((row, index) =>
    index === 0 ? row : row.slice(before)
  );
  assertEquals(joined.join(""), line, "nothing is lost or added");
}

Deno.test("wrapText() leaves no text of a line in column 0 of a second row, and loses nothing", () => {
  const unit = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(" ", "a", "word ", "          ") },
    fc.constantFrom(
      "世",
      "한",
      "😀",
      "👨‍👩‍👧",
      "❤️",
      "é",
      "e\u0301",
      "ـ",
      "שלום",
      "\t",
    ),
    fc.constantFrom(
      "\u202e",
      "\u2028",
      "\x85",
      "\r",
      "\n",
      "\x1b[2J",
      "\u200b",
      "🇩🇪",
    ),
    fc.string({ unit: "binary", maxLength: 5 }),
  );
  fc.assert(
    fc.property(
      fc.array(unit, { maxLength: 200 }),
      fc.integer({ min: 8, max: 120 }),
      fc.integer({ min: 1, max: 20 }),
      (units, columns, indent) => {
        const text = escapeText(units.join(""), { max: 4_000 });
        assertRows(`00:00:00 msg    bob: ${text}`, columns, indent);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("wrapText() keeps what spaces were to place in column 0 behind the indentation", () => {
  for (let spaces = 0; spaces < 130; spaces++) {
    const line = `00:00:00 msg    eve: x${
      " ".repeat(spaces)
    }00:00:01 msg    bob: y`;
    const [first = "", ...rows] = wrapText(line, 60, 16).split("\n");
    assert(first.startsWith("00:00:00 msg    eve: x"));
    for (const row of rows) assert(row.startsWith(" ".repeat(16)), row);
  }
});

Deno.test("wrapText() breaks behind spaces, counts no colours, and leaves lines that fit alone", () => {
  assertEquals(wrapText("one two three", 80), "one two three");
  assertEquals(wrapText("one two three", 10, 2), "one two \n  three");
  const colored = "\x1b[1mone two\x1b[22m thr";
  assertEquals(wrapText(colored, 11, 2), colored);
  assertEquals(
    wrapText(`${colored}ee four`, 11, 2),
    "\x1b[1mone two\x1b[22m \n  three \n  four",
  );
  assertEquals(wrapText("abcdefgh", 4, 1), "abcd\n efg\n h");
  assertEquals(wrapText("a\n  b c d e f", 8, 4), "a\n  b c d \n    e f");
});

Deno.test("wrapText() of a long text takes time by its length only", () => {
  // A quadratic one would need minutes.
  const text = "a\u0301 ".repeat(200_000);
  assert(wrapText(text, 80).length > text.length);
});
