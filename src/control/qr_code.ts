/** QR codes (ISO/IEC 18004) of short text, such as an invite, for the page and the terminal. */
import encodeQR from "npm:qr@0.7.0";

/** A QR code as a picture of squares of length 1. */
export interface QrCode {
  /** Modules on each side, without the light margin of four that must be around them. */
  readonly size: number;
  /** The dark ones as the path of an SVG. */
  readonly path: string;
}

/** Margin that the encoder adds at least. */
const BORDER = 1;

/**
 * Its modules by row, dark ones `true`, without a margin.
 *
 * @throws {RangeError} when the text is too long for a QR code.
 */
export function qrModules(text: string): boolean[][] {
  // The least correction: it is read from a screen, and should fit into a terminal.
  const modules = encodeQR(text, "raw", { ecc: "low", border: BORDER });
  return modules.slice(BORDER, -BORDER)
    .map((row) => row.slice(BORDER, -BORDER));
}

/**
 * The picture of a text.
 *
 * @throws {RangeError} when the text is too long for a QR code.
 */
export function qrCode(text: string): QrCode {
  const modules = qrModules(text);
  const path = modules.map((row, y) => {
    const runs: string[] = [];
    for (let x = 0; x < row.length; x++) {
      const from = x;
      while (row[x]) x++;
      if (x > from) runs.push(`M${from} ${y}h${x - from}v1h${from - x}z`);
    }
    return runs.join("");
  }).join("");
  return { size: modules.length, path };
}
