/** Text of the network is shown on the page by the rules of the command line. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { escapeText } from "../../src/core/escape.ts";
import { shortId, shownText } from "../../src/page/shown_text.js";

const TEXTS = [
  "",
  "hello",
  "a\\b",
  "line\nline\r\ttab",
  "\u001b[31mred\u001b[0m \u001b]0;title\u0007",
  "<script>alert(1)</script>",
  "\u202eevil\u202c \u2066isolated\u2069 \u200e\u200f\u061c",
  "zero\u200bwidth\ufeff\u00ad\u2060",
  "half \ud800 and \udc00",
  "private \ue000 and \u{10ffff}",
  "I ❤\ufe0f you",
  "👨\u200d👩\u200d👧 family",
  "🏴\u{e0067}\u{e0062}\u{e007f}",
  "می\u200cخواهم",
  "ක\u0dca\u200dෂ",
  "a\u200db and क\u094d\u200dष",
  `e${"\u0301".repeat(40)}`,
  "\u0301 begins with a mark",
  "x".repeat(255),
  "x".repeat(256),
  "x".repeat(257),
  "\\".repeat(200),
  "é".repeat(400),
  "\u00a0\u2003\u3000wide",
  "\u2028\u2029",
  "⃝\u2800ㅤ",
];

Deno.test("text is escaped on the page as on the command line, at any length", () => {
  for (const text of TEXTS) {
    for (const max of [8, 16, 40, 256, 500]) {
      assertEquals(shownText(text, max), escapeText(text, { max }), text);
    }
  }
});

Deno.test("that holds for any text", () => {
  const pieces = fc.constantFrom(
    ..."aé\\ \n\u001b\u200d\u200c\ufe0f\u202e\u0301\u094d❤👩👧क\u{e0067}ب\ud83d",
  );
  const texts = fc.oneof(
    fc.array(pieces, { maxLength: 40 }).map((all) => all.join("")),
    fc.string({ unit: "binary", maxLength: 60 }),
  );
  fc.assert(
    fc.property(texts, fc.integer({ min: 8, max: 80 }), (text, max) => {
      assertEquals(shownText(text, max), escapeText(text, { max }));
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("what is no text is shown all the same", () => {
  assertEquals(shownText(undefined), "");
  assertEquals(shownText(null), "");
  assertEquals(shownText(12), "12");
  assertEquals(shownText({}), "[object Object]");
  assertEquals(shortId(undefined), "");
  assertEquals(shortId(`d26d938b${"0".repeat(56)}`), "d26d938b");
  assert(!shortId("\u202e\u001b1234").includes("\u202e"));
});
