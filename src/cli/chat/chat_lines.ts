/** The lines of a chat: messages and events as printable text. */
import type { MessageEvent } from "../../control/answers.ts";
import { escapeText } from "../../core/escape.ts";
import type { PeerId } from "../../core/peer_id.ts";
import {
  foldName,
  peerLabel,
  type PeerNames,
  shownName,
} from "../../identity/peer_name.ts";
import { MAX_NAME_CLAIMS } from "../cli_limits.ts";
import type { NodeEvent } from "../../mesh/events.ts";
import type { Node } from "../../mesh/node.ts";
import {
  eventLine,
  type EventLineOptions,
  undeliveredReason,
} from "../event_lines.ts";
import { cutMark, shownText } from "../message_text.ts";
import type { Palette } from "../terminal.ts";

/** The topic of messages to all. */
export const CHAT_TOPIC = "chat";
/** The topic of messages to one peer. */
export const DIRECT_TOPIC = "chat/direct";

/** Bounds of a message as shown; a mark shows that something was cut. */
const MAX_LINES = 40;
const MAX_LINE_CHARS = 2_000;
const MAX_TOPIC_CHARS = 128;
const MAX_REASON_CHARS = 512;

/** Further peers are only counted. */
const MAX_NAMED = 5;

/** Columns before the second row of a message, so that it does not look like a message. */
export const CHAT_INDENT: number = "00:00 ".length + 2;

/** Makes the lines of a chat. */
export class ChatLines {
  readonly names: Names;
  readonly #colors: Palette;
  readonly #options: EventLineOptions;

  constructor(names: Names, colors: Palette, options: EventLineOptions = {}) {
    this.names = names;
    this.#colors = colors;
    this.#options = options;
  }

  /** The line for a message. */
  message(message: MessageEvent, time: Date): string {
    const { from, topic } = message;
    const sender = this.#colors.bold(this.names.label(from));
    const where = topic === CHAT_TOPIC
      ? ""
      : topic === DIRECT_TOPIC
      ? this.#colors.cyan(" to you")
      : topic === ""
      ? ""
      : ` [${escapeText(topic, { max: MAX_TOPIC_CHARS })}]`;
    return `${this.#time(time)} ${sender}${where}: ${text(message)}`;
  }

  /** The line for an event. */
  event(event: NodeEvent, time: Date): string {
    const { green, yellow, red } = this.#colors;
    switch (event.type) {
      case "peer:up":
        return this.#note(`${this.#full(event)} is here`, time, green);
      case "peer:down":
        return event.left
          ? this.#note(`${this.#full(event)} has left`, time, yellow)
          : this.#note(
            `${this.#full(event)} is lost: ${reason(event.reason)}`,
            time,
            red,
          );
      case "undelivered":
        return this.#note(
          `${this.names.label(event.to)} did not get something: ${
            undeliveredReason(event)
          }`,
          time,
          red,
        );
      default:
        return eventLine(event, time, this.#colors, this.#options);
    }
  }

  /** Several peers by name, and the number of the others. */
  list(ids: readonly PeerId[]): string {
    const named = ids.slice(0, MAX_NAMED).map((it) => this.names.label(it));
    const rest = ids.length - named.length;
    return named.join(", ") + (rest > 0 ? ` and ${rest} more` : "");
  }

  /** With the short identity, which is shown when a session opens or closes. */
  #full(
    { id, name, boundName }: { readonly id: PeerId } & PeerNames,
  ): string {
    return peerLabel(id, name, boundName);
  }

  #note(
    text: string,
    time: Date,
    color: (text: string) => string,
  ): string {
    return `${this.#time(time)} ${color("*")} ${text}`;
  }

  #time(time: Date): string {
    return this.#colors.dim(time.toTimeString().slice(0, 5));
  }
}

/** A peer's text, escaped, with its lines indented. */
function text({ text, base64 }: MessageEvent): string {
  if (text === undefined) {
    return `${Uint8Array.fromBase64(base64 ?? "").length} bytes, no text`;
  }
  const lines = text.split(/\r?\n/, MAX_LINES + 1);
  if (lines.at(-1) === "") lines.pop();
  const shown = lines.slice(0, MAX_LINES).map((line) =>
    shownText(line, MAX_LINE_CHARS, "")
  );
  if (lines.length > MAX_LINES) {
    const more = lineCount(text) - MAX_LINES;
    shown.push(cutMark(more, "line"));
  }
  return shown.join(`\n${" ".repeat(CHAT_INDENT)}`);
}

/** The number of lines; a line feed at the end does not begin another one. */
function lineCount(text: string): number {
  let count = text.endsWith("\n") ? 0 : 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    count++;
  }
  return count;
}

function reason(text: string): string {
  return escapeText(text, { max: MAX_REASON_CHARS });
}

/** Names and the peers that have advertised them, also those that have left. */
export class Names {
  readonly #node: Node;
  readonly #claims = new Map<string, Set<PeerId>>();
  #count = 0;

  constructor(node: Node) {
    this.#node = node;
    if (node.name !== "") this.#claim(node.identity.id, node.name);
    for (const { id, name, firstSeen } of node.peers()) {
      // A name that was only gossiped does not count.
      if (firstSeen !== undefined) this.claim(id, name);
    }
  }

  /** Records that a verified peer uses a name. */
  claim(id: PeerId, name: string | undefined): void {
    if (name !== undefined && name !== "") this.#claim(id, name);
  }

  /** The names of a peer. */
  label(id: PeerId): string {
    const { name, boundName, nameHeldBy } = this.#node.peer(id) ?? {};
    this.claim(id, name);
    this.claim(id, boundName);
    const called = boundName ?? name;
    // The holder of a name may have been away since this chat began.
    const isHeld = boundName === undefined && nameHeldBy !== undefined;
    return called === undefined || isHeld || this.#isAmbiguous(called)
      ? peerLabel(id, name, boundName)
      : shownName(called);
  }

  /** The text that selects each peer: its name if that is unique, else first digits. */
  typed(): string[] {
    return this.#node.peers().map(
      ({ id, name, boundName, nameHeldBy, introducedBy }) =>
        // A name that the user gave means that peer, whatever names others use.
        boundName ??
          (name !== undefined && shownName(name) === name &&
              nameHeldBy === undefined && introducedBy === undefined &&
              !this.#isAmbiguous(name)
            ? name
            : id.slice(0, 8)),
    );
  }

  #isAmbiguous(name: string): boolean {
    // Without its entry another peer could pass for the holder of a name.
    return this.#count >= MAX_NAME_CLAIMS ||
      (this.#claims.get(foldName(name))?.size ?? 0) > 1;
  }

  #claim(id: PeerId, name: string): void {
    if (this.#count >= MAX_NAME_CLAIMS) return;
    const folded = foldName(name);
    const claimants = this.#claims.get(folded) ?? new Set();
    this.#claims.set(folded, claimants);
    if (claimants.has(id)) return;
    claimants.add(id);
    this.#count++;
  }
}
