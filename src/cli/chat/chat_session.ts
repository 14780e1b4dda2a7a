/**
 * Sends messages to all or to one, and reports which peers have not acknowledged them. The text
 * comes from `conversation.ts` or `piped.ts`.
 */
import type { BroadcastResult } from "../../delivery/broadcast.ts";
import { VerackError } from "../../core/errors.ts";
import { escapeText } from "../../core/escape.ts";
import { TaskSet } from "../../core/task_set.ts";
import type { PeerId } from "../../identity/identity.ts";
import type { Node } from "../../mesh/node.ts";
import { CHAT_TOPIC, type ChatLines, DIRECT_TOPIC } from "./chat_lines.ts";

/** The result of a message. */
export interface Said {
  /** Peers that have acknowledged it. */
  readonly delivered: readonly PeerId[];
  /** Peers that will not get it. */
  readonly failed: readonly PeerId[];
  /** Peers that have not acknowledged it, for which it is kept as long as the node can. */
  readonly waiting: readonly PeerId[];
  /** No peer is known. */
  readonly unheard: boolean;
}

/** The messages that a chat sends. */
export class ChatSession {
  readonly #node: Node;
  readonly #lines: ChatLines;
  readonly #show: (text: string) => void;
  readonly #pending = new TaskSet();

  constructor(node: Node, lines: ChatLines, show: (text: string) => void) {
    this.#node = node;
    this.#lines = lines;
    this.#show = show;
  }

  /** Resolves when all messages have been acknowledged by the connected peers. */
  async heard(): Promise<void> {
    await this.#pending.settled();
  }

  /** Sends to all; resolves when the connected peers have acknowledged it. */
  async toAll(text: string, options: { waitMs?: number } = {}): Promise<Said> {
    const told = this.#node.broadcast(text, { topic: CHAT_TOPIC, ...options });
    const result = await this.#track(told);
    const { delivered, waiting, failed } = result;
    this.#tellMissing(result);
    return {
      delivered,
      failed: failed.map(({ id }) => id),
      waiting,
      unheard: delivered.length + waiting.length + failed.length === 0,
    };
  }

  /** Sends to one. */
  async toOne(to: PeerId, text: string): Promise<void> {
    const sent = this.#node.send(to, text, { topic: DIRECT_TOPIC });
    if (this.#node.peer(to)?.connected !== true) {
      const label = this.#lines.names.label(to);
      this.#show(
        this.#mayReturn(to)
          ? `${label} is away and gets it later`
          : `${label} is away, and gets it only if the same process comes back within a minute`,
      );
      // A later failure is reported by an event.
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
      this.#show(`have not acked it yet: ${this.#lines.list(slow)}`);
    }
    const [first] = failed;
    if (first !== undefined) {
      const peers = failed.map(({ id }) => id);
      this.#show(
        `do not get it: ${this.#lines.list(peers)}: ${
          escapeText(first.error.message)
        }`,
      );
    }
  }

  /** A key in memory ends with its process, and messages for it are given up. */
  #mayReturn(peer: PeerId): boolean {
    return this.#node.peer(peer)?.ephemeral === false;
  }

  #track<T>(promise: Promise<T>): Promise<T> {
    this.#pending.add(promise.catch((error) => {
      // The caller handles the rejection; here the promise is only awaited.
      if (!(error instanceof VerackError || error instanceof RangeError)) {
        throw error;
      }
    }));
    return promise;
  }
}
