/** The flags that say which key a node has; shared by all commands that have one. */
import { VerackError } from "../errors.ts";
import { loadIdentity } from "../identity/files.ts";
import type { Identity } from "../identity/identity.ts";
import { promptSecret } from "@std/cli/prompt-secret";
import { readSmallTextFile } from "../identity/files.ts";
import { UsageError } from "./flags.ts";
import type { TextFlag } from "./flags.ts";
import type { Terminal } from "./terminal.ts";

/** `--key`, `--cert` and where the passphrase comes from. */
export const KEY_FLAGS = {
  key: {
    type: "path",
    short: "k",
    value: "FILE",
    help: "Private key in PEM (PKCS#8, SEC1 or PKCS#1); without it one is made",
  },
  cert: {
    type: "path",
    value: "FILE",
    help: "Certificate in PEM, which must hold the same public key",
  },
  passphraseFile: {
    type: "path",
    value: "FILE",
    help: "File whose first line is the passphrase of the key",
  },
  passphraseEnv: {
    type: "string",
    value: "NAME",
    help: "Environment variable that holds the passphrase of the key",
  },
} as const satisfies Record<string, TextFlag>;

/** Values of {@linkcode KEY_FLAGS}. */
export interface KeyFlagValues {
  readonly key: string | undefined;
  readonly cert: string | undefined;
  readonly passphraseFile: string | undefined;
  readonly passphraseEnv: string | undefined;
}

/**
 * The identity the flags name; `undefined` if they name none.
 *
 * @throws {UsageError} when they contradict each other.
 * @throws {VerackError} `bad-key`, `encrypted-key`, `mismatched-key`, `bad-certificate`.
 */
export async function loadIdentityOfFlags(
  flags: KeyFlagValues,
  terminal: Terminal,
): Promise<Identity | undefined> {
  const { key, cert, passphraseFile, passphraseEnv } = flags;
  if (key === undefined) {
    for (
      const [name, value] of Object.entries({
        cert,
        passphraseFile,
        passphraseEnv,
      })
    ) {
      if (value === undefined) continue;
      const flag = name.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
      throw new UsageError(`--${flag} needs --key`);
    }
    return undefined;
  }
  if (passphraseFile !== undefined && passphraseEnv !== undefined) {
    throw new UsageError(
      "--passphrase-file and --passphrase-env exclude each other",
    );
  }
  return await loadIdentity({
    keyPath: key,
    ...(cert !== undefined && { certPath: cert }),
    passphrase: () => passphrase(flags, key, terminal),
  });
}

async function passphrase(
  { passphraseFile, passphraseEnv }: KeyFlagValues,
  key: string,
  terminal: Terminal,
): Promise<string | undefined> {
  if (passphraseFile !== undefined) {
    const text = await readSmallTextFile(passphraseFile);
    return text.split(/\r?\n/, 1)[0];
  }
  if (passphraseEnv !== undefined) {
    const value = Deno.env.get(passphraseEnv);
    if (value !== undefined) return value;
    throw new VerackError(
      "encrypted-key",
      `Cannot read passphrase: environment variable ${passphraseEnv} is not set`,
    );
  }
  if (!Deno.stdin.isTerminal()) return undefined;
  terminal.stderr.line(`${key} is encrypted`);
  return promptSecret("Passphrase: ") ?? undefined;
}
