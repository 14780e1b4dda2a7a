/** `verack dead-letters`: messages that were nacked too often. */
// deno-lint-ignore-file require-await -- the methods of a running node are async
import type { DeadLetterHead } from "../control/answers.ts";
import { escapeText, jsonLine } from "../core/escape.ts";
import { peerLabel } from "../identity/peer_name.ts";
import { DATA_FLAG } from "./ask_node.ts";
import { type Command, command, type Invocation } from "./command.ts";
import { utcMinute } from "./data_commands.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { shownText } from "./message_text.ts";
import { COLOR_FLAG, type Palette } from "./terminal.ts";

/** What of a body is shown, UTF-16 units after escaping. */
const MAX_PREVIEW_CHARS = 80;
const MAX_BODY_CHARS = 4_000;

const LIST_FLAGS = {
  data: DATA_FLAG,
  json: { type: "boolean", help: "Print one JSON object a line" },
  color: COLOR_FLAG,
} as const;

const FLAGS = {
  ...LIST_FLAGS,
  from: {
    type: "string",
    value: "NAME",
    help: "Its sender, if several have used the same id",
  },
} as const;

const ID = [{
  name: "ID",
  help: "The 32 digits that the list shows",
}] as const;

/** Lists messages. */
export const deadLettersCommand: Command = command(
  {
    description: [
      "Their senders were told. They are kept, the newest thousand of them, until " +
      "they are retried and acked, or discarded.",
    ],
    flags: LIST_FLAGS,
    examples: [
      ["verack dead-letters --data data/alice", "Ids, senders and reasons"],
    ],
  },
  async ({ flags, terminal }): Promise<ExitCode> => {
    const messages = await withDeadLetters(
      flags.data,
      (it) => it.deadLetters(),
    );
    const { stdout, stderr, out } = terminal;
    if (!flags.json && messages.length === 0) {
      stderr.line("No dead letters.");
    }
    for (const message of messages) {
      stdout.line(
        flags.json
          ? jsonLine(message)
          : `${headLine(message, out)}\n  ${previewText(message.preview)}`,
      );
    }
    return EXIT.success;
  },
);

/** Shows one message. */
export const deadLettersShowCommand: Command = command(
  {
    description: ["With --json all of its body, in base64."],
    positionals: ID,
    flags: FLAGS,
  },
  async ({ flags, positionals, terminal }): Promise<ExitCode> => {
    const { data, from, json } = flags;
    const [id = ""] = positionals;
    const message = await withDeadLetters(
      data,
      (it) => it.deadLetter(id, from),
    );
    const body = Uint8Array.fromBase64(message.base64);
    const { stdout, out } = terminal;
    stdout.line(
      json
        ? jsonLine(message)
        : `${headLine(message, out)}\n  ${
          shownText(new TextDecoder().decode(body), MAX_BODY_CHARS)
        }`,
    );
    return EXIT.success;
  },
);

/** Offers a message again. */
export const deadLettersRetryCommand: Command = command(
  {
    description: [
      "The node must be running. It stays in the list until it is acked.",
    ],
    positionals: ID,
    flags: FLAGS,
  },
  (invocation) => decide(invocation, "retry", "retried"),
);

/** Drops a message. */
export const deadLettersDiscardCommand: Command = command(
  { positionals: ID, flags: FLAGS },
  (invocation) => decide(invocation, "discard", "discarded"),
);

async function decide(
  { flags, positionals, terminal }: Invocation<typeof FLAGS>,
  action: "retry" | "discard",
  done: "retried" | "discarded",
): Promise<ExitCode> {
  const { data, from, json } = flags;
  const [id = ""] = positionals;
  await withDeadLetters(data, (it) => it[action](id, from));
  terminal.stdout.line(
    json ? jsonLine({ id, [done]: true }) : `${done}  ${escapeText(id)}`,
  );
  return EXIT.success;
}

/** The beginning of a body, which its line says the length of. */
function previewText(preview: string): string {
  const text = preview.replace(/\r?\n$/, "");
  return escapeText(text, { max: MAX_PREVIEW_CHARS });
}

function headLine(message: DeadLetterHead, out: Palette): string {
  const { id, from, name, boundName, topic, bytes, reason, at, retried } =
    message;
  return [
    out.bold(id),
    `from ${peerLabel(from, name, boundName)}`,
    utcMinute(at),
    ...(topic === "" ? [] : [`topic ${escapeText(topic)}`]),
    `${bytes} ${bytes === 1 ? "byte" : "bytes"}`,
    ...(reason === "" ? [] : [`nacked: ${escapeText(reason)}`]),
    ...(retried ? [out.yellow("retried")] : []),
  ].join("  ");
}

import type { ControlClient } from "../control/control_client.ts";
import { deadLetterRow, wholeDeadLetter } from "../control/answers.ts";
import { DeadLetterBox } from "../delivery/dead_letters.ts";
import { VerackError } from "../core/errors.ts";
import { parsePeerId, type PeerId } from "../identity/identity.ts";
import { Records } from "../store/records.ts";
import type { OpenedStore } from "../store/data_directory.ts";
import { withDataOwner } from "./data_commands.ts";
import { UsageError } from "./flags.ts";

/** What can be done about dead letters, whether the node runs or not. */
export type DeadLetterCommands = Pick<
  ControlClient,
  "deadLetters" | "deadLetter" | "retry" | "discard"
>;

/**
 * Runs `use` on the dead letters of a data directory, whether its node runs or not.
 *
 * @throws {VerackError} as `openStore`, or for a running node as `ControlClient`.
 */
export async function withDeadLetters<T>(
  directory: string,
  use: (commands: DeadLetterCommands) => Promise<T>,
): Promise<T> {
  return await withDataOwner(
    directory,
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
  // No message is added, so that none has to give way.
  const box = new DeadLetterBox({
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
      const message = box.get(id, sender(from));
      return wholeDeadLetter(message, peers.get(message.from));
    },
    retry: async (id, from) => box.retry(id, sender(from)),
    discard: async (id, from) => box.discard(id, sender(from)),
  };
}

function sender(text: string | undefined): PeerId | undefined {
  try {
    return text === undefined ? undefined : parsePeerId(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError(error.message);
    throw error;
  }
}
