/**
 * The flags for a node's key, shared by all commands that have one, and secrets from a terminal
 * or a variable.
 */
import { type ErrorCode, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import type { Identity } from "../identity/identity.ts";
import {
  loadIdentity,
  type LoadOptions,
  readPassphrase,
} from "../identity/key_files.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import {
  flagName,
  type FlagSpecs,
  type FlagValues,
  UsageError,
} from "./flags.ts";

/** `--passphrase-file` and `--passphrase-env`. */
export const PASSPHRASE_FLAGS = {
  passphraseFile: {
    type: "path",
    help: "File whose first line opens an encrypted key",
  },
  passphraseEnv: {
    type: "string",
    value: "NAME",
    help: "Environment variable whose value opens an encrypted key",
  },
} as const satisfies FlagSpecs;

/** `--key`, `--cert` and where the passphrase comes from. */
export const KEY_FLAGS = {
  key: {
    type: "path",
    short: "k",
    help: "Private key in PEM (PKCS#8, SEC1 or PKCS#1); without it one is made",
  },
  cert: {
    type: "path",
    help: "Certificate in PEM, which must hold the same public key",
  },
  ...PASSPHRASE_FLAGS,
} as const satisfies FlagSpecs;

/** The identity that the flags name; `undefined` if they name none. */
export async function loadIdentityOfFlags(
  flags: FlagValues<typeof KEY_FLAGS> & {
    /** A data directory may have an encrypted key of its own. */
    readonly data?: string | undefined;
  },
): Promise<Identity | undefined> {
  const { key, cert, data, passphraseFile, passphraseEnv } = flags;
  if (key === undefined) {
    const others = data === undefined
      ? { cert, passphraseFile, passphraseEnv }
      : { cert };
    for (const [name, value] of Object.entries(others)) {
      if (value !== undefined) {
        throw new UsageError(`--${flagName(name)} needs --key`);
      }
    }
    return undefined;
  }
  return await loadIdentity({
    keyPath: key,
    ...(cert !== undefined && { certPath: cert }),
    passphrase: passphraseSource(flags, key),
  });
}

/**
 * The source of the passphrase of the key in the file `path`, for when one is needed: a file, a
 * variable (which is deleted at once), or the terminal.
 */
export function passphraseSource(
  { passphraseFile, passphraseEnv }: FlagValues<typeof PASSPHRASE_FLAGS>,
  path: string,
): NonNullable<LoadOptions["passphrase"]> {
  if (passphraseFile !== undefined && passphraseEnv !== undefined) {
    throw new UsageError(
      "--passphrase-file and --passphrase-env are both given, must be one of them",
    );
  }
  if (passphraseFile !== undefined) return () => readPassphrase(passphraseFile);
  if (passphraseEnv !== undefined) {
    // At once, because it is deleted even if no passphrase is needed.
    const value = takeVariable(passphraseEnv, "passphrase");
    return () => {
      if (value !== undefined) return value;
      throw variableMissing("encrypted-key", passphraseEnv, "passphrase");
    };
  }
  const shown = escapeText(path);
  return () => {
    if (Deno.stdin.isTerminal()) {
      return askPassphrase(`Passphrase of ${shown}: `);
    }
    throw new VerackError(
      "encrypted-key",
      `Cannot load key "${shown}": it is encrypted, must be opened with --passphrase-file or --passphrase-env`,
    );
  };
}

/** The stream of the prompt; synchronous, so that it is not lost if the program ends. */
export interface SyncSink {
  /** Writes some of `data` and says how much. */
  writeSync(data: Uint8Array): number;
}

/** The stream from which the passphrase is read. */
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

/** Further characters are dropped. */
const MAX_PASSPHRASE_CHARS = 1_024;

const CTRL_C = "\x03";
const CTRL_D = "\x04";
const CTRL_U = "\x15";
const BACKSPACES: ReadonlySet<string> = new Set(["\b", "\x7f"]);

const encoder = new TextEncoder();

/**
 * Shows a prompt on one line and returns the line that is typed, without echo; `undefined`
 * after Ctrl-D. Ctrl-C and SIGTERM end the program; the terminal is restored in every case.
 *
 * Not `promptSecret` of `@std/cli`, which writes to stdout and blocks in a system call, so that
 * Ctrl-C would not be handled.
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
  // First, or early input would be echoed.
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

/** Values read before: two flags may name one variable. */
const taken = new Map<string, string>();

/**
 * The value of a variable, which is deleted so that no program started later inherits it;
 * `undefined` if it was not set. `what` is the secret's name in messages. The system may still
 * show the environment with which this process was started to its own user.
 */
export function takeVariable(name: string, what: string): string | undefined {
  try {
    const value = Deno.env.get(name);
    if (value === undefined) return taken.get(name);
    Deno.env.delete(name);
    taken.set(name, value);
    return value;
  } catch (error) {
    const shown = escapeText(name, { max: 80 });
    if (error instanceof Deno.errors.NotCapable) {
      throw new VerackError(
        "permission",
        `Cannot read ${what} from ${shown}: permission denied by Deno, add --allow-env=${shown}`,
        { cause: error },
      );
    }
    // An empty name, or one with "=".
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** The error for a variable that is needed and not set. */
export function variableMissing(
  code: ErrorCode,
  name: string,
  what: string,
): VerackError {
  return new VerackError(
    code,
    `Cannot read ${what} from ${
      escapeText(name, { max: 80 })
    }: the variable is not set`,
  );
}
