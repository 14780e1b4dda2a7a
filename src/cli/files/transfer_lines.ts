/**
 * Steps of file transfers as text: amounts, the bar, and a line for each file. Names and
 * messages of peers are escaped here.
 */
import type { FileEvent } from "../../control/answers.ts";
import type { FileRecord } from "../../control/api/file_endpoints.ts";
import { escapeText } from "../../core/escape.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { peerLabel } from "../../identity/peer_name.ts";
import type { Palette } from "../terminal.ts";
import { columnsOfText, fitText } from "../wrap.ts";

const MAX_PATH_CHARS = 300;
const MAX_REASON_CHARS = 512;

/** Decimal units, as disks and networks are sold. */
const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** `512 B`, `2.1 MB`, `38 GB`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // What would be shown as 1000 kB is 1.0 MB.
  while (value >= (unit === 0 ? 1_000 : 999.5) && unit < UNITS.length - 1) {
    value /= 1_000;
    unit++;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** `0:07`, `12:40`, `3:05:00`; `1 d 4 h` from a day on. */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds >= 86_400) {
    const hours = Math.round(seconds / 3_600);
    return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  }
  const two = (value: number) => `${value}`.padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes}:${two(seconds % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/** `1 file`, `3 files`. */
export function filesText(count: number): string {
  return `${count} ${count === 1 ? "file" : "files"}`;
}

/** A path of a peer or of this machine, for display. */
export function shownPath(path: string): string {
  return escapeText(path, { max: MAX_PATH_CHARS });
}

/** The message of an error; what it has of the peer is escaped already. */
export function shownReason(message: string): string {
  return escapeText(message, { max: MAX_REASON_CHARS })
    .replaceAll("\\\\", "\\");
}

/** The other end. */
export function peerOf(
  { peer, name }: { readonly peer: PeerId; readonly name?: string },
): string {
  return peerLabel(peer, name);
}

/** What the bar shows. */
export interface BarState {
  /** The current file, escaped. */
  readonly label: string;
  readonly bytes: number;
  readonly total: number;
  /** Bytes a second; 0 if nothing comes at present, `undefined` if it is not known yet. */
  readonly rate: number | undefined;
}

const MIN_BAR = 10;
const MAX_BAR = 40;
const MIN_LABEL = 10;
const GAP = 2;

/**
 * One line of less than `columns`: the label, a bar, percent, amounts, rate and the time that is
 * left. A narrow terminal gets less of these, the percentage last.
 */
export function barLine(
  { label, bytes, total, rate }: BarState,
  columns: number,
  colors: Palette,
): string {
  const share = total === 0 ? 1 : Math.min(1, bytes / total);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const left = rate === undefined || bytes >= total
    ? ""
    : rate === 0
    ? "stalled"
    : `${durationText((total - bytes) / rate * 1_000)} left`;
  // In the order in which they are shown, and when each is left out.
  const parts = [
    { text: percent, rank: 0 },
    { text: `${bytesText(bytes)} of ${bytesText(total)}`, rank: 3 },
    { text: rate === undefined ? "" : `${bytesText(rate)}/s`, rank: 2 },
    { text: left, rank: 1 },
  ].filter(({ text }) => text !== "");
  // The last column stays free: some terminals go to the next row after it.
  let room = columns - 1 - MIN_LABEL;
  const shown = new Set(
    parts.toSorted((a, b) => a.rank - b.rank).filter(({ text, rank }) => {
      // Amounts only beside a bar.
      const reserved = rank === 3 ? MIN_BAR + 2 + GAP : 0;
      if (rank > 0 && text.length + GAP > room - reserved) return false;
      room -= text.length + GAP;
      return true;
    }),
  );
  const after = parts.filter((it) => shown.has(it)).map(({ text }) => text)
    .join(" ".repeat(GAP));
  const wanted = Math.max(
    MIN_LABEL,
    Math.min(columnsOfText(label), Math.floor(columns / 3)),
  );
  // The percentage is padded, so that one column before it is enough.
  const space = columns - 1 - after.length - 1;
  const most = space - MIN_LABEL - GAP - 2;
  const width = most < MIN_BAR
    ? 0
    : Math.min(MAX_BAR, Math.max(MIN_BAR, space - wanted - GAP - 2));
  const labelRoom = width === 0 ? space : space - width - 2 - GAP;
  const start = labelRoom < 3
    ? []
    : [padded(fitText(label, labelRoom), Math.min(labelRoom, wanted))];
  const bar = width === 0 ? [] : [barText(share, width, colors)];
  const before = [...start, ...bar].join(" ".repeat(GAP));
  return before === "" ? after : `${before} ${after}`;
}

/** Characters of one column everywhere. */
function barText(share: number, width: number, { green }: Palette): string {
  const full = Math.floor(share * width);
  const head = full < width ? ">" : "";
  const done = "=".repeat(full) + head;
  return `[${green(done)}${" ".repeat(width - done.length)}]`;
}

function padded(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - columnsOfText(text)));
}

const LABEL_CHARS = 8;

