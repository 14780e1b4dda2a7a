import {
  assert,
  assertEquals,
  assertFalse,
  assertLessOrEqual,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { escapeText, jsonLine } from "../../src/core/escape.ts";

const LAST_CODE_POINT = 0x10ffff;

/** What a terminal shows as one visible character, said in other words than the code does. */
const VISIBLE = /^[\p{L}\p{Mn}\p{Mc}\p{N}\p{P}\p{S} ]*$/u;

/** Visible by category, yet drawn as nothing by fonts. */
const BLANK =
  /[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0]|[\u{e0100}-\u{e01ef}]/u;

/**
 * Where invisible characters belong to what is seen: an emoji that Unicode
 * recommends, without tags; a non-joiner in Arabic script; a joiner after a virama.
 */
const EMOJI = /\p{RGI_Emoji}/gv;
const TAG = /[\u{e0000}-\u{e007f}]/u;
const NON_JOINER = /(?<=\p{Script=Arabic}\p{Mn}*)\u200c(?=\p{Script=Arabic})/gu;
const INDIC_JOINER =
  /(?<=[\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca])[\u200c\u200d]/g;

function withoutSequences(shown: string): string {
  return shown
    .replace(EMOJI, (emoji) => TAG.test(emoji) ? emoji : "☺")
    .replace(NON_JOINER, "-").replace(INDIC_JOINER, "-");
}

const MARK_FLOOD = /(^|[^\p{M}])\p{M}{5}/u;

const encoder = new TextEncoder();

/** Undoes escapeText() on what was not cut; that it can be written shows that it is injective. */
function unescape(text: string): string {
  return text.replace(
    /\\(?:(\\)|u\{([0-9a-f]+)\})/g,
    (_, backslash, code) =>
      backslash ?? String.fromCodePoint(parseInt(code, 16)),
  );
}

function assertHarmless(shown: string, max: number): void {
  const seen = withoutSequences(shown);
  assert(VISIBLE.test(seen), `shows ${JSON.stringify(shown)}`);
  assertFalse(BLANK.test(seen), `shows blank ${JSON.stringify(shown)}`);
  assertFalse(MARK_FLOOD.test(shown), `stacks ${JSON.stringify(shown)}`);
  assertLessOrEqual(shown.length, max);
}

Deno.test("escapeText() shows every code point of Unicode as visible characters, each differently", () => {
  const seen = new Set<string>();
  for (let code = 0; code <= LAST_CODE_POINT; code++) {
    const char = String.fromCodePoint(code);
    const shown = escapeText(char);
    // The common case is checked without building messages, for speed.
    if (
      shown !== char || !/^[\p{L}\p{N}\p{P}\p{S} ]$/u.test(char) ||
      BLANK.test(char)
    ) {
      assertHarmless(shown, 256);
      assertEquals(unescape(shown), char);
    }
    seen.add(shown);
  }
  assertEquals(seen.size, LAST_CODE_POINT + 1);
});

Deno.test("escapeText() shows every code point harmlessly behind a letter and between others", () => {
  for (let code = 0; code <= LAST_CODE_POINT; code++) {
    const char = String.fromCodePoint(code);
    const shown = escapeText(`a${char}b`);
    if (shown !== `a${char}b` || /[\p{M}\p{C}\p{Z}]/u.test(char)) {
      assertHarmless(shown, 256);
    }
  }
});

Deno.test("escapeText() keeps any string on one bounded line and loses nothing of what fits", () => {
  fc.assert(fc.property(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.integer({ min: 8, max: 400 }),
    (text, max) => {
      const shown = escapeText(text, { max });
      assertHarmless(shown, max);
      if (shown.endsWith("\\…") && !/(^|[^\\])(\\\\)+…$/.test(shown)) {
        const full = escapeText(text, { max: 10_000 });
        assert(full.startsWith(shown.slice(0, -2)) && full.length > max);
      } else {
        assertEquals(unescape(shown), text);
      }
    },
  ));
});

Deno.test("escapeText() keeps strings of separate surrogates and marks harmless", () => {
  const unit = fc.constantFrom(
    "\ud83d",
    "\ude00",
    "\u0301",
    "\u20dd",
    "a",
    "\\",
    "\u202e",
    " ",
    "…",
  );
  fc.assert(fc.property(fc.array(unit, { maxLength: 60 }), (units) => {
    const text = units.join("");
    const shown = escapeText(text, { max: 1_000 });
    assertHarmless(shown, 1_000);
    assertEquals(unescape(shown), text);
  }));
});

Deno.test("escapeText() shows bytes as their text, and those that are not UTF-8 as \\xNN", () => {
  assertEquals(escapeText(encoder.encode("héllo 世界 😀")), "héllo 世界 😀");
  assertEquals(escapeText(new Uint8Array([0x61, 0xff, 0x62])), "a\\xffb");
  assertEquals(
    escapeText(new Uint8Array([0xc0, 0x80])),
    "\\xc0\\x80",
    "overlong NUL",
  );
  assertEquals(
    escapeText(new Uint8Array([0xe0, 0x80, 0xaf])),
    "\\xe0\\x80\\xaf",
    "overlong slash",
  );
  assertEquals(
    escapeText(new Uint8Array([0xed, 0xa0, 0x80])),
    "\\xed\\xa0\\x80",
    "surrogate",
  );
  assertEquals(
    escapeText(new Uint8Array([0xf4, 0x90, 0x80, 0x80])),
    "\\xf4\\x90\\x80\\x80",
    "above U+10FFFF",
  );
  assertEquals(
    escapeText(new Uint8Array([0xf0, 0x9f, 0x98])),
    "\\xf0\\x9f\\x98",
    "cut short",
  );
  assertEquals(
    escapeText(new Uint8Array([0xef, 0xbb, 0xbf])),
    "\\u{feff}",
    "byte order mark",
  );
});

Deno.test("escapeText() shows well-formed bytes exactly as it shows their text", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    assertEquals(escapeText(encoder.encode(text)), escapeText(text));
  }));
});

