/**
 * The name of a node, such as `alice`: which names a user may give, and how a name from the
 * network is shown. Any node can advertise any name, so a name never authorises anything, and
 * is never shown without the short identity.
 *
 * The rules follow UTS #39: compatibility forms, mixed scripts, invisible and reordering
 * characters and whole names of look-alikes are refused.
 */
import { escapeText } from "../core/escape.ts";
import { MAX_PEER_NAME_BYTES } from "../wire/wire_limits.ts";
import { MAX_PEER_NAME_CHARS } from "./identity_limits.ts";
import { MAX_SHOWN_NAME_CHARS } from "../core/core_limits.ts";
import { type PeerId, shortId } from "../core/peer_id.ts";

/** Alphabets that names are written in, each alone (UAX #31, recommended scripts). */
const SCRIPTS =
  `Greek, Cyrillic, Arabic, Armenian, Bengali, Devanagari, Ethiopic,
  Georgian, Gujarati, Gurmukhi, Hebrew, Kannada, Khmer, Lao, Malayalam, Myanmar,
  Oriya, Sinhala, Tamil, Telugu, Thaana, Thai, Tibetan,
  Han Hiragana Katakana, Han Hangul, Han Bopomofo`
    .split(/,\s+/).map((together) => together.split(" "));

/** Latin letters of written languages, without phonetic ones. */
const LATIN = "[[A-Za-z\\u{c0}-\\u{24f}\\u{1e00}-\\u{1eff}]&&[\\p{Lu}\\p{Ll}]]";

/** Most names, for which no other pattern is needed. */
const ASCII_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** One for each alphabet; made when first needed, as compiling them takes milliseconds. */
let alphabets: readonly RegExp[] | undefined;

const INVISIBLE = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u;
const MARK_FLOOD = /\p{M}{3}/u;

/**
 * Letters that look like Latin ones. A name of nothing else reads as a Latin name
 * (UTS #39 §4: whole-script confusables).
 */
const LOOKALIKE =
  /^(?=.*[^ -~])[аАВсСԁеЕһНіІјЈКӏМоОрРԛѕЅТԝхХуУѵѴαΑΒΕΖΗιΙΚΜνΝοΟρΡτΤυΥΧ0-9._-]*$/u;

/** Could be mistaken for the first digits of an identity. */
const IDENTITY_LIKE = /^[0-9a-f]{8,}$/i;

/**
 * The name a user gives a node, in Unicode's normal form C.
 *
 * @throws {RangeError} when it is no name or could be taken for another one; the
 * message says why.
 */
export function parsePeerName(text: string): string {
  const name = text.normalize("NFC");
  const fault = faultOf(name);
  if (fault === undefined) return name;
  throw new RangeError(
    `Cannot take name "${escapeText(text, { max: 80 })}": ${fault}`,
  );
}

/** Whether {@linkcode parsePeerName} accepts a name, in any normal form. */
export function isPeerName(text: string): boolean {
  return faultOf(text.normalize("NFC")) === undefined;
}

/** The names of a peer. */
export interface PeerNames {
  /** The name it advertises; not escaped. */
  readonly name?: string;
  /** The name that the user of this node has given it. */
  readonly boundName?: string;
}

/** The names in a record of a peer, without empty ones. */
export function namesOf(
  { name = "", boundName }: {
    readonly name?: string | undefined;
    readonly boundName?: string | undefined;
  } = {},
): PeerNames {
  return {
    ...(name !== "" && { name }),
    ...(boundName !== undefined && { boundName }),
  };
}

/**
 * A peer as shown to people: `alice (d26d938b)`, without a name the short identity, and `eva
 * (calls itself eve, d26d938b)` under the name that the user gave it. A name that {@linkcode
 * parsePeerName} would refuse stands in quotes, with everything but ASCII escaped, so that it
 * passes for no other.
 */
export function peerLabel(
  id: PeerId,
  name: string | undefined,
  boundName?: string,
): string {
  const short = shortId(id);
  if (name === undefined || name === "") {
    return boundName === undefined
      ? short
      : `${shownName(boundName)} (${short})`;
  }
  return boundName === undefined || sameName(name, boundName)
    ? `${shownName(name)} (${short})`
    : `${shownName(boundName)} (calls itself ${shownName(name)}, ${short})`;
}

/** The name alone, as {@linkcode peerLabel} shows it. */
export function shownName(name: string): string {
  if (faultOf(name) === undefined) return escapeText(name);
  let shown = "";
  for (const char of escapeText(name, { max: MAX_SHOWN_NAME_CHARS })) {
    const part = char === '"'
      ? '\\"'
      : char > "~" && char !== "…"
      ? `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`
      : char;
    if (shown.length + part.length > MAX_SHOWN_NAME_CHARS) {
      return `"${shown}\\…"`;
    }
    shown += part;
  }
  return `"${shown}"`;
}

/** Whether two names look the same: case and composition aside. */
export function sameName(a: string, b: string): boolean {
  return foldName(a) === foldName(b);
}

/** The form that names which look the same have in common. */
export function foldName(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

/** The fault of a name, and what it must be. */
function faultOf(name: string): string | undefined {
  const chars = [...name].length;
  if (chars < 1 || chars > MAX_PEER_NAME_CHARS) {
    return `it has ${chars} characters, must have 1 to ${MAX_PEER_NAME_CHARS}`;
  }
  const { length } = new TextEncoder().encode(name);
  if (length > MAX_PEER_NAME_BYTES) {
    return `it has ${length} bytes, must have at most ${MAX_PEER_NAME_BYTES}`;
  }
  if (INVISIBLE.test(name)) {
    return "it has a space or an invisible character, must have letters, digits, '.', '_' and '-' only";
  }
  if (name.normalize("NFKC") !== name) {
    return "it has characters that stand for others, must be in normal form (NFKC)";
  }
  if (IDENTITY_LIKE.test(name)) {
    return "it reads like an identity, must have another letter than a to f";
  }
  if (MARK_FLOOD.test(name) || !isOfOneAlphabet(name)) {
    return "it must have letters of one alphabet, digits, '.', '_' and '-' only, and begin with a letter or digit";
  }
  if (LOOKALIKE.test(name)) {
    return "it looks like a name in Latin letters, must be written in those or have a letter that they lack";
  }
  return undefined;
}

/** Letters of one alphabet and their marks, ASCII digits, and `.`, `_`, `-` inside. */
function isOfOneAlphabet(name: string): boolean {
  if (ASCII_NAME.test(name)) return true;
  alphabets ??= [
    namePattern(LATIN, ["Latin"]),
    ...SCRIPTS.map((scripts) => namePattern(inScripts("L", scripts), scripts)),
  ];
  return alphabets.some((pattern) => pattern.test(name));
}

function namePattern(letter: string, scripts: readonly string[]): RegExp {
  const mark = inScripts("M", scripts);
  return new RegExp(`^[${letter}0-9][${letter}${mark}0-9._\\-]*$`, "v");
}

function inScripts(category: "L" | "M", scripts: readonly string[]): string {
  const all = scripts.map((it) => `\\p{Script_Extensions=${it}}`).join("");
  return `[[${all}]&&\\p{${category}}]`;
}
