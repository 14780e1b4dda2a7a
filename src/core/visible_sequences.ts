/**
 * Finds invisible characters that change what is seen: emoji that are joined or chosen by a
 * variation selector, and the joiners of scripts that need them. They are recognised by
 * Unicode's own rules, so that none is accepted where it has no visible effect: emoji by the
 * set recommended for general interchange (UTS #51), joiners by their context (UAX #31, section
 * 2.3; RFC 5892, A.1 and A.2).
 */

const TAG = /[\u{e0020}-\u{e007f}]/u;

/**
 * Arabic letters that join to the letter after them. The others, such as alef and
 * reh, end a joined group, so that a non-joiner after them changes nothing.
 */
const JOINS_NEXT =
  "[\\u0620\\u0626\\u0628\\u062a-\\u062e\\u0633-\\u063f\\u0641-\\u0647\\u0649\\u064a\\u066e\\u066f\\u0678-\\u0687\\u069a-\\u06bf\\u06c1\\u06c2\\u06cc\\u06ce\\u06d0\\u06d1\\u06fa-\\u06fc\\u06ff\\u0750-\\u0758\\u075c-\\u076a\\u076d-\\u0770\\u0772\\u0775-\\u0777\\u077a-\\u077f]";

/** Arabic letters that join to the letter before them, which all but hamza do. */
const JOINS_BEFORE =
  "[\\u0620\\u0622-\\u063f\\u0641-\\u064a\\u066e\\u066f\\u0671-\\u0673\\u0675-\\u06d3\\u06d5\\u06ee\\u06ef\\u06fa-\\u06fc\\u06ff\\u0750-\\u077f]";

/** Scripts of India and Sri Lanka with the virama of each, which joiners follow. */
const VIRAMAS: Readonly<Record<string, string>> = {
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

/** Made when they are first needed: compiling them takes longer than most commands. */
interface Patterns {
  /** An emoji as Unicode recommends it; tags, which most fonts do not draw, are left out below. */
  readonly emoji: RegExp;
  /** A zero-width non-joiner between letters that would join, or after a virama and before a letter. */
  readonly nonJoiner: RegExp;
  /** A zero-width joiner after a virama; a vowel sign after it would undo it. */
  readonly joiner: RegExp;
}

let patterns: Patterns | undefined;

function makePatterns(): Patterns {
  const viramas = Object.entries(VIRAMAS);
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

/** Whether a text may contain such a sequence. */
export function hasInvisibleParts(text: string): boolean {
  return /[\u200c\u200d\ufe0f]/.test(text);
}

/**
 * The visible sequence with an invisible part that begins at `at`, or the joiner there if its
 * context allows it; `undefined` otherwise.
 */
export function sequenceAt(text: string, at: number): string | undefined {
  const code = text.charCodeAt(at);
  patterns ??= makePatterns();
  if (code === 0x200c) return matchAt(patterns.nonJoiner, text, at);
  if (code === 0x200d) return matchAt(patterns.joiner, text, at);
  const emoji = matchAt(patterns.emoji, text, at);
  return emoji === undefined || !hasInvisibleParts(emoji) || TAG.test(emoji)
    ? undefined
    : emoji;
}

function matchAt(
  pattern: RegExp,
  text: string,
  at: number,
): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function letter(script: string): string {
  return `[\\p{Script=${script}}&&\\p{L}]`;
}
