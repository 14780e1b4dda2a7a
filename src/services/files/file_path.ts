/** Which relative paths a receiving end takes from a peer: a pure rule, the same for every peer. */
import { escapeText } from "../../core/escape.ts";
import {
  MAX_PATH_BYTES,
  MAX_PATH_PART_BYTES,
  MAX_PATH_PARTS,
} from "./files_limits.ts";

/** The folder below the receiving one with what is not complete; no peer may name it. */
export const PARTS_FOLDER = ".verack-parts";

/**
 * Device names of Windows, with any extension ("Naming Files, Paths, and Namespaces" in
 * Microsoft's documentation): refused everywhere, as a folder may be shared or copied.
 */
const RESERVED =
  /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\.|$)/i;

/**
 * Controls, line ends, and formatting that reorders what is shown, so that `gpj.exe` ends as
 * `exe.jpg` on the screen.
 */
const HIDDEN = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/u;

/** What Windows takes as more than a letter of a name: `a:b` is a stream of `a`. */
const SPECIAL_ON_WINDOWS = /[<>:"|?*]/;

/** The operating system of the receiving end. */
export type Platform = typeof Deno.build.os;

/**
 * What is wrong with a path from a peer, or nothing. A path is taken as it is or not at all:
 * parts with `/` between, none of them empty, `.` or `..`.
 */
export function pathFault(
  path: string,
  platform: Platform = Deno.build.os,
): string | undefined {
  if (!path.isWellFormed()) return "it is not Unicode";
  if (utf8Length(path) > MAX_PATH_BYTES) {
    return `it has more than ${MAX_PATH_BYTES} bytes`;
  }
  const parts = path.split("/");
  if (parts.length > MAX_PATH_PARTS) {
    return `it has more than ${MAX_PATH_PARTS} parts`;
  }
  // A file such as `.profile` in a home directory would be a program that runs by itself.
  if (path.startsWith(".")) return "it begins with a dot";
  for (const part of parts) {
    const fault = partFault(part, platform);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function partFault(part: string, platform: Platform): string | undefined {
  if (part === "") return "it has an empty part";
  if (part === "." || part === "..") return `it has a part "${part}"`;
  if (part.includes("\\")) return "it has a backslash";
  if (HIDDEN.test(part)) return "it has a character that cannot be shown";
  if (/[. ]$/.test(part)) return "a part ends with a dot or a space";
  if (RESERVED.test(part)) return "it has a name that Windows reserves";
  if (utf8Length(part) > MAX_PATH_PART_BYTES) {
    return `a part has more than ${MAX_PATH_PART_BYTES} bytes`;
  }
  if (part.normalize("NFKC").toLowerCase() === PARTS_FOLDER) {
    return `it has a part "${PARTS_FOLDER}"`;
  }
  if (platform === "windows" && SPECIAL_ON_WINDOWS.test(part)) {
    return 'it has one of < > : " | ? *, which Windows takes as more than a letter';
  }
  return undefined;
}

/** The path with a number before the extension: `a/b.tar (1).gz`; 0 leaves it as it is. */
export function numberedPath(path: string, number: number): string {
  if (number === 0) return path;
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  const at = path.length - name.length + (dot > 0 ? dot : name.length);
  return `${path.slice(0, at)} (${number})${path.slice(at)}`;
}

/** A path from a peer for display in an event: as it is if it may be used. */
export function shownPath(path: string): string {
  return pathFault(path) === undefined ? path : escapeText(path);
}

function utf8Length(text: string): number {
  // A byte for each unit at least.
  if (text.length > MAX_PATH_BYTES) return text.length;
  return new TextEncoder().encode(text).length;
}