Deno.test("escapeText() keeps any bytes harmless, and different bytes different", () => {
  const bytes = fc.uint8Array({ maxLength: 8 });
  fc.assert(fc.property(bytes, bytes, (a, b) => {
    assertHarmless(escapeText(a), 256);
    assertEquals(
      escapeText(a) === escapeText(b),
      a.toString() === b.toString(),
    );
  }));
});

Deno.test("escapeText() disarms terminal control, line breaks and reordering", () => {
  const cases: [text: string, shown: string][] = [
    ["plain text, as it is: é ü 世界 😀", "plain text, as it is: é ü 世界 😀"],
    ["\x1b[2J\x1b]0;title\x07", "\\u{1b}[2J\\u{1b}]0;title\\u{7}"],
    ["\x9b31m", "\\u{9b}31m"],
    ["one\r\ntwo\u2028three\u0085", "one\\u{d}\\u{a}two\\u{2028}three\\u{85}"],
    ["\u202egnp.exe", "\\u{202e}gnp.exe"],
    ["a\u200bb\u2066c\u2069", "a\\u{200b}b\\u{2066}c\\u{2069}"],
    ["back\\slash \\u{1b}", "back\\\\slash \\\\u{1b}"],
    ["\ud800", "\\u{d800}"],
    ["\ue000\ufdd0\u{e0041}\ufe0f", "\\u{e000}\\u{fdd0}\\u{e0041}\\u{fe0f}"],
    ["a\u00a0b\u3000c", "a\\u{a0}b\\u{3000}c"],
    ["e\u0301", "e\u0301"],
    ["\u0301e", "\\u{301}e"],
    ["z" + "\u0301".repeat(6), "z" + "\u0301".repeat(4) + "\\u{301}\\u{301}"],
  ];
  for (const [text, shown] of cases) assertEquals(escapeText(text), shown);
});

const FAMILY = "👨‍👩‍👧";

/** Texts that are shown as they are. */
const READABLE = [
  "I ❤️ it",
  FAMILY,
  "🏳️‍🌈 👩🏽‍🔬 🧑🏻‍❤️‍🧑🏿",
  "1️⃣ ⚠️ ☎️",
  "🇩🇪 👍🏽 😀",
  "می‌خواهم", // Persian, with a non-joiner
  "نامه‌ای",
  "ශ්‍රී ලංකා", // Sinhala, with a joiner
  "क्‍ष क्‌ष", // Devanagari, with both
  "ন্‍", // Bengali, a joiner at the end
];

Deno.test("escapeText() shows joined emoji and joiners of scripts as they are, from text and from bytes", () => {
  for (const text of READABLE) {
    assertEquals(escapeText(text), text);
    assertEquals(escapeText(encoder.encode(text)), text);
    assertHarmless(text, 256);
  }
});

Deno.test("escapeText() escapes joiners and selectors where they change nothing that is seen", () => {
  const cases: [text: string, shown: string][] = [
    ["a\u200cb", "a\\u{200c}b"],
    ["a\u200db", "a\\u{200d}b"],
    ["pay\ufe0fpal", "pay\\u{fe0f}pal"],
    ["1\ufe0f", "1\\u{fe0f}"],
    ["😀\ufe0f", "😀\\u{fe0f}"],
    ["❤️\ufe0f", "❤️\\u{fe0f}"],
    ["❤\ufe0e", "❤\\u{fe0e}"],
    ["❤\u200d🔥", "❤\\u{200d}🔥"], // not as Unicode recommends it
    ["👨\u200d", "👨\\u{200d}"],
    [`${FAMILY}\u200d`, `${FAMILY}\\u{200d}`],
    ["👨\u200d😀", "👨\\u{200d}😀"],
    // England: all that tells it from a black flag are tags.
    [
      "🏴\u{e0067}\u{e007f}",
      "🏴\\u{e0067}\\u{e007f}",
    ],
    ["می\u200c\u200cخواهم", "می\\u{200c}\\u{200c}خواهم"],
    ["می\u200c", "می\\u{200c}"],
    ["دا\u200cن", "دا\\u{200c}ن"], // alef joins to nothing after it
    ["م\u200dن", "م\\u{200d}ن"],
    ["م\u200ca", "م\\u{200c}a"],
    ["क\u200cष", "क\\u{200c}ष"], // no virama
    ["क्\u200c", "क्\\u{200c}"], // nothing follows
    ["\u094d\u200cक", "\\u{94d}\\u{200c}क"],
    ["❤️\u0301", "❤️\\u{301}"],
  ];
  for (const [text, shown] of cases) {
    assertEquals(escapeText(text), shown, JSON.stringify(text));
    assertEquals(escapeText(encoder.encode(text)), shown);
    assertEquals(unescape(shown), text);
    assertHarmless(shown, 256);
  }
  const england = "🏴" +
    [..."gbeng"].map((letter) =>
      String.fromCodePoint(0xe0000 + letter.charCodeAt(0))
    ).join("") + "\u{e007f}";
  assertHarmless(escapeText(england), 256);
  assert(escapeText(england).startsWith("🏴\\u{e0067}"));
});

