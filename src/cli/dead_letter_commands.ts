/** `verack dead-letters`: messages that were nacked too often. */
// deno-lint-ignore-file require-await -- the methods of a running node are async
import { deadLetterRow, wholeDeadLetter } from "../control/answer_rows.ts";
import type { DeadLetterHead } from "../control/answers.ts";
import type { ControlClient } from "../control/control_client.ts";
import { NodeCounters } from "../core/node_counters.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { DeadLetterBox } from "../delivery/dead_letters.ts";
import { parsePeerId, type PeerId } from "../core/peer_id.ts";
import { peerLabel } from "../identity/peer_name.ts";
import type { OpenedStore } from "../store/data_directory.ts";
import { Records } from "../store/records.ts";
import { answerCommand, utcMinute } from "./answer_command.ts";
import { CLIENT_FLAGS, type ClientFlagValues } from "./client_flags.ts";
import type { Command } from "./command.ts";
import { withDataOwner } from "./data_commands.ts";
import { shownText } from "./message_text.ts";
import type { Palette } from "./terminal.ts";

/** Length of a body as shown, UTF-16 units after escaping. */
const MAX_PREVIEW_CHARS = 80;
const MAX_BODY_CHARS = 4_000;

const FLAGS = {
  ...CLIENT_FLAGS,
  from: {
    type: "string",
    value: "NAME",
    help: "Its sender, if several have used the same id",
  },
} as const;

const ID = [{
  name: "ID",
  help: "What the list shows, or its first 8 digits or more",
  completes: "dead-letter",
}] as const;

const ID_DIGITS = 32;
const PREFIX = /^[0-9a-f]{8,}$/;

/** Lists messages. */
export const deadLettersCommand: Command = answerCommand({
  description: [
    "Messages that the application nacked too often, and rejected for their senders. " +
    "The newest thousand are kept until they are retried and acked, or discarded.",
  ],
  flags: CLIENT_FLAGS,
  examples: [
    ["verack dead-letters --data data/alice", "Ids, senders and reasons"],
  ],
  ask: (flags) => withDeadLetters(flags, (it) => it.deadLetters()),
  lines: (messages, out) =>
    messages.map((message) =>
      `${headLine(message, out)}\n  ${previewText(message.preview)}`
    ),
  remark: ({ length }) => length === 0 && "No dead letters.",
});

/** Shows one message. */
export const deadLettersShowCommand: Command = answerCommand({
  description: ["With --json all of its body, in base64."],
  positionals: ID,
  flags: FLAGS,
  ask: (flags, [text = ""]) =>
    withDeadLetters(
      flags,
      async (it) => it.deadLetter(await wholeId(it, text), flags.from),
    ),
  lines(message, out) {
    const body = new TextDecoder().decode(
      Uint8Array.fromBase64(message.base64),
    );
    return [`${headLine(message, out)}\n  ${shownText(body, MAX_BODY_CHARS)}`];
  },
});

/** Delivers a message again. */
export const deadLettersRetryCommand: Command = answerCommand({
  description: [
    "The node must be running. It stays in the list until it is acked.",
  ],
  positionals: ID,
  flags: FLAGS,
  ask: (flags, [text = ""]) =>
    withDeadLetters(flags, async (it) => {
      const id = await wholeId(it, text);
      await it.retry(id, flags.from);
      return { id, retried: true };
    }),
  lines: ({ id }) => [`retried  ${escapeText(id)}`],
});

/** Drops a message. */
export const deadLettersDiscardCommand: Command = answerCommand({
  positionals: ID,
  flags: FLAGS,
  ask: (flags, [text = ""]) =>
    withDeadLetters(flags, async (it) => {
      const id = await wholeId(it, text);
      await it.discard(id, flags.from);
      return { id, discarded: true };
    }),
  lines: ({ id }) => [`discarded  ${escapeText(id)}`],
});

/** The id that begins with `text`; one that is whole or wrong is left to the node. */
async function wholeId(
  commands: Pick<DeadLetterCommands, "deadLetters">,
  text: string,
): Promise<string> {
  const wanted = text.toLowerCase();
  if (wanted.length >= ID_DIGITS || !PREFIX.test(wanted)) return text;
  const letters = await commands.deadLetters();
  const [id, ...others] = new Set(
    letters.map(({ id }) => id).filter((id) => id.startsWith(wanted)),
  );
  if (others.length === 0) return id ?? text;
  throw new VerackError(
    "ambiguous",
    `Cannot choose message: ${
      others.length + 1
    } dead letters begin with ${wanted}, must be given with more digits`,
  );
}

/** The beginning of a body; the line has its length too. */
function previewText(preview: string): string {
  const text = preview.replace(/\r?\n$/, "");
  return escapeText(text, { max: MAX_PREVIEW_CHARS });
}

function headLine(message: DeadLetterHead, out: Palette): string {
  const { id, from, name, boundName, topic, bytes, reason, at, retried } =
    message;
  return [
    out.bold(escapeText(id)),
    `from ${peerLabel(from, name, boundName)}`,
    utcMinute(at),
    ...(topic === "" ? [] : [`topic ${escapeText(topic)}`]),
    `${bytes} ${bytes === 1 ? "byte" : "bytes"}`,
    ...(reason === "" ? [] : [`nacked: ${escapeText(reason)}`]),
    ...(retried ? [out.yellow("retried")] : []),
  ].join("  ");
}

/** Operations on dead letters, whether the node runs or not. */
type DeadLetterCommands = Pick<
  ControlClient,
  "deadLetters" | "deadLetter" | "retry" | "discard"
>;

/** Runs `use` on the dead letters of a data directory, whether its node runs or not. */
function withDeadLetters<T>(
  flags: ClientFlagValues,
  use: (commands: DeadLetterCommands) => Promise<T>,
): Promise<T> {
  return withDataOwner(
    flags,
    (opened) => use(storedCommands(opened)),
    use,
  );
}

function storedCommands({ store }: OpenedStore): DeadLetterCommands {
  const target = {
    retry: () => {
      throw new VerackError(
        "stopped",
        "Cannot retry message: no node runs on this data directory, must be started first",
      );
    },
    withdraw: () => {},
  };
  // No message is added here, so that none is evicted.
  const box = new DeadLetterBox({
    counters: new NodeCounters(),
    store: store.messages,
    hasStanding: () => true,
    onDeadLetter: () => {},
  }, target);
  const peers = new Map(
    new Records(store).peers().map((peer) => [peer.id, peer]),
  );
  return {
    deadLetters: async () =>
      box.list().map((it) => deadLetterRow(it, peers.get(it.from))),
    deadLetter: async (id, from) => {
      const message = box.get(id, senderOf(from));
      return wholeDeadLetter(message, peers.get(message.from));
    },
    retry: async (id, from) => box.retry(id, senderOf(from)),
    discard: async (id, from) => box.discard(id, senderOf(from)),
  };
}

function senderOf(text: string | undefined): PeerId | undefined {
  return text === undefined ? undefined : parsePeerId(text);
}
