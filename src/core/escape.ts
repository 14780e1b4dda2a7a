/**
 * Escapes text from the network for display: no terminal control, no second line, no invisible
 * or reordering characters, bounded length. All text from others is escaped here before it is
 * shown. Invisible characters are kept where they belong to a visible sequence
 * (`visible_sequences.ts`). JSON for programs, which must keep the exact text, is {@linkcode
 * jsonLine}.
 */
import { MAX_COMBINING_MARKS, MAX_SHOWN_TEXT_CHARS } from "./core_limits.ts";
import { hasInvisibleParts, sequenceAt } from "./visible_sequences.ts";

/** Options of {@linkcode escapeText}. */
export interface EscapeOptions {
  /**
   * Longest result, in UTF-16 units, the mark of a cut included; at least 8.
   *
   * @default {256}
   */
  max?: number;
}

/**
 * What is always escaped: controls (Cc), formatting such as bidi overrides, zero-width and tag
 * characters (Cf), surrogates (Cs), private use (Co), unassigned characters and noncharacters
 * (Cn), line and paragraph separators (Zl, Zp), spaces other than U+0020 (Zs), enclosing marks
 * (Me), characters that fonts draw as nothing (variation selectors, fillers, U+2800), and the
 * backslash.
 */
const UNSAFE =
  /(?! )[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}\p{Me}\p{Default_Ignorable_Code_Point}\u2800\\]/u;

const MARK = /\p{M}/u;

/** What is escaped in JSON: the backslash is JSON's own, and marks are, as they may be a flood. */
const UNSAFE_JSON =
  /(?! )[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}\p{M}\p{Default_Ignorable_Code_Point}\u2800]/u;

/**
 * The result of {@linkcode UNSAFE_JSON} for each code point, filled on first use: 0 is not
 * looked up yet. Without it a text of marks alone costs 80 ns each.
 */
const jsonVerdicts = new Uint8Array(0x110000);
const SAFE = 1;
const UNSAFE_CODE = 2;

/** Characters of JSON that are escaped at a time, and the longest escape of one. */
const JSON_CHUNK_CHARS = 8_192;
const JSON_ESCAPE_CHARS = 6;

/** Well-formed already: `JSON.stringify` escapes lone surrogates. */
const utf16 = new TextDecoder("utf-16le", { ignoreBOM: true });

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

const HEX = new TextEncoder().encode("0123456789abcdef");

/** Longer than any sequence that is kept as a whole. */
const MAX_LOOKAHEAD_CHARS = 64;

/** Longest character in UTF-8. */
const MAX_CHAR_BYTES = 4;

/** Printable ASCII without the backslash: shown as it is. */
const PLAIN = /^[\x20-\x5b\x5d-\x7e]*$/;

/** Printable ASCII, which is all of most JSON. */
const ASCII = /^[\x20-\x7e]*$/;

/** Marks a cut. Elsewhere a backslash is followed by `\`, `u{` or `x`. */
export const CUT = "\\…";

/**
 * The text as one bounded line of printable characters.
 *
 * Unsafe characters become `\u{…}`, bytes that are not UTF-8 become `\xNN`, a
 * backslash becomes `\\`, and what does not fit is replaced by `\…`. Two
 * different texts that fit never give the same result.
 *
 * @param text Text, or bytes that should be UTF-8.
 * @throws {RangeError} when `max` is not an integer of at least 8.
 *
 * @example
 * ```ts
 * import { escapeText } from "./escape.ts";
 *
 * console.assert(escapeText("ok\x1b[2J") === "ok\\u{1b}[2J");
 * ```
 */
export function escapeText(
  text: string | Uint8Array,
  options: EscapeOptions = {},
): string {
  return escapeCounted(text, options).shown;
}

/** An escaped text, and how much of it was cut. */
export interface CountedText {
  /** As {@linkcode escapeText} returns it. */
  readonly shown: string;
  /** UTF-16 units, or bytes of invalid UTF-8, that were cut. */
  readonly cut: number;
}

/** As {@linkcode escapeText}, and how much was cut. */
export function escapeCounted(
  text: string | Uint8Array,
  options: EscapeOptions = {},
): CountedText {
  const max = options.max ?? MAX_SHOWN_TEXT_CHARS;
  if (!Number.isSafeInteger(max) || max < 8) {
    throw new RangeError(
      `Cannot escape text: max is ${max}, must be an integer of at least 8`,
    );
  }
  if (typeof text === "string" && text.length <= max && PLAIN.test(text)) {
    return { shown: text, cut: 0 };
  }
  let out = "";
  let taken = 0; // Length of the text that is in `out`.
  let fits = 0; // Length of `out` up to the last place where CUT still fits.
  let fitsTaken = 0;
  let marks = MAX_COMBINING_MARKS; // A mark needs a letter of this text before it.
  for (const part of partsOf(text, max)) {
    const raw = typeof part === "number";
    if (typeof part === "object") {
      out += part.sequence;
      marks = MAX_COMBINING_MARKS; // Such marks belong to no emoji or joiner.
    } else if (raw || UNSAFE.test(part)) {
      out += raw ? `\\x${hex(part).padStart(2, "0")}` : escapeOne(part);
      marks = MAX_COMBINING_MARKS;
    } else if (!MARK.test(part)) {
      out += part;
      marks = part === " " ? MAX_COMBINING_MARKS : 0;
    } else if (marks < MAX_COMBINING_MARKS) {
      out += part;
      marks += 1;
    } else {
      out += escapeOne(part);
    }
    if (out.length > max) {
      const cut = text.length - fitsTaken;
      return { shown: out.slice(0, fits) + CUT, cut };
    }
    taken += raw
      ? 1
      : typeof part === "object"
      ? part.sequence.length
      : part.length;
    if (out.length + CUT.length <= max) {
      fits = out.length;
      fitsTaken = taken;
    }
  }
  return { shown: out, cut: 0 };
}

