/** What commands that send have in common: their flags, and the message. */
import type { ControlSendOptions } from "../control/client_options.ts";
import { MAX_BODY_BYTES } from "../wire/wire_limits.ts";
import { CLIENT_FLAGS } from "./client_flags.ts";
import { CUT, escapeCounted } from "../core/escape.ts";
import { type FlagSpecs, type FlagValues, UsageError } from "./flags.ts";

/** An ellipsis followed by a count, which in a text would pass for {@linkcode cutMark}. */
const IMITATION = /…(?=\s*\p{N})/gu;

/**
 * A message on one line, escaped and without a line ending at its end. The cut part is counted
 * behind a mark that no text can imitate; `all` is the command that shows it.
 */
export function shownText(
  text: string,
  max: number,
  all = "--json shows all",
): string {
  const { shown, cut } = escapeCounted(text.replace(/\r?\n$/, ""), { max });
  const end = cut === 0 ? shown.length : shown.length - CUT.length;
  const safe = shown.slice(0, end).replaceAll(IMITATION, "\\u{2026}");
  if (cut === 0) return safe;
  const mark = cutMark(cut, "character");
  return `${safe}${mark}${all === "" ? "" : `; ${all}`}`;
}

/** Stands where something was cut: `… 3 more lines`. */
export function cutMark(count: number, noun: string): string {
  const plural = count === 1 ? "" : "s";
  return `… ${count.toLocaleString("en")} more ${noun}${plural}`;
}

/** Flags of commands that send. */
export const MESSAGE_FLAGS = {
  ...CLIENT_FLAGS,
  topic: {
    type: "string",
    short: "t",
    value: "TOPIC",
    completes: "topic",
    help: "What it is filed under; receivers can choose by it",
  },
  wait: {
    type: "seconds",
    short: "w",
    min: 0,
    max: 600,
    help:
      "Wait so long for it to be acked; it is kept for longer (default: 5, for those that are away 0)",
  },
  ttl: {
    type: "seconds",
    min: 1,
    help: "Give it up after this time (default: the node's limit)",
  },
} as const satisfies FlagSpecs;

/** Help for the argument. */
export const TEXT_HELP =
  "The message; - takes all of standard input, byte for byte";

/** The flags as options of the control API. */
export function sendOptions(
  { topic, wait, ttl }: FlagValues<typeof MESSAGE_FLAGS>,
): ControlSendOptions {
  return {
    ...(topic !== undefined && { topic }),
    ...(ttl !== undefined && { ttlMs: Math.round(ttl * 1_000) }),
    ...(wait !== undefined && { waitMs: Math.round(wait * 1_000) }),
  };
}

/** The bytes to send. */
export async function messageBytes(
  text: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = text === "-"
    ? await readStdin()
    : new TextEncoder().encode(text);
  if (bytes.length <= MAX_BODY_BYTES) return bytes;
  throw new UsageError(
    `The message is too large, must be at most ${MAX_BODY_BYTES} bytes`,
  );
}

/** Reads no chunk more once there are more bytes than allowed. */
async function readStdin(): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const chunk of Deno.stdin.readable) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_BODY_BYTES) break;
  }
  return await new Blob(chunks).bytes();
}
