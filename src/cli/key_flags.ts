/** The flags for a node's key, shared by all commands that have one. */
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import {
  loadIdentity,
  type LoadOptions,
  readPassphrase,
} from "../identity/key_files.ts";
import type { Identity } from "../identity/identity.ts";
import { flagName, type TextFlag, UsageError } from "./flags.ts";
import {
  askPassphrase,
  takeVariable,
  variableMissing,
} from "./secret_input.ts";

/** `--passphrase-file` and `--passphrase-env`. */
export const PASSPHRASE_FLAGS = {
  passphraseFile: {
    type: "path",
    value: "FILE",
    help: "File whose first line opens an encrypted key",
  },
  passphraseEnv: {
    type: "string",
    value: "NAME",
    help: "Environment variable whose value opens an encrypted key",
  },
} as const satisfies Record<string, TextFlag>;

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
  ...PASSPHRASE_FLAGS,
} as const satisfies Record<string, TextFlag>;

/** Values of {@linkcode PASSPHRASE_FLAGS}. */
export interface PassphraseFlagValues {
  readonly passphraseFile: string | undefined;
  readonly passphraseEnv: string | undefined;
}

/** Values of {@linkcode KEY_FLAGS}. */
export interface KeyFlagValues extends PassphraseFlagValues {
  readonly key: string | undefined;
  readonly cert: string | undefined;
  /** A data directory may have an encrypted key of its own. */
  readonly data?: string | undefined;
}

/** The identity that the flags name; `undefined` if they name none. */
export async function loadIdentityOfFlags(
  flags: KeyFlagValues,
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
  { passphraseFile, passphraseEnv }: PassphraseFlagValues,
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
