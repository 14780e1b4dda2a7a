// @ts-check
/**
 * Invisible characters that belong to something visible: emoji that are joined or chosen by a
 * variation selector, and the joiners of scripts that need them. The rules are those of
 * `core/visible_sequences.ts`.
 */

const TAG = /[\u{e0020}-\u{e007f}]/u;

/** Arabic letters that join to the one after them. */
const JOINS_NEXT =
  "[\\u0620\\u0626\\u0628\\u062a-\\u062e\\u0633-\\u063f\\u0641-\\u0647\\u0649\\u064a\\u066e\\u066f\\u0678-\\u0687\\u069a-\\u06bf\\u06c1\\u06c2\\u06cc\\u06ce\\u06d0\\u06d1\\u06fa-\\u06fc\\u06ff\\u0750-\\u0758\\u075c-\\u076a\\u076d-\\u0770\\u0772\\u0775-\\u0777\\u077a-\\u077f]";

/** Arabic letters that join to the one before them. */
const JOINS_BEFORE =
  "[\\u0620\\u0622-\\u063f\\u0641-\\u064a\\u066e\\u066f\\u0671-\\u0673\\u0675-\\u06d3\\u06d5\\u06ee\\u06ef\\u06fa-\\u06fc\\u06ff\\u0750-\\u077f]";

/** The virama of each script, which joiners follow. */
const VIRAMAS = {
  Devanagari: "\\u094d",
  Bengali: "\\u09cd",
  Gurmukhi: "\\u0a4d",
  Gujarati: "\\u0acd",
  Oriya: "\\u0b4d",
  Tamil: "\\u0bcd",
  Telugu: "\\u0c4d",
  Kannada: "\\u0ccd",
  Malayalam: "\\u0d4d",
  Sinhala: "\\u0dca",
};

/** Made when they are first needed. @type {{ emoji: RegExp, nonJoiner: RegExp, joiner: RegExp } | undefined} */
let patterns;

function makePatterns() {
  const viramas = Object.entries(VIRAMAS);
  const letter = (/** @type {string} */ script) =>
    `[\\p{Script=${script}}&&\\p{L}]`;
  const nonJoiner = [
    `(?<=${JOINS_NEXT}[\\u064b-\\u0652\\u0670]{0,2})\\u200c(?=${JOINS_BEFORE})`,
    ...viramas.map(([script, virama]) =>
      `(?<=${letter(script)}\\p{M}?${virama})\\u200c(?=${letter(script)})`
    ),
  ];
  const joiner = viramas.map(([script, virama]) =>
    `(?<=${letter(script)}\\p{M}?${virama})\\u200d(?!\\p{M})`
  );
  return {
    emoji: new RegExp("\\p{RGI_Emoji}", "vy"),
    nonJoiner: new RegExp(nonJoiner.join("|"), "vy"),
    joiner: new RegExp(joiner.join("|"), "vy"),
  };
}

/** Whether a text may have such a sequence. @param {string} text */
export function hasInvisibleParts(text) {
  return /[\u200c\u200d\ufe0f]/.test(text);
}

/**
 * The sequence with an invisible part that begins at `at`, or the joiner there.
 *
 * @param {string} text
 * @param {number} at
 * @returns {string | undefined}
 */
export function sequenceAt(text, at) {
  const code = text.charCodeAt(at);
  patterns ??= makePatterns();
  const { emoji, nonJoiner, joiner } = patterns;
  const pattern = code === 0x200c
    ? nonJoiner
    : code === 0x200d
    ? joiner
    : emoji;
  pattern.lastIndex = at;
  const found = pattern.exec(text)?.[0];
  if (found === undefined || pattern !== emoji) return found;
  return hasInvisibleParts(found) && !TAG.test(found) ? found : undefined;
}