/**
 * The line that stays for a file that is done or failed, or a transfer that was declined;
 * `undefined` for other steps.
 */
export function fateLine(
  step: FileRecord,
  { receives, colors }: {
    readonly receives: boolean;
    readonly colors: Palette;
  },
): string | undefined {
  const label = (text: string) => text.padEnd(LABEL_CHARS);
  const path = shownPath(step.path);
  const reason = step.error === undefined
    ? ""
    : `: ${shownReason(step.error.message)}`;
  switch (step.type) {
    case "done": {
      const verb = colors.green(label(receives ? "received" : "sent"));
      const size = step.path.endsWith("/") ? "" : `  ${bytesText(step.total)}`;
      const as = step.savedAs === undefined
        ? ""
        : ` as "${shownPath(step.savedAs)}"`;
      const had = heldText(step.resumedAt, step.total);
      return `${verb}  ${path}${size}${as}${had}`;
    }
    case "failed":
      // A path that may not be used is escaped already.
      return `${colors.red(label("failed"))}  ${
        shownReason(step.path)
      }${reason}`;
    case "skipped":
      return `${colors.yellow(label("skipped"))}  ${path}${reason}`;
    case "declined":
      return `${colors.red(label("declined"))}  ${peerOf(step)}${reason}`;
    default:
      return undefined;
  }
}

/** How much of a file the receiving end had before. */
function heldText(resumedAt = 0, total: number): string {
  if (resumedAt === 0) return "";
  return resumedAt >= total
    ? ", was there already"
    : `, ${bytesText(resumedAt)} of it were there`;
}

/** The last line about a transfer. */
export function endText(
  step: Extract<FileRecord, { type: "end" }>,
  { receives, moved, ms }: {
    readonly receives: boolean;
    /** Bytes that went over the network. */
    readonly moved: number;
    readonly ms: number;
  },
): string {
  const { done = 0, files, error, allBytes } = step;
  const verb = receives ? "received from" : "sent to";
  const count = done === files
    ? filesText(files)
    : `${done} of ${filesText(files)}`;
  if (error !== undefined) {
    const why = error.code === "reset"
      ? "the other end has ended it; what is there is kept"
      : shownReason(error.message);
    return `${count} ${verb} ${peerOf(step)}: ${why}`;
  }
  if (moved === 0 && allBytes > 0) {
    return `${count}, ${bytesText(allBytes)}, ${
      receives ? "offered by" : "offered to"
    } ${peerOf(step)}: all of it was there already`;
  }
  const rate = ms >= 100 && moved > 0
    ? ` in ${spanText(ms)} (${bytesText(moved / ms * 1_000)}/s)`
    : "";
  return `${count}, ${bytesText(allBytes)}, ${verb} ${peerOf(step)}${rate}`;
}

/** Why a transfer does not go on, in the terms of its user. */
export function waitText(
  { error }: Extract<FileRecord, { type: "retrying" }>,
): string {
  switch (error?.code) {
    case "not-connected":
      return "it is not connected";
    case "session-lost":
      return "the session is lost";
    case "reset":
      return "it has stopped receiving";
    case "unknown-protocol":
      return "it receives no files now (verack receive, or run --receive-dir)";
    default:
      return shownReason(error?.message ?? "");
  }
}

/** `0.3 s`, `42 s`, `2:05`. */
function spanText(ms: number): string {
  return ms < 9_950
    ? `${(ms / 1_000).toFixed(1)} s`
    : ms < 99_500
    ? `${Math.round(ms / 1_000)} s`
    : durationText(ms);
}

/** An event of files without its label; `from` is the sender as shown. */
export function fileWords(event: FileEvent, from: string): string {
  const { step, path, savedAs, resumedAt } = event;
  const { files, bytes, done = 0, reason } = event;
  const file = `"${shownPath(path)}"`;
  const why = reason === undefined ? "" : `: ${shownReason(reason)}`;
  const all = `${filesText(files)}, ${bytesText(bytes)}`;
  switch (step) {
    case "offer":
      return `${from} offers ${all}`;
    case "declined":
      return `declined ${all}, from ${from}${why}`;
    case "done":
      return `${file} from ${from}, ${bytesText(bytes)}${
        savedAs === undefined ? "" : `, as "${shownPath(savedAs)}"`
      }${heldText(resumedAt, bytes)}`;
    case "failed":
      return `"${shownReason(path)}" from ${from} did not come${why}`;
    case "retrying":
      return `the files of ${from} are interrupted${why}`;
    case "end":
      // Some may have been there before.
      return `${done} of ${all}, from ${from}, are in place${why}`;
    default:
      return step satisfies never;
  }
}

/** The colour of its label. */
export function fileColor(
  { step, failed = 0, reason }: FileEvent,
  colors: Palette,
): (text: string) => string {
  switch (step) {
    case "done":
      return colors.green;
    case "failed":
      return colors.red;
    case "end":
      return failed > 0 || reason !== undefined ? colors.red : colors.green;
    default:
      return colors.yellow;
  }
}
