/**
 * Saying something to all or to one, and telling who has not got it yet. How it
 * is typed or read is in `conversation.ts` and `piped.ts`.
 */
import type { BroadcastResult } from "../../delivery/broadcast.ts";
import { VerackError } from "../../core/errors.ts";
import { escapeText } from "../../core/escape.ts";
import type { PeerId } from "../../identity/identity.ts";
import type { Node } from "../../mesh/node.ts";
import { CHAT_TOPIC, type ChatLines, DIRECT_TOPIC } from "./chat_lines.ts";

/** What became of something that was said. */
export interface Said {
  /** They will not get it. */
  readonly failed: number;
  /** They have not taken it, and it is kept for them as long as the node can. */
  readonly waiting: readonly PeerId[];
  /** Nobody was there to hear it. */
  readonly unheard: boolean;
}

/** What a chat says. */
export class ChatSession {
  readonly #node: Node;
  readonly #lines: ChatLines;
  readonly #show: (text: string) => void;
  readonly #pending = new Set<Promise<unknown>>();

  /** @param show Shows a line of ours. */
  constructor(node: Node, lines: ChatLines, show: (text: string) => void) {
    this.#node = node;
    this.#lines = lines;
    this.#show = show;
  }

  /** Resolves when everything that was said has been heard by those who are connected. */
  async heard(): Promise<void> {
    await Promise.all(this.#pending);
  }

  /**
   * Says it to everybody; those who are connected are waited for.
   *
   * @throws {RangeError} when it is too long.
   */
  async toAll(text: string, options: { waitMs?: number } = {}): Promise<Said> {
    const told = this.#node.broadcast(text, { topic: CHAT_TOPIC, ...options });
    const result = await this.#track(told);
    const { delivered, waiting, failed } = result;
    this.#tellMissing(result);
    return {
      failed: failed.length,
      waiting,
      unheard: delivered.length + waiting.length + failed.length === 0,
    };
  }

  /**
   * Says it to one.
   *
   * @throws {RangeError} when it is too long.
   * @throws {VerackError} as `Node.send`.
   */
  async toOne(to: PeerId, text: string): Promise<void> {
    const sent = this.#node.send(to, text, { topic: DIRECT_TOPIC });
    if (this.#node.peer(to)?.connected !== true) {
      const label = this.#lines.names.label(to);
      this.#show(
        this.#mayReturn(to)
          ? `${label} is away and gets it later`
          : `${label} is away, and gets it only if the same process comes back within a minute`,
      );
      // What becomes of it then is told by an event.
      return void sent.catch(() => {});
    }
    await this.#track(sent);
  }

  #tellMissing({ waiting, failed }: BroadcastResult): void {
    const present = (it: PeerId) => this.#node.peer(it)?.connected ?? false;
    const absent = waiting.filter((it) => !present(it));
    const away = absent.filter((it) => this.#mayReturn(it));
    const gone = absent.filter((it) => !this.#mayReturn(it));
    const slow = waiting.filter(present);
    if (away.length > 0) {
      this.#show(`away, get it later: ${this.#lines.list(away)}`);
    }
    if (gone.length > 0) {
      this.#show(
        `away, get it only if back within a minute: ${this.#lines.list(gone)}`,
      );
    }
    if (slow.length > 0) {
      this.#show(`have not taken it yet: ${this.#lines.list(slow)}`);
    }
    const [first] = failed;
    if (first !== undefined) {
      const who = failed.map(({ identity }) => identity);
      this.#show(
        `do not get it: ${this.#lines.list(who)}: ${
          escapeText(first.error.message)
        }`,
      );
    }
  }

  /** A key in memory dies with its process, and what waits for it is given up. */
  #mayReturn(peer: PeerId): boolean {
    return this.#node.peer(peer)?.ephemeral === false;
  }

  #track<T>(promise: Promise<T>): Promise<T> {
    const settled = promise.catch((error) => {
      // Whoever said it is told; this one only waits.
      if (!(error instanceof VerackError || error instanceof RangeError)) {
        throw error;
      }
    }).finally(() => this.#pending.delete(settled));
    this.#pending.add(settled);
    return promise;
  }
}