/**
 * JSON on one line, the values exact, but with the same characters escaped as by {@linkcode
 * escapeText}: unsafe ones become `\uXXXX`. Its length is not bounded; bound the values.
 */
export function jsonLine(value: unknown): string {
  const json = JSON.stringify(value);
  if (ASCII.test(json)) return json;
  const units = new Uint16Array(JSON_CHUNK_CHARS * JSON_ESCAPE_CHARS);
  let out = "";
  for (let at = 0; at < json.length;) {
    let end = Math.min(at + JSON_CHUNK_CHARS, json.length);
    // A pair of surrogates is looked up as one.
    if (end < json.length && isLeading(json.charCodeAt(end - 1))) end--;
    out += escapeJson(json, at, end, units);
    at = end;
  }
  return out;
}

/** The characters from `from` to `to` of a JSON text, escaped. @param units Room for it. */
function escapeJson(
  json: string,
  from: number,
  to: number,
  units: Uint16Array,
): string {
  let length = 0;
  for (let at = from; at < to; at++) {
    const code = json.codePointAt(at) ?? 0;
    const isPair = code > 0xffff;
    if (isSafeInJson(code)) {
      units[length++] = json.charCodeAt(at);
      if (isPair) units[length++] = json.charCodeAt(++at);
      continue;
    }
    length = putEscape(units, length, json.charCodeAt(at));
    if (isPair) length = putEscape(units, length, json.charCodeAt(++at));
  }
  return utf16.decode(units.subarray(0, length));
}

function isSafeInJson(code: number): boolean {
  const known = jsonVerdicts[code];
  if (known === SAFE) return true;
  if (known === UNSAFE_CODE) return false;
  const safe = !UNSAFE_JSON.test(String.fromCodePoint(code));
  jsonVerdicts[code] = safe ? SAFE : UNSAFE_CODE;
  return safe;
}

function putEscape(units: Uint16Array, at: number, unit: number): number {
  units[at] = 0x5c; // A backslash and a "u".
  units[at + 1] = 0x75;
  units[at + 2] = HEX[unit >> 12] ?? 0;
  units[at + 3] = HEX[(unit >> 8) & 15] ?? 0;
  units[at + 4] = HEX[(unit >> 4) & 15] ?? 0;
  units[at + 5] = HEX[unit & 15] ?? 0;
  return at + JSON_ESCAPE_CHARS;
}

function isLeading(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** Characters that are safe together, though one of them alone is not. */
interface Sequence {
  readonly sequence: string;
}

/** Characters, bytes of invalid UTF-8, and sequences that are safe as a whole. */
function partsOf(
  text: string | Uint8Array,
  max: number,
): Iterable<string | number | Sequence> {
  // Each character becomes at least one, so that the rest is cut anyway.
  const most = max + MAX_LOOKAHEAD_CHARS;
  if (typeof text === "string") return partsOfText(text.slice(0, most));
  return partsOfBytes(text.subarray(0, MAX_CHAR_BYTES * most));
}

function* partsOfBytes(
  bytes: Uint8Array,
): Generator<string | number | Sequence> {
  let run = "";
  for (const part of decode(bytes)) {
    if (typeof part === "string") {
      run += part;
      continue;
    }
    yield* partsOfText(run);
    run = "";
    yield part;
  }
  yield* partsOfText(run);
}

function partsOfText(text: string): Iterable<string | Sequence> {
  return hasInvisibleParts(text) ? partsWithSequences(text) : text;
}

function* partsWithSequences(text: string): Generator<string | Sequence> {
  for (let at = 0; at < text.length;) {
    const sequence = sequenceAt(text, at);
    const part = sequence ?? String.fromCodePoint(text.codePointAt(at) ?? 0);
    yield sequence === undefined ? part : { sequence };
    at += part.length;
  }
}

function escapeOne(char: string): string {
  return char === "\\" ? "\\\\" : `\\u{${hex(char.codePointAt(0) ?? 0)}}`;
}

function hex(value: number): string {
  return value.toString(16);
}

/** Characters of well-formed UTF-8 (RFC 3629), and every other byte as a number. */
function* decode(bytes: Uint8Array): Generator<string | number> {
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at] ?? 0;
    const length = utf8Length(first);
    const slice = bytes.subarray(at, at + length);
    const [char = "", ...rest] = length === 1
      ? String.fromCharCode(first)
      : utf8.decode(slice);
    // U+FFFD replaces invalid UTF-8, unless it is in the text itself.
    const isText = rest.length === 0 &&
      (char !== "\ufffd" || (first === 0xef && slice.length === 3));
    yield isText ? char : first;
    at += isText ? length : 1;
  }
}

/** Bytes of a character, by its first one. */
function utf8Length(first: number): number {
  return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}
