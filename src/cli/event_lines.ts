/**
 * How a node's events look: one line for people, one JSON object for programs.
 * Everything that came from the network is escaped here.
 */
import { escapeText, jsonLine } from "../escape.ts";
import { shortId } from "../identity/identity.ts";
import type { NodeEvent, Trust } from "../mesh/events.ts";
import type { Palette } from "./terminal.ts";

const TRUST_WORDS: Readonly<Record<Trust, string>> = {
  "first-use": "unverified, first use",
  known: "known",
  pinned: "pinned",
};

/** The line `run --json` prints: the event, and the time as ISO 8601. */
export function eventJson(event: NodeEvent, time: Date): string {
  return jsonLine({ time: time.toISOString(), ...event });
}

/** The line a person reads. */
export function eventLine(
  event: NodeEvent,
  time: Date,
  colors: Palette,
): string {
  const clock = colors.dim(time.toTimeString().slice(0, 8));
  return `${clock} ${words(event, colors)}`;
}

function words(event: NodeEvent, colors: Palette): string {
  switch (event.type) {
    case "listening":
      return `${label("listen", colors.bold)} on ${event.address} as ${
        colors.bold(shortId(event.identity))
      }`;
    case "peer:up":
      return `${label("up", colors.green)} ${
        colors.bold(shortId(event.identity))
      } at ${event.address} (${event.direction}, ${TRUST_WORDS[event.trust]})`;
    case "peer:down":
      return event.left
        ? `${label("left", colors.yellow)} ${
          colors.bold(shortId(event.identity))
        }`
        : `${label("lost", colors.red)} ${
          colors.bold(shortId(event.identity))
        }: ${event.reason}`;
    case "ping":
      return `${label("ping", colors.cyan)} ${
        colors.bold(shortId(event.identity))
      }: ${escapeText(event.text, { max: 256 })}`;
    case "mesh":
      return `${label("mesh", colors.blue)} ${count(event.nodes, "node")}, ${
        count(event.links, "link")
      } here${
        event.links < event.nodes - 1
          ? colors.yellow(` (${event.nodes - 1 - event.links} missing)`)
          : ""
      }`;
    case "refused":
      return `${label("refuse", colors.red)} ${event.address}: ${event.reason}${
        event.expected !== undefined && event.actual !== undefined &&
          !event.reason.includes(event.actual)
          ? ` (expected ${event.expected}, found ${event.actual})`
          : ""
      }`;
    case "unreachable":
      return `${
        label("wait", colors.yellow)
      } ${event.address}: ${event.reason}; still trying`;
    case "overflow":
      return `${label("lag", colors.yellow)} ${
        count(event.dropped, "event")
      } not shown`;
    case "stopped":
      return `${label("stop", colors.bold)} left the mesh`;
    default:
      return event satisfies never;
  }
}

function label(text: string, color: (text: string) => string): string {
  return color(text.padEnd(6));
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
