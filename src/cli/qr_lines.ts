/** A QR code in a terminal, by half blocks: each character is two modules, one above the other. */

/** Light modules around it (ISO/IEC 18004 §6.3.8). */
const MARGIN = 4;

/** Whether the upper and the lower module are light. */
const BLOCKS = {
  "true,true": "█",
  "true,false": "▀",
  "false,true": "▄",
  "false,false": " ",
} as const;

/** White on black (ECMA-48), whatever the colours of the terminal are. */
const [BEGIN, END] = ["\x1b[97;40m", "\x1b[0m"];

/**
 * The lines that show these modules. Light ones are drawn, dark ones left out: so it is right on
 * a dark terminal even without colours, and inverted on a light one, which most readers accept.
 *
 * @param colors Whether lines may have colours, by which it is right on any terminal.
 */
export function qrLines(
  modules: readonly (readonly boolean[])[],
  { colors }: { readonly colors: boolean },
): string[] {
  const size = modules.length;
  const isLight = (x: number, y: number) => !modules[y]?.[x];
  const lines: string[] = [];
  for (let y = -MARGIN; y < size + MARGIN; y += 2) {
    let line = "";
    for (let x = -MARGIN; x < size + MARGIN; x++) {
      // The last row has no other below it if their number is odd.
      const below = y + 1 < size + MARGIN && isLight(x, y + 1);
      line += BLOCKS[`${isLight(x, y)},${below}`];
    }
    lines.push(colors ? `${BEGIN}${line}${END}` : line);
  }
  return lines;
}
