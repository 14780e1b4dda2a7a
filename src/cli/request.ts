/** `verack request`: a request to one peer, through a running node, and its answer. */
import type { RequestAnswer } from "../control/answers.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import { jsonLine } from "../core/escape.ts";
import { RequestError } from "../streams/request_error.ts";
import { CLIENT_FLAGS, withNode } from "./client_flags.ts";
import { type Command, command } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { UsageError } from "./flags.ts";
import { messageBytes } from "./message_text.ts";
import { escapeText } from "../core/escape.ts";
import { OUTPUT_FLAGS } from "./terminal.ts";

/** How long it waits by default, and at the most: as long as the control API. */
const TIMEOUT_S = 30;
const MAX_TIMEOUT_S = 600;

const FLAGS = {
  ...CLIENT_FLAGS,
  jsonBody: {
    type: "boolean",
    help: "BODY is JSON, and is sent as that",
  },
  timeout: {
    type: "seconds",
    min: 0.001,
    max: MAX_TIMEOUT_S,
    default: TIMEOUT_S,
    help: "Wait so long for the answer",
  },
  ...OUTPUT_FLAGS,
} as const;

/** The command. */
export const requestCommand: Command = command({
  description: [
    "The peer must be connected, and serve the method: by Node.serve of the library, or by " +
    "run --exec-method. The answer goes to standard output as it is: bytes and text byte for " +
    "byte, a JSON value as one line. On a terminal text is escaped, and bytes are not shown.",
    "An error of the peer is shown with its code, and the exit code is 1. With --json it is " +
    "an object on standard output, too: its key is error.",
  ],
  positionals: [
    {
      name: "NAME",
      help: "A name, an id, or its first 8 digits or more",
      completes: "peer",
    },
    { name: "METHOD", help: "The method" },
    {
      name: "BODY",
      help:
        "Text that is sent with it; - takes all of standard input, byte for byte",
      optional: true,
    },
  ],
  flags: FLAGS,
  examples: [
    [
      "verack request bob time --data data/alice",
      "alice asks bob for the time",
    ],
    [
      `verack request bob add '{"a":1,"b":2}' --json-body --data data/alice`,
      "A JSON value",
    ],
    [
      "verack request bob resize - --data data/alice < in.png > out.png",
      "A file, up to 4 MB, and the file that bob makes of it",
    ],
  ],
  async action({ flags, positionals, terminal }): Promise<ExitCode> {
    const [to = "", method = "", text] = positionals;
    const body = await bodyOf(text, flags.jsonBody);
    const timeoutMs = flags.timeout * 1_000;
    let answer: RequestAnswer;
    try {
      answer = await withNode(
        flags,
        (node) => node.request(to, method, body, { timeoutMs }),
      );
    } catch (error) {
      if (flags.json && error instanceof VerackError) {
        terminal.stdout.line(jsonLine({ error: errorObject(error) }));
        return EXIT.failure;
      }
      if (!(error instanceof RequestError)) throw withCode(error);
      // Text of the peer is escaped by the client.
      terminal.stderr.line(`verack: ${error.remoteCode}: ${error.message}`);
      if (error.data !== undefined) {
        terminal.stderr.line(
          `  | ${escapeText(jsonLine(error.data), { max: 1_024 })}`,
        );
      }
      return EXIT.failure;
    }
    if (flags.json) terminal.stdout.line(jsonLine(answer));
    else show(answer);
    return EXIT.success;

    function show({ kind, text, base64, json }: RequestAnswer): void {
      if (kind === "none") return;
      if (kind === "json") return terminal.stdout.line(jsonLine(json));
      const bytes = base64 === undefined
        ? new TextEncoder().encode(text)
        : Uint8Array.fromBase64(base64);
      if (!Deno.stdout.isTerminal()) return terminal.stdout.put(bytes);
      if (kind === "bytes") {
        return terminal.stderr.line(
          `verack: ${bytes.length} bytes, not shown on a terminal`,
        );
      }
      for (const line of new TextDecoder().decode(bytes).split(/\r?\n/)) {
        terminal.stdout.line(escapeText(line, { max: 4_096 }));
      }
    }
  },
});

/** An error that came instead of the answer, with its code in its message. */
function withCode(error: unknown): unknown {
  if (!(error instanceof VerackError)) return error;
  const { code, message } = error;
  return new VerackError(code, `${message} (${code})`, { cause: error });
}

/** An error as JSON: of the handler also its own code and data. */
function errorObject(error: VerackError) {
  const { code, message } = error;
  if (!(error instanceof RequestError)) return { code, message };
  const { remoteCode, data } = error;
  return { code, message, remoteCode, ...(data !== undefined && { data }) };
}

/** `undefined` without a body. */
async function bodyOf(
  text: string | undefined,
  isJson: boolean,
): Promise<unknown> {
  if (text === undefined) {
    if (isJson) throw new UsageError("--json-body needs BODY");
    return undefined;
  }
  const bytes = await messageBytes(text);
  if (!isJson) return text === "-" ? bytes : text;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new UsageError(`BODY is no JSON: ${escapeText(messageOf(error))}`);
  }
}
