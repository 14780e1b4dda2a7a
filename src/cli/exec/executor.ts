/**
 * A program as the consumer of messages: each one is passed to a new process, acked when that
 * exits with 0 and nacked otherwise, so that it is delivered again, and becomes a dead letter
 * after too many deliveries. One process is run by `program_run.ts`.
 */
import { type Clock, sleep } from "../../core/clock.ts";
import { messageEvent } from "../../control/answer_rows.ts";
import type { MessageEvent } from "../../control/answers.ts";
import { messageOf } from "../../core/errors.ts";
import type { Message } from "../../delivery/incoming_message.ts";
import { shownName } from "../../identity/peer_name.ts";
import { logger } from "../../core/log.ts";
import type { Node } from "../../mesh/node.ts";
import { EXEC_LEAVE_MS, EXEC_RETRY_MS } from "../cli_limits.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { type ProgramCommand, runProgram } from "./program_run.ts";

/** Settings of an {@linkcode Executor}. */
export interface ExecutorSettings extends ProgramCommand {
  /** Only messages of this topic; left out, all. */
  readonly topic?: string;
  /** Only messages of these senders; left out, all. */
  readonly accepts?: (sender: PeerId) => boolean;
  /** How many run at the same time; those of one sender and topic never do. */
  readonly jobs: number;
  readonly clock: Clock;
  /** Shows a line that the program wrote; escaped already. */
  readonly say: (line: string) => void;
  /** A message was acknowledged. */
  readonly onTaken: (event: MessageEvent) => void;
  /** Called with an error that is not the program's. */
  readonly onFatal: (error: unknown) => void;
}

const log = logger("cli");

/** Runs a program for each message until it is stopped. */
export class Executor {
  readonly #settings: ExecutorSettings;
  readonly #node: Node;
  /** No more messages are consumed. */
  readonly #stop = new AbortController();
  /** Running programs must end. */
  readonly #kill = new AbortController();
  readonly #jobs: Promise<void>[];
  /** Why the program could not be started the last time. */
  #failure = "";

  constructor(node: Node, settings: ExecutorSettings) {
    this.#node = node;
    this.#settings = settings;
    this.#jobs = Array.from({ length: settings.jobs }, () => this.#job());
  }

  /**
   * Consumes no more messages, and resolves when no program runs: they may finish, get SIGTERM
   * after 2 s, and are killed 1 s later. To be called before the node closes, which could not
   * acknowledge afterwards.
   */
  async stop(): Promise<void> {
    this.#stop.abort();
    const cancel = this.#settings.clock.after(
      EXEC_LEAVE_MS,
      () => this.#kill.abort(),
    );
    await Promise.all(this.#jobs);
    cancel();
  }

  async #job(): Promise<void> {
    const { topic, accepts } = this.#settings;
    const { signal } = this.#stop;
    const messages = this.#node.messages({
      ...(topic !== undefined && { topic }),
      ...(accepts !== undefined && { from: accepts }),
      signal,
    });
    try {
      // Not left early: a message that is neither acked nor nacked when the node closes comes
      // again, with the same delivery count.
      while (true) {
        const { value: message } = await messages.next();
        if (message === undefined || !await this.#handle(message)) return;
      }
    } catch (error) {
      this.#stop.abort();
      this.#settings.onFatal(error);
    }
  }

  /** False if the message must be neither acked nor nacked. */
  async #handle(message: Message): Promise<boolean> {
    const fault = await this.#run(message);
    if (this.#kill.signal.aborted && fault !== undefined) return false;
    const { from, topic, id, deliveryCount: attempt } = message;
    if (fault === undefined) {
      message.ack();
      const sender = this.#node.peer(from);
      this.#settings.onTaken(messageEvent(message, sender));
    } else {
      const { program } = this.#settings;
      log.warn("message nacked", { program, fault, from, topic, id, attempt });
      message.nack(fault);
    }
    return true;
  }

  async #run(message: Message): Promise<string | undefined> {
    const { from, id, topic, deliveryCount, body } = message;
    // No variable can contain NUL, and without it the topic would be another one.
    if (topic.includes("\0")) return "the topic has a NUL character";
    const name = this.#node.peer(from)?.name;
    const env = {
      VERACK_FROM: from,
      VERACK_NAME: name === undefined ? "" : shownName(name),
      VERACK_TOPIC: topic,
      VERACK_ID: id,
      VERACK_DELIVERY_COUNT: `${deliveryCount}`,
    };
    const { signal } = this.#kill;
    while (true) {
      try {
        const run = { ...this.#settings, env, body, signal };
        const { fault } = await runProgram(run);
        this.#tellFailure("");
        return fault;
      } catch (error) {
        // The message waits until the program can be started again.
        const { clock } = this.#settings;
        this.#tellFailure(messageOf(error));
        try {
          await sleep(clock, EXEC_RETRY_MS, this.#stop.signal);
        } catch {
          this.#kill.abort();
          return "not started";
        }
      }
    }
  }

  /** Logs once, however many messages wait, why the program does not start, and that it does. */
  #tellFailure(reason: string): void {
    if (this.#failure === reason) return;
    this.#failure = reason;
    const { program } = this.#settings;
    if (reason === "") log.warn("program starts again", { program });
    else log.error("program not started, its messages wait", { reason });
  }
}
