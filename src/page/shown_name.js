// @ts-check
/**
 * The name of a peer as it is shown: as it is if a user may give it, else in quotes and with
 * everything but ASCII escaped, so that it passes for no other. The rules are those of
 * `identity/peer_name.ts`, which tests compare with these.
 */
import { shortId, shownText } from "./shown_text.js";

/** @typedef {{ readonly name?: string | undefined, readonly boundName?: string | undefined }} Names */

const MAX_NAME_CHARS = 32;
const MAX_NAME_BYTES = 64;
const MAX_SHOWN_CHARS = 64;

const SCRIPTS =
  `Greek, Cyrillic, Arabic, Armenian, Bengali, Devanagari, Ethiopic,
  Georgian, Gujarati, Gurmukhi, Hebrew, Kannada, Khmer, Lao, Malayalam, Myanmar,
  Oriya, Sinhala, Tamil, Telugu, Thaana, Thai, Tibetan,
  Han Hiragana Katakana, Han Hangul, Han Bopomofo`
    .split(/,\s+/).map((together) => together.split(" "));

const LATIN = "[[A-Za-z\\u{c0}-\\u{24f}\\u{1e00}-\\u{1eff}]&&[\\p{Lu}\\p{Ll}]]";
const ASCII_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const INVISIBLE = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u;
const MARK_FLOOD = /\p{M}{3}/u;

/** Letters that look like Latin ones; a name of nothing else reads as a Latin name. */
const LOOKALIKE =
  /^(?=.*[^ -~])[аАВсСԁеЕһНіІјЈКӏМоОрРԛѕЅТԝхХуУѵѴαΑΒΕΖΗιΙΚΜνΝοΟρΡτΤυΥΧ0-9._-]*$/u;

/** Could be mistaken for the first digits of an id. */
const IDENTITY_LIKE = /^[0-9a-f]{8,}$/i;

/** @type {readonly RegExp[] | undefined} */
let alphabets;

/** Whether a user may give a node this name. @param {string} text */
export function isPlainName(text) {
  return isPlain(text.normalize("NFC"));
}

/** @param {string} name */
function isPlain(name) {
  const chars = [...name].length;
  if (chars < 1 || chars > MAX_NAME_CHARS) return false;
  if (new TextEncoder().encode(name).length > MAX_NAME_BYTES) return false;
  return !INVISIBLE.test(name) && name.normalize("NFKC") === name &&
    !IDENTITY_LIKE.test(name) && !MARK_FLOOD.test(name) &&
    isOfOneAlphabet(name) && !LOOKALIKE.test(name);
}

/** @param {string} name */
function isOfOneAlphabet(name) {
  if (ASCII_NAME.test(name)) return true;
  alphabets ??= [
    namePattern(LATIN, ["Latin"]),
    ...SCRIPTS.map((scripts) => namePattern(inScripts("L", scripts), scripts)),
  ];
  return alphabets.some((pattern) => pattern.test(name));
}

/** @param {string} letter @param {readonly string[]} scripts */
function namePattern(letter, scripts) {
  const mark = inScripts("M", scripts);
  return new RegExp(`^[${letter}0-9][${letter}${mark}0-9._\\-]*$`, "v");
}

/** @param {"L" | "M"} category @param {readonly string[]} scripts */
function inScripts(category, scripts) {
  const all = scripts.map((it) => `\\p{Script_Extensions=${it}}`).join("");
  return `[[${all}]&&\\p{${category}}]`;
}

/** @type {Map<string, string>} */
const shown = new Map();
const MAX_REMEMBERED = 4_000;

/**
 * The name alone. A table shows the same ones each second, so they are remembered.
 *
 * @param {string} name
 */
export function shownName(name) {
  const known = shown.get(name);
  if (known !== undefined) return known;
  const words = makeShownName(name);
  if (shown.size >= MAX_REMEMBERED) shown.clear();
  shown.set(name, words);
  return words;
}

/** @param {string} name */
function makeShownName(name) {
  if (isPlain(name)) return shownText(name);
  let out = "";
  for (const char of shownText(name, MAX_SHOWN_CHARS)) {
    const part = char === '"'
      ? '\\"'
      : char > "~" && char !== "…"
      ? `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`
      : char;
    if (out.length + part.length > MAX_SHOWN_CHARS) return `"${out}\\…"`;
    out += part;
  }
  return `"${out}"`;
}

/**
 * The names of a peer: `eva (calls itself eve)`, or one; empty without any.
 *
 * @param {Names} names
 */
export function namesWords({ name = "", boundName }) {
  if (boundName === undefined) return name === "" ? "" : shownName(name);
  return name === "" || fold(name) === fold(boundName)
    ? shownName(name || boundName)
    : `${shownName(boundName)} (calls itself ${shownName(name)})`;
}

/**
 * A peer in words: `alice (d26d938b)`, or the first digits of its id, without which no name is
 * shown.
 *
 * @param {string} id
 * @param {Names} [names]
 */
export function peerLabel(id, names = {}) {
  const words = namesWords(names);
  const short = shortId(id);
  if (words === "") return short;
  // "eva (calls itself eve)" has the id in its own brackets.
  return words.endsWith(")")
    ? `${words.slice(0, -1)}, ${short})`
    : `${words} (${short})`;
}

/** @param {string} name */
function fold(name) {
  return name.normalize("NFC").toLowerCase();
}
