/**
 * Asks a person for a passphrase: nothing of it is shown, and nothing is written
 * to stdout, which is for data.
 *
 * Not `promptSecret` of `@std/cli`, which writes to stdout and waits in a system
 * call, so that Ctrl-C would go unheard. When to ask is up to `key_flags.ts`.
 */
import { EXIT, type ExitCode } from "./exit.ts";

/** Where the question is shown; at once, also if the program ends right after it. */
export interface SyncSink {
  /** Writes some of `data` and says how much. */
  writeSync(data: Uint8Array): number;
}

/** Where a person types. */
export interface Keyboard {
  read(buffer: Uint8Array): Promise<number | null>;
  /** Without echo, every key at once, Ctrl-C among them. */
  setRaw(raw: boolean): void;
}

/** Options of {@linkcode askPassphrase}. */
export interface AskOptions {
  /** @default {Deno.stdin} */
  readonly input?: Keyboard;
  /** @default {Deno.stderr} */
  readonly output?: SyncSink;
  /** Ends the program. @default {Deno.exit} */
  readonly exit?: (code: ExitCode) => never;
}

/** Longer than anybody types; what comes after it is dropped. */
const MAX_PASSPHRASE_CHARS = 1_024;

const CTRL_C = "\x03";
const CTRL_D = "\x04";
const CTRL_U = "\x15";
const BACKSPACES: ReadonlySet<string> = new Set(["\b", "\x7f"]);

const encoder = new TextEncoder();

/**
 * The line that is typed; `undefined` when there is none (Ctrl-D). Ctrl-C, and
 * SIGTERM, end the program; the terminal is as before in every case.
 *
 * @param question What to show, on one line.
 */
export async function askPassphrase(
  question: string,
  options: AskOptions = {},
): Promise<string | undefined> {
  const { input = Deno.stdin, output = Deno.stderr, exit = Deno.exit } =
    options;
  const restore = () => {
    input.setRaw(false);
    output.writeSync(encoder.encode("\n"));
  };
  const onTerminate = () => {
    restore();
    exit(EXIT.terminated);
  };
  // First, or what is typed at once would be shown.
  input.setRaw(true);
  output.writeSync(encoder.encode(question));
  listen("add", onTerminate);
  try {
    const line = await readLine(input);
    if (line !== CTRL_C) return line;
  } finally {
    listen("remove", onTerminate);
    restore();
  }
  return exit(EXIT.interrupted);
}

/** The line, or {@linkcode CTRL_C} if that was typed. */
async function readLine(input: Keyboard): Promise<string | undefined> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(256);
  let typed: string[] = [];
  while (true) {
    const count = await input.read(buffer);
    if (count === null) return typed.length > 0 ? typed.join("") : undefined;
    const text = decoder.decode(buffer.subarray(0, count), { stream: true });
    for (const char of text) {
      if (char === CTRL_C) return CTRL_C;
      if (char === "\r" || char === "\n") return typed.join("");
      if (char === CTRL_D && typed.length === 0) return undefined;
      if (char === CTRL_U) typed = [];
      else if (BACKSPACES.has(char)) typed.pop();
      else if (typed.length < MAX_PASSPHRASE_CHARS) typed.push(char);
    }
  }
}

/** Windows has no SIGTERM to listen to. */
function listen(what: "add" | "remove", handler: () => void): void {
  if (Deno.build.os === "windows") return;
  if (what === "add") Deno.addSignalListener("SIGTERM", handler);
  else Deno.removeSignalListener("SIGTERM", handler);
}
