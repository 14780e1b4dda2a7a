/** A chat on a terminal: typed lines are sent, or run as commands. */
import { type Clock, sleep } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import type { PeerId } from "../../identity/identity.ts";
import { CHAT_FAREWELL_MS } from "../../limits.ts";
import type { Node } from "../../mesh/node.ts";
import type { Palette } from "../terminal.ts";
import type { ChatLines } from "./chat_lines.ts";
import type { Typist } from "./screen.ts";
import { completeLine, runSlashCommand } from "./slash_commands.ts";
import { ChatSession } from "./chat_session.ts";

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
  readonly #talk: ChatSession;

  constructor(settings: ConversationSettings) {
    this.#settings = settings;
    const { node, lines } = settings;
    this.#talk = new ChatSession(node, lines, (text) => this.#note(text));
  }

  onLine(line: string): void {
    if (line.trim() === "") return;
    const command = line.startsWith("/") && !line.startsWith("//");
    void this.#attempt(() =>
      command
        ? this.#command(line)
        : this.#say(line.startsWith("//") ? line.slice(1) : line)
    );
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
    await Promise.race([this.#talk.heard(), patience]);
    enough.abort();
    const { messages } = node.outbox;
    if (messages === 0) return;
    const what = messages === 1 ? "1 message" : `${messages} messages`;
    const then = keeps ? "kept until the next start" : "given up";
    this.#note(`${what} not acked yet, ${then}`);
  }

  async #say(text: string): Promise<void> {
    const { unheard } = await this.#talk.toAll(text);
    if (unheard) this.#note("nobody is here to hear it");
  }

  async #command(line: string): Promise<void> {
    const { node, lines, colors, show, onLeave } = this.#settings;
    await runSlashCommand(line, {
      node,
      names: lines.names,
      colors,
      show,
      tell: (to: PeerId, text: string) =>
        void this.#attempt(() => this.#talk.toOne(to, text)),
      leave: onLeave,
    });
  }

  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      const known = error instanceof VerackError || error instanceof RangeError;
      if (!known) throw error;
      if (error instanceof VerackError && error.code === "stopped") return;
      // The program's own messages are escaped already, and may list several identities.
      this.#settings.show(this.#settings.colors.red(error.message));
    }
  }

  #note(text: string): void {
    const { colors, show } = this.#settings;
    show(colors.dim(`  ${text}`));
  }
}
