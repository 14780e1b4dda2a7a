// @ts-check
/**
 * Text of the network as it is shown: one line, no controls, nothing invisible or reordering,
 * bounded. The rules are those of `core/escape.ts`, which tests compare with these.
 */
import { hasInvisibleParts, sequenceAt } from "./visible_sequences.js";

/** As in `core/escape.ts`. */
const UNSAFE =
  /(?! )[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}\p{Me}\p{Default_Ignorable_Code_Point}\u2800\\]/u;

const MARK = /\p{M}/u;
const PLAIN = /^[\x20-\x5b\x5d-\x7e]*$/;
const MAX_MARKS = 4;
const CUT = "\\…";

/** First digits of an id that are shown. */
const SHORT_ID_CHARS = 8;

/**
 * One bounded line of printable characters: others become `\u{…}`, a backslash `\\`, and what
 * does not fit `\…`.
 *
 * @param {unknown} text
 * @param {number} [max] UTF-16 units.
 * @returns {string}
 */
export function shownText(text, max = 256) {
  const all = String(text ?? "");
  if (all.length <= max && PLAIN.test(all)) return all;
  let out = "";
  let fits = 0;
  let marks = MAX_MARKS;
  for (const { part, isSequence } of partsOf(all.slice(0, max + 64))) {
    if (isSequence) {
      out += part;
      marks = MAX_MARKS;
    } else if (UNSAFE.test(part)) {
      out += escaped(part);
      marks = MAX_MARKS;
    } else if (!MARK.test(part)) {
      out += part;
      marks = part === " " ? MAX_MARKS : 0;
    } else if (marks < MAX_MARKS) {
      out += part;
      marks++;
    } else {
      out += escaped(part);
    }
    if (out.length > max) return out.slice(0, fits) + CUT;
    if (out.length + CUT.length <= max) fits = out.length;
  }
  return out;
}

/**
 * Characters, and sequences that are safe as a whole.
 *
 * @param {string} text
 */
function* partsOf(text) {
  const hasSequences = hasInvisibleParts(text);
  for (let at = 0; at < text.length;) {
    const sequence = hasSequences ? sequenceAt(text, at) : undefined;
    const part = sequence ?? String.fromCodePoint(text.codePointAt(at) ?? 0);
    yield { part, isSequence: sequence !== undefined };
    at += part.length;
  }
}

/** @param {string} char */
function escaped(char) {
  return char === "\\"
    ? "\\\\"
    : `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}

/**
 * The first digits of an id.
 *
 * @param {unknown} id
 */
export function shortId(id) {
  return shownText(id, 64).slice(0, SHORT_ID_CHARS);
}