Deno.test("escapeText() keeps any mixture of emoji, joiners, marks and letters harmless and exact", () => {
  const unit = fc.constantFrom(
    ...["❤", "\ufe0f", "\ufe0e", "\u200d", "\u200c", "🔥", "👨", "👩", "👧"],
    ...["🏽", "1", "#", "\u20e3", "🏴", "🏳", "🌈", "\u{e0067}", "\u{e007f}"],
    ...["می", "خ", "ا", "\u064b", "क", "\u094d", "ෂ", "\u0dca", "\u0301"],
    ...["a", " ", "\\", "\u202e", "\ud83d", "☺", FAMILY, "❤️"],
  );
  fc.assert(
    fc.property(
      fc.array(unit, { maxLength: 40 }),
      fc.integer({ min: 8, max: 300 }),
      (units, max) => {
        const text = units.join("");
        const shown = escapeText(text, { max });
        const full = escapeText(text, { max: 10_000 });
        assertHarmless(shown, max);
        assertHarmless(full, 10_000);
        assertEquals(unescape(full), text);
        if (shown !== full) {
          assert(full.startsWith(shown.slice(0, -2)) && full.length > max);
        }
        if (text.isWellFormed()) {
          assertEquals(escapeText(encoder.encode(text), { max }), shown);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

Deno.test("escapeText() of a text of any length looks no further than it shows", () => {
  const long = "❤️".repeat(2_000_000);
  const started = performance.now();
  assertEquals(escapeText(long, { max: 10 }), "❤️❤️❤️❤️\\…");
  assertEquals(escapeText(encoder.encode(long), { max: 10 }), "❤️❤️❤️❤️\\…");
  assertLessOrEqual(performance.now() - started, 1_000);
});

Deno.test("escapeText() marks what it cut in a way that no text can imitate", () => {
  assertEquals(escapeText("abcdefghij", { max: 8 }), "abcdef\\…");
  assertEquals(escapeText("abcdefgh", { max: 8 }), "abcdefgh");
  assertEquals(escapeText("abcdef\\…", { max: 9 }), "abcdef\\\\…");
  assertEquals(
    escapeText("\x1b\x1b\x1b", { max: 8 }),
    "\\u{1b}\\…",
    "no half escape",
  );
  assertEquals(escapeText("x".repeat(1_000_000)).length, 256);
});

Deno.test("escapeText() throws RangeError when max is no usable length", () => {
  for (const max of [7, 0, -1, 8.5, NaN, Infinity]) {
    assertThrows(() => escapeText("x", { max }), RangeError, `max is ${max}`);
  }
});

Deno.test("jsonLine() writes any value on one harmless line that reads back exactly", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const line = jsonLine({ [text]: text, list: [1, null, true] });
    assert(VISIBLE.test(line) && !BLANK.test(line), line);
    assertEquals(JSON.parse(line), { [text]: text, list: [1, null, true] });
  }));
});

Deno.test("jsonLine() escapes long texts as it does short ones, wherever characters fall", () => {
  const units = ["\u0301", "a", "\u{e0041}", "😀", "世", "\u202e", '"', "\\"];
  for (const text of [...units, units.join(""), "a\u0301", "b😀"]) {
    const long = text.repeat(40_000);
    // Pieces begin at another place in each.
    for (const begin of ["", "x"]) {
      const escaped = jsonLine(text).slice(1, -1);
      assertEquals(
        jsonLine(begin + long),
        `"${begin}${escaped.repeat(40_000)}"`,
      );
      assertEquals(JSON.parse(jsonLine(begin + long)), begin + long);
    }
  }
});

Deno.test("jsonLine() leaves readable text readable", () => {
  assertEquals(
    jsonLine({ name: 'é 世界 😀 \\ "' }),
    '{"name":"é 世界 😀 \\\\ \\""}',
  );
  assertEquals(
    jsonLine("\x1b\u202e\u{e0041}"),
    '"\\u001b\\u202e\\udb40\\udc41"',
  );
});
