/** A chat on a terminal: typed lines are sent, or run as commands. */
import { type Clock, sleep } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { escapeText } from "../../core/escape.ts";
import { TaskSet } from "../../core/task_set.ts";
import type { BroadcastResult } from "../../delivery/broadcast.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { CHAT_FAREWELL_MS } from "../cli_limits.ts";
import type { Node } from "../../mesh/node.ts";
import type { Palette } from "../terminal.ts";
import { CHAT_TOPIC, type ChatLines, DIRECT_TOPIC } from "./chat_lines.ts";
import type { Typist } from "./screen.ts";
import { completeLine, runSlashCommand } from "./slash_commands.ts";

/** Settings of a {@linkcode Conversation}. */
export interface ConversationSettings {
  readonly node: Node;
  readonly lines: ChatLines;
  readonly colors: Palette;
  readonly clock: Clock;
  /** Whether unacknowledged messages outlive the node. */
  readonly keeps: boolean;
  /** Shows a line. */
  readonly show: (text: string) => void;
  /** The user leaves. */
  readonly onLeave: () => void;
  /** The user leaves by Ctrl-C. */
  readonly onInterrupt: () => void;
}

/** Handles the lines that are typed in a chat. */
export class Conversation implements Typist {
  readonly #settings: ConversationSettings;
  /** Sends that no connected peer has acknowledged yet. */
  readonly #sending = new TaskSet();

  constructor(settings: ConversationSettings) {
    this.#settings = settings;
  }

  onLine(line: string): void {
    if (line.trim() === "") return;
    const isCommand = line.startsWith("/") && !line.startsWith("//");
    if (isCommand) void this.#attempt(this.#command(line));
    else this.#send(this.#toAll(line.replace(/^\/\//, "/")));
  }

  onInterrupt(): void {
    this.#settings.onInterrupt();
  }

  onEnd(): void {
    this.#settings.onLeave();
  }

  onSuspend(): void {
    this.#note("Ctrl-Z cannot stop a chat; /quit leaves it");
  }

  complete(line: string): [candidates: string[], end: string] {
    return completeLine(line, this.#settings.lines.names);
  }

  /** Waits a moment for the last acknowledgements, before the node closes. */
  async farewell(): Promise<void> {
    const { clock, node, keeps } = this.#settings;
    const enough = new AbortController();
    const patience = sleep(clock, CHAT_FAREWELL_MS, enough.signal)
      .catch(() => {});
    await Promise.race([this.#sending.settled(), patience]);
    enough.abort();
    const { messages } = node.outbox;
    if (messages === 0) return;
    const what = messages === 1 ? "1 message" : `${messages} messages`;
    const then = keeps ? "kept until the next start" : "given up";
    this.#note(`${what} not acked yet, ${then}`);
  }

  async #command(line: string): Promise<void> {
    const { node, lines, colors, show, onLeave } = this.#settings;
    await runSlashCommand(line, {
      node,
      names: lines.names,
      colors,
      show,
      tell: (to, text) => this.#send(this.#toOne(to, text)),
      leave: onLeave,
    });
  }

  #send(sent: Promise<void>): void {
    this.#sending.add(this.#attempt(sent));
  }

  /** Shows why an action failed. */
  async #attempt(action: Promise<void>): Promise<void> {
    try {
      await action;
    } catch (error) {
      const known = error instanceof VerackError || error instanceof RangeError;
      if (!known) throw error;
      if (error instanceof VerackError && error.code === "stopped") return;
      // The program's own messages are escaped already, and may list several identities.
      this.#settings.show(this.#settings.colors.red(error.message));
    }
  }

  /** Resolves when the connected peers have acknowledged it. */
  async #toAll(text: string): Promise<void> {
    const { node } = this.#settings;
    const result = await node.broadcast(text, { topic: CHAT_TOPIC });
    const { delivered, waiting, failed } = result;
    if (delivered.length + waiting.length + failed.length === 0) {
      this.#note("no peer is connected");
    } else this.#tellMissing(result);
  }

  async #toOne(to: PeerId, text: string): Promise<void> {
    const { node, lines } = this.#settings;
    const sent = node.send(to, text, { topic: DIRECT_TOPIC });
    if (node.peer(to)?.connected === true) return void await sent;
    const label = lines.names.label(to);
    this.#note(
      this.#mayReturn(to)
        ? `${label} is away and gets it later`
        : `${label} is away, and gets it only if the same process comes back within a minute`,
    );
    // A later failure is reported by an event.
    sent.catch(() => {});
  }

  #tellMissing({ waiting, failed }: BroadcastResult): void {
    const { node, lines } = this.#settings;
    const { away = [], gone = [], slow = [] } = Object.groupBy(
      waiting,
      (it) =>
        node.peer(it)?.connected
          ? "slow"
          : this.#mayReturn(it)
          ? "away"
          : "gone",
    );
    const told: [what: string, peers: readonly PeerId[], why: string][] = [
      ["away, get it later", away, ""],
      ["away, get it only if back within a minute", gone, ""],
      ["have not acked it yet", slow, ""],
      [
        "do not get it",
        failed.map(({ id }) => id),
        `: ${escapeText(failed[0]?.error.message ?? "")}`,
      ],
    ];
    for (const [what, peers, why] of told) {
      if (peers.length > 0) this.#note(`${what}: ${lines.list(peers)}${why}`);
    }
  }

  /** A key in memory ends with its process, and messages for it are given up. */
  #mayReturn(peer: PeerId): boolean {
    return this.#settings.node.peer(peer)?.ephemeral === false;
  }

  #note(text: string): void {
    const { colors, show } = this.#settings;
    show(colors.dim(`  ${text}`));
  }
}
