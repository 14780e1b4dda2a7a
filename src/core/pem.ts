/**
 * Finds the blocks of a PEM file (RFC 7468, and RFC 1421 headers as OpenSSL
 * writes them on encrypted keys), and skips all text around them.
 */
import { escapeText } from "./escape.ts";

/** One `-----BEGIN X-----` … `-----END X-----`. */
export interface PemBlock {
  /** `X`, such as `PRIVATE KEY`. */
  readonly label: string;
  /** Header lines such as `Proc-Type: 4,ENCRYPTED`; nearly always none. */
  readonly headers: readonly string[];
  /** The decoded bytes. */
  readonly der: Uint8Array<ArrayBuffer>;
}

const BEGIN = /^-----BEGIN ([A-Z0-9 ]{1,40})-----$/;
const END = /^-----END ([A-Z0-9 ]{1,40})-----$/;

/** Characters of base64 on a line (RFC 7468 §2). */
const LINE_CHARACTERS = 64;

/**
 * The blocks of `text`, in order. Text outside of blocks is skipped: `openssl`
 * writes attributes and dumps there.
 */
export function readPemBlocks(
  text: string,
  fault: (detail: string) => Error,
): PemBlock[] {
  const blocks: PemBlock[] = [];
  let label: string | undefined;
  let lines: string[] = [];
  for (const raw of text.split(/\r\n|\r|\n/)) {
    const line = raw.trim();
    const begun = BEGIN.exec(line)?.[1];
    const ended = END.exec(line)?.[1];
    if (label === undefined) {
      if (ended !== undefined) {
        throw fault(`its block "${ended}" ends without having begun`);
      }
      label = begun;
      lines = [];
    } else if (begun !== undefined || ended !== undefined) {
      if (ended !== label) {
        throw fault(
          `its block "${label}" is followed by "${line}" before it has ended`,
        );
      }
      blocks.push(readBlock(label, lines, fault));
      label = undefined;
    } else lines.push(line);
  }
  if (label !== undefined) {
    throw fault(`its block "${label}" is cut off, END is missing`);
  }
  return blocks;
}

/** Writes one block, headers included, as every other tool reads it. */
export function writePem(
  label: string,
  der: Uint8Array,
  headers: readonly string[] = [],
): string {
  const base64 = der.toBase64();
  const lines = [`-----BEGIN ${label}-----`];
  if (headers.length > 0) lines.push(...headers, "");
  for (let i = 0; i < base64.length; i += LINE_CHARACTERS) {
    lines.push(base64.slice(i, i + LINE_CHARACTERS));
  }
  lines.push(`-----END ${label}-----`, "");
  return lines.join("\n");
}

function readBlock(
  label: string,
  lines: string[],
  fault: (detail: string) => Error,
): PemBlock {
  const headers = lines.filter((line) => line.includes(":"));
  const body = lines.filter((line) => !line.includes(":")).join("");
  let der: Uint8Array<ArrayBuffer>;
  try {
    der = Uint8Array.fromBase64(body);
  } catch {
    const shown = escapeText(body, { max: 40 });
    // A damaged key is still secret: no part of it is shown.
    throw fault(
      label.includes("PRIVATE")
        ? `its block "${label}" is not base64`
        : `its block "${label}" is not base64: "${shown}"`,
    );
  }
  if (der.length === 0) throw fault(`its block "${label}" is empty`);
  return { label, headers, der };
}
