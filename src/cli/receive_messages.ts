/** `verack receive-messages`: consumes the messages of a kept topic, for scripts. */
import type { KeptMessageRow } from "../control/answers.ts";
import type { ControlClient } from "../control/control_client.ts";
import type {
  ControlLeaseOptions,
  KeptTopicsClient,
} from "../control/kept_topics_client.ts";
import { systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText, jsonLine } from "../core/escape.ts";
import { CLIENT_FLAGS, withNode } from "./client_flags.ts";
import { RECEIVE_BATCH } from "./cli_limits.ts";
import { type Command, command } from "./command.ts";
import { eventLine, LINE_INDENT } from "./event_lines.ts";
import { EXIT } from "./exit.ts";
import { type FlagSpecs, UsageError } from "./flags.ts";
import { SignalWatch } from "./signal_watch.ts";
import { OUTPUT_FLAGS, type Terminal } from "./terminal.ts";

/** `--since` of consumers. */
export const SINCE_FLAG = {
  type: "string",
  value: "WHEN",
  parse: (text: string) => parseSince(text),
  help:
    "Only messages that came since a time, such as 2026-05-01T12:00Z or 10m",
} as const;

const FLAGS = {
  ...CLIENT_FLAGS,
  topic: {
    type: "string",
    short: "t",
    value: "TOPIC",
    completes: "topic",
    required: true,
    help: "The topic, which the node keeps from now on if it did not",
  },
  max: {
    type: "integer",
    short: "m",
    min: 1,
    help:
      "End after so many messages (default: all there are; with --no-ack 1)",
  },
  wait: {
    type: "seconds",
    short: "w",
    min: 0,
    max: 600,
    default: 0,
    help: "Wait so long for a first one",
  },
  follow: {
    type: "boolean",
    short: "f",
    help: "Go on as messages come, until the node stops",
  },
  ack: {
    type: "boolean",
    negatable: true,
    default: true,
    help: "Ack each message once its line is written; else verack ack does",
  },
  lease: {
    type: "seconds",
    min: 0.1,
    max: 43_200,
    default: 30,
    help:
      "With --no-ack, have messages come again if they are not acked by then",
  },
  anyOrder: {
    type: "boolean",
    help: "Share the messages of one sender with other consumers",
  },
  since: SINCE_FLAG,
  peek: {
    type: "boolean",
    help: "Only show what waits, oldest first; nothing is acked or leased",
  },
  ...OUTPUT_FLAGS,
} as const satisfies FlagSpecs;

/** Consumes messages. */
export const receiveMessagesCommand: Command = command({
  description: [
    "The node stores the messages of a kept topic, and they wait there until they " +
    "are acked. Each goes to one consumer; those of one sender come in order. A " +
    "message is acked once its line has been accepted by the terminal, the file or " +
    "the pipe; what was not comes again, at the next call or to another consumer.",
    "With --no-ack a message is yours for the time of --lease, and verack ack or " +
    "nack says what became of it. It is the way of scripts that must lose nothing.",
  ],
  flags: FLAGS,
  examples: [
    [
      "verack receive-messages --data data/bob --topic jobs --json",
      "All that wait, and they are acked",
    ],
    [
      "verack receive-messages --data data/bob --topic jobs --follow | handle",
      "Those that come, too",
    ],
    [
      "verack receive-messages --data data/bob --topic jobs --no-ack --wait 60",
      "One, for half a minute; verack ack ID acks it",
    ],
  ],
  async action({ flags, terminal, outputLost }) {
    const { topic, follow, peek, wait, ack, lease, json } = flags;
    if (peek && (follow || !ack)) {
      throw new UsageError("--peek acks nothing and ends, must be given alone");
    }
    using signals = new SignalWatch();
    const signal = AbortSignal.any([signals.signal, outputLost]);
    const { anyOrder, since, max = Infinity } = flags;
    const which = { ...(since !== undefined && { since }), anyOrder };
    await withNode(flags, async (client) => {
      const consumer = new LineConsumer(client, {
        ...{ topic, command: "receive-messages", json, terminal, signal },
      });
      if (peek) return await consumer.peek(max, since);
      await consumer.keep();
      if (follow) return await consumer.follow({ ...which, ack, max });
      const waitMs = Math.round(wait * 1_000);
      if (ack) return await consumer.drain({ ...which, waitMs, max });
      const leaseMs = Math.round(lease * 1_000);
      const most = max === Infinity ? 1 : max;
      return await consumer.lease({ ...which, waitMs, leaseMs, max: most });
    });
    return signals.code ?? EXIT.success;
  },
});

/** Settings of a {@linkcode LineConsumer}. */
interface LineConsumerOptions {
  readonly topic: string;
  /** Its name, for what it says. */
  readonly command: string;
  readonly json: boolean;
  readonly terminal: Terminal;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Consumes messages of a kept topic by writing lines. */
export class LineConsumer {
  readonly #kept: KeptTopicsClient;
  readonly #options: LineConsumerOptions;

  constructor({ keptTopics }: ControlClient, options: LineConsumerOptions) {
    this.#kept = keptTopics;
    this.#options = options;
  }

