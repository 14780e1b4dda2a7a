/**
 * Breaks lines into rows of a terminal. A terminal continues a long line in column 0, where
 * text of a peer could imitate a line of the program; so rows after the first are indented.
 * Nothing but line feeds and the indentation is added, and nothing lost.
 */

/** Columns before rows after the first; no line of the program begins with so many spaces. */
const INDENT_COLUMNS = 4;

/** Rows are broken behind a space if one is in the last part of them, this large. */
const SPACE_SHARE = 1 / 3;

/** Colours (SGR), which take no column; escaping leaves no others in a text. */
// deno-lint-ignore no-control-regex
const COLOR = /\x1b\[[0-9;]*m/y;

/** One column for each character, and no colours. */
const PLAIN = /^[\x20-\x7e]*$/;

/** Characters without a column of their own: combining marks and joiners. */
const NARROWEST = /^[\p{Mn}\p{Me}\u200c\u200d\ufe0f]$/u;

/**
 * Two columns in some terminal: East Asian wide (UAX #11), emoji, and characters that become
 * one by the next. Too many rather than too few, since a short row does no harm.
 */
const WIDE =
  /^[\u1100-\u11ff\u2329\u232a\u2630-\u2637\u268a-\u268f\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1d300}-\u{1d37f}\u{1f000}-\u{1faff}\u{20000}-\u{3ffff}\p{Extended_Pictographic}\p{Emoji_Presentation}\p{Regional_Indicator}\p{Emoji_Modifier}]$/u;

/** Where a row could end: behind a space, without what the space takes to the next row. */
interface Break {
  readonly at: number;
  readonly column: number;
}

/**
 * The text in rows of at most `columns`, separated by line feeds. Line feeds that it
 * has already stay. Every row but the first of each line is indented.
 */
export function wrapText(
  text: string,
  columns: number,
  indent: number = INDENT_COLUMNS,
): string {
  if (text.length <= columns && PLAIN.test(text)) return text;
  return text.split("\n").map((line) => wrapLine(line, columns, indent))
    .join("\n");
}

/** Text of ours in rows, broken at spaces; a longer word stands alone. Never empty. */
export function wrapWords(text: string, columns: number): string[] {
  const [first = "", ...words] = text.split(" ");
  const rows = [first];
  for (const word of words) {
    const row = `${rows.at(-1)} ${word}`;
    if (row.length <= columns) rows[rows.length - 1] = row;
    else rows.push(word);
  }
  return rows;
}

/** The columns that a text without colours takes at the most. */
export function columnsOfText(text: string): number {
  let columns = 0;
  for (let at = 0; at < text.length;) {
    const char = String.fromCodePoint(text.codePointAt(at) ?? 0);
    at += char.length;
    columns += columnsOfChar(char, text.slice(at, at + 8));
  }
  return columns;
}

const CUT = "...";

/** The text in at most `columns`, which are at least 3; a mark in its middle shows a cut. */
export function fitText(text: string, columns: number): string {
  if (columnsOfText(text) <= columns) return text;
  const chars = [...text];
  const room = columns - CUT.length;
  // The end of a file's name says what it is.
  const end = taken(chars.toReversed(), Math.floor(room / 3)).toReversed();
  const begin = taken(chars, room - columnsOfText(end.join("")));
  return `${begin.join("")}${CUT}${end.join("")}`;
}

function taken(chars: readonly string[], columns: number): string[] {
  let left = columns;
  let count = 0;
  for (const char of chars) {
    left -= columnsOfText(char);
    if (left < 0) break;
    count++;
  }
  return chars.slice(0, count);
}

function wrapLine(line: string, columns: number, indent: number): string {
  if (line.length <= columns && PLAIN.test(line)) return line;
  // Half of a narrow terminal is for the text, and a wide character fits.
  const before = Math.max(1, Math.min(indent, Math.floor(columns / 2)));
  const pad = " ".repeat(before);
  const rows: string[] = [];
  let start = 0; // Of the row, in the line.
  let column = 0;
  let space: Break | undefined;
  for (let at = 0; at < line.length;) {
    const color = colorAt(line, at);
    if (color > 0) {
      at += color;
      continue;
    }
    const char = String.fromCodePoint(line.codePointAt(at) ?? 0);
    const width = columnsOfChar(char, line.slice(at + char.length, at + 9));
    const from = rows.length === 0 ? 0 : before;
    if (column + width > columns && column > from) {
      const room = columns - from;
      const worthIt = space !== undefined &&
        columns - space.column <= room * SPACE_SHARE;
      const end = worthIt && space !== undefined ? space : { at, column };
      rows.push(line.slice(start, end.at));
      start = end.at;
      column = before + column - end.column;
      space = undefined;
    }
    column += width;
    at += char.length;
    if (char === " ") space = { at, column };
  }
  rows.push(line.slice(start));
  return rows.join(`\n${pad}`);
}

/** The length of a colour there, 0 if there is none. */
function colorAt(line: string, at: number): number {
  if (line.charCodeAt(at) !== 0x1b) return 0;
  COLOR.lastIndex = at;
  return COLOR.exec(line)?.[0].length ?? 0;
}

/** The most columns that a terminal gives a character, which depends on what follows it. */
function columnsOfChar(char: string, next: string): number {
  if (char >= " " && char <= "~" && !next.startsWith("\ufe0f")) return 1;
  if (NARROWEST.test(char)) return 0;
  return next.startsWith("\ufe0f") || WIDE.test(char) ? 2 : 1;
}
