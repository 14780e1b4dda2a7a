/** Fitting coloured text into columns, for `printer.ts`. */
import type { Palette } from "../terminal.ts";
import type { LinkCount } from "./demo_event.ts";
import { IMPOSTOR_NAME } from "./plan.ts";
import type { Tone } from "./event_formatter.ts";

/** Breaks text without colours at spaces; a longer word stands alone. Never empty. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line: string | undefined;
  for (const word of text.split(" ")) {
    if (line === undefined) line = word;
    else if (line.length + 1 + word.length <= width) line += ` ${word}`;
    else {
      lines.push(line);
      line = word;
    }
  }
  lines.push(line ?? "");
  return lines;
}

/** `3/10 links`, as wide as `10/10 links` would be. */
export function countText({ links, of }: LinkCount): string {
  return `${links}/${of} links`.padStart(`${of}/${of} links`.length);
}

/** Text in the colour of its tone. */
export function toned(text: string, tone: Tone, colors: Palette): string {
  switch (tone) {
    case "good":
      return colors.green(text);
    case "bad":
      return colors.bold(colors.red(text));
    case "warn":
      return colors.yellow(text);
    case "dim":
      return colors.dim(text);
    case "plain":
      return text;
    default:
      return tone satisfies never;
  }
}

/** A colour for each node, the same wherever its name stands; red is the impostor's. */
export function nameStyles(
  names: readonly string[],
  colors: Palette,
): ReadonlyMap<string, (text: string) => string> {
  const hues = [
    colors.cyan,
    colors.yellow,
    colors.magenta,
    colors.green,
    colors.blue,
  ];
  const styles = new Map(names.map((name, i) => {
    const hue = hues[i % hues.length] ?? colors.cyan;
    const bold = Math.floor(i / hues.length) % 2 === 1;
    return [name, bold ? (text: string) => colors.bold(hue(text)) : hue];
  }));
  return styles.set(IMPOSTOR_NAME, colors.red);
}

/** Finds every one of the names where it stands as a word of its own. */
export function namePattern(names: readonly string[]): RegExp {
  const longestFirst = [...names, IMPOSTOR_NAME]
    .sort((a, b) => b.length - a.length);
  return new RegExp(`(?<![\\w-])(${longestFirst.join("|")})(?![\\w-])`, "g");
}