  /** Has the node keep the topic, and says so if that is new. */
  async keep(): Promise<void> {
    const { topic } = this.#options;
    if (!await this.#kept.keep(topic)) return;
    this.#say(
      `the node keeps messages of topic "${escapeText(topic)}" from now on`,
    );
  }

  /** Shows the oldest messages. */
  async peek(max: number, since: string | undefined): Promise<void> {
    const { topic } = this.#options;
    const shown = await this.#kept.peek(topic, {
      max: Math.min(max, RECEIVE_BATCH),
      ...(since !== undefined && { since }),
    });
    for (const message of shown) await this.#write(message);
  }

  /** Writes messages once, which stay leased. */
  async lease(options: ControlLeaseOptions): Promise<void> {
    const messages = await this.#kept.lease(this.#options.topic, options);
    await this.#writeAll(messages);
  }

  /** Writes and acks what waits. */
  async drain(options: ControlLeaseOptions & { max: number }): Promise<void> {
    const { topic, signal } = this.#options;
    let { waitMs = 0, max } = options;
    while (max > 0 && !signal.aborted) {
      const batch = Math.min(max, RECEIVE_BATCH);
      const leased = await this.#kept.lease(topic, {
        ...options,
        waitMs,
        max: batch,
      });
      if (leased.length === 0) return;
      const written = await this.#writeAll(leased);
      if (written.length > 0) await this.#kept.ack(written);
      max -= leased.length;
      waitMs = 0;
    }
  }

  /** Writes messages as they come, and acks them with `ack`. */
  async follow(
    { ack, max, ...which }:
      & Pick<ControlLeaseOptions, "anyOrder" | "since">
      & { readonly ack: boolean; readonly max: number },
  ): Promise<void> {
    const { topic, signal } = this.#options;
    const acks = new Acks(this.#kept);
    let count = 0;
    try {
      const messages = this.#kept.receive(topic, which, { signal });
      for await (const message of messages) {
        if (!await this.#write(message)) break;
        if (ack) acks.add(message.id);
        if (++count >= max) break;
      }
      await acks.done();
    } catch (error) {
      await acks.done().catch(() => {});
      if (signal.aborted) return;
      const isStopped = error instanceof VerackError &&
        error.code === "stopped";
      if (!isStopped) throw error;
      this.#say("the node has stopped");
    }
  }

  /** The ids of those that were written; the rest is returned. */
  async #writeAll(messages: readonly KeptMessageRow[]): Promise<string[]> {
    const written: string[] = [];
    for (const message of messages) {
      if (!await this.#write(message)) break;
      written.push(message.id);
    }
    const rest = messages.slice(written.length).map(({ id }) => id);
    if (rest.length > 0) await this.#kept.release(rest);
    return written;
  }

  /** Whether the line was accepted. */
  async #write(message: KeptMessageRow): Promise<boolean> {
    const { json, terminal: { stdout, out }, signal } = this.#options;
    if (signal.aborted) return false;
    const { receivedAt, leasedUntil, ...event } = message;
    // What verack ack is called with.
    const id = leasedUntil === undefined
      ? ""
      : `${out.bold(escapeText(event.id))} `;
    const line = json
      ? jsonLine({
        time: receivedAt,
        ...event,
        ...(leasedUntil !== undefined && { leasedUntil }),
      })
      : `${id}${eventLine(event, new Date(receivedAt), out)}`;
    stdout.line(line, true, json ? false : LINE_INDENT);
    await stdout.flushed(signal);
    return !stdout.failed && !signal.aborted;
  }

  #say(text: string): void {
    const { command, terminal } = this.#options;
    terminal.stderr.line(`verack ${command}: ${text}`);
  }
}

/** Acks messages while more are written, several in one request. */
class Acks {
  readonly #kept: KeptTopicsClient;
  readonly #ids: string[] = [];
  #running: Promise<void> | undefined;

  constructor(kept: KeptTopicsClient) {
    this.#kept = kept;
  }

  add(id: string): void {
    this.#ids.push(id);
    if (this.#running !== undefined) return;
    this.#running = this.#run();
    // It is thrown by `done`; the stream of messages ends for the same reason.
    this.#running.catch(() => {});
  }

  async done(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#ids.length > 0) {
      await this.#kept.ack(this.#ids.splice(0, RECEIVE_BATCH));
    }
    this.#running = undefined;
  }
}

const ISO_DATE = /^\d{4}-\d\d-\d\d/;

const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * The time of `--since`, in ISO 8601.
 *
 * @throws {SyntaxError} when it is none.
 */
export function parseSince(
  text: string,
  now: number = systemClock.now(),
): string {
  const [, digits, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const ago = Number(digits) * UNITS_MS[unit as keyof typeof UNITS_MS];
  const at = digits !== undefined
    ? Math.max(0, now - ago)
    // `Date.parse` takes "10", too.
    : ISO_DATE.test(text)
    ? Date.parse(text)
    : NaN;
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  throw new SyntaxError(
    `"${
      escapeText(text, { max: 80 })
    }" is no time, must be one in ISO 8601, or how long ago it was: 30s, 10m, 2h, 1d`,
  );
}
