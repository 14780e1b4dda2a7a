/** `verack kept-topics`, and the acks of consumers of their messages. */
import type { KeptTopicRow, SettledAnswer } from "../control/answers.ts";
import { escapeText } from "../core/escape.ts";
import { answerCommand, type AnswerSpec, utcMinute } from "./answer_command.ts";
import { CLIENT_FLAGS, withNode } from "./client_flags.ts";
import type { Command } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import type { FlagSpecs, FlagValues } from "./flags.ts";
import type { Palette } from "./terminal.ts";

const TOPIC = [{
  name: "TOPIC",
  help: "A topic, as senders give it",
  completes: "topic",
}] as const;

/** What waits under a kept topic, besides its name. */
export function keptWords(
  { messages, bytes, leased, blocked, oldestAt }: KeptTopicRow,
): string {
  return [
    `${count(messages, "message")}, ${count(bytes, "byte")}`,
    ...(leased === 0 ? [] : [`${leased} with consumers`]),
    ...(oldestAt === undefined ? [] : [`the oldest of ${utcMinute(oldestAt)}`]),
    ...(blocked === 0 ? [] : [
      `full: ${blocked === 1 ? "a sender waits" : `${blocked} senders wait`}`,
    ]),
  ].join("; ");
}

/** Lists kept topics. */
export const keptTopicsCommand: Command = answerCommand({
  description: [
    "Messages of a kept topic are stored by the node and acknowledged to their " +
    "senders; they wait there until a consumer acks them: verack " +
    "receive-messages, or a program by the library or the control API.",
  ],
  flags: CLIENT_FLAGS,
  examples: [
    ["verack kept-topics --data data/bob", "What waits under each"],
  ],
  ask: (flags) => withNode(flags, (node) => node.keptTopics.list()),
  lines: (topics, out) =>
    topics.map((it) => `${out.bold(topicName(it.topic))}  ${keptWords(it)}`),
  remark: ({ length }) => length === 0 && "No topic is kept.",
});

/** Keeps a topic. */
export const keptTopicsAddCommand: Command = answerCommand({
  description: [
    "From now on, also after a restart of the node.",
  ],
  positionals: TOPIC,
  flags: CLIENT_FLAGS,
  ask: (flags, [topic = ""]) =>
    withNode(flags, async ({ keptTopics }) => ({
      topic,
      isNew: await keptTopics.keep(topic),
    })),
  lines: ({ topic, isNew }) => [
    `kept  ${topicName(topic)}${isNew ? "" : ", as before"}`,
  ],
});

/** Keeps a topic no longer. */
export const keptTopicsDropCommand: Command = answerCommand({
  description: [
    "Deletes the messages that wait under it: their senders think them delivered.",
  ],
  positionals: TOPIC,
  flags: CLIENT_FLAGS,
  ask: (flags, [topic = ""]) =>
    withNode(flags, async ({ keptTopics }) => ({
      topic,
      messages: await keptTopics.drop(topic),
    })),
  lines: ({ topic, messages }) => [
    `dropped  ${topicName(topic)}  ${count(messages, "message")} deleted`,
  ],
});

const SETTLE_FLAGS = {
  ...CLIENT_FLAGS,
  from: {
    type: "string",
    value: "NAME",
    help: "Their sender, if several have used the same id",
  },
} as const;

/** Acks messages. */
export const ackCommand: Command = settleCommand({
  description: [
    "For messages that receive-messages --no-ack printed: they are deleted, also " +
    "if their lease has ended meanwhile.",
  ],
  flags: SETTLE_FLAGS,
  examples: [[
    "verack ack 0f3c… --data data/bob",
    "That message is done with",
  ]],
  ask: (flags, ids) =>
    withNode(flags, ({ keptTopics }) => keptTopics.ack(ids, flags.from)),
  lines: settledLines("acked"),
});

/** Nacks messages. */
export const nackCommand: Command = settleCommand({
  description: [
    "They come again after a while, half a second doubled each time unless " +
    "--delay is given, and become dead letters after 5 deliveries.",
  ],
  flags: {
    ...SETTLE_FLAGS,
    delay: {
      type: "seconds",
      min: 0,
      max: 43_200,
      help: "Have them come again after this time",
    },
    reason: {
      type: "string",
      value: "TEXT",
      help: "Why; kept with the dead letter",
    },
  },
  ask: ({ from, delay, reason, ...flags }, ids) =>
    withNode(flags, ({ keptTopics }) =>
      keptTopics.nack(ids, {
        ...(delay !== undefined && { delayMs: Math.round(delay * 1_000) }),
        ...(reason !== undefined && { reason }),
      }, from)),
  lines: settledLines("nacked"),
});

function settleCommand<const F extends FlagSpecs>(
  spec: Omit<AnswerSpec<F, SettledAnswer>, "positionals" | "exit"> & {
    ask(
      flags: FlagValues<F>,
      ids: readonly string[],
    ): Promise<SettledAnswer>;
  },
): Command {
  return answerCommand<F, SettledAnswer>({
    ...spec,
    positionals: [{
      name: "ID",
      help: "The id of a message that was delivered, 32 digits",
      variadic: true,
    }],
    exit: ({ unknown }): ExitCode =>
      unknown.length === 0 ? EXIT.success : EXIT.failure,
  });
}

function settledLines(action: string) {
  return ({ ids, unknown }: SettledAnswer, { red }: Palette) => [
    ...ids.map((id) => `${action}  ${escapeText(id)}`),
    ...unknown.map((id) =>
      `${red("unknown")}  ${escapeText(id)}: acked before, or not delivered`
    ),
  ];
}

function topicName(topic: string): string {
  return topic === "" ? "(no topic)" : escapeText(topic);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
