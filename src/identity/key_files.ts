/**
 * Keys, certificates, secrets, passphrases and invites on disk. Their content is parsed in
 * `identity.ts`, `shared_secret.ts` and `invite.ts`; files are read and written in
 * `private_file.ts`.
 */
import { dirname } from "node:path";
import { type ErrorCode, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { parsePeerId, type PeerId } from "../core/peer_id.ts";
import {
  Identity,
  type Passphrase,
  type PublicIdentity,
  readPublicIdentity,
} from "./identity.ts";
import {
  discard,
  PRIVATE_DIRECTORY_MODE,
  PRIVATE_FILE_MODE,
  readBounded,
  toFileError,
  warnIfOpenToTheWorld,
  writeNew,
} from "./private_file.ts";

/**
 * The identities whose private keys are published in `certs/`: a peer with one of
 * them may be anyone. Refused off loopback by `mesh/`.
 */
export const DEMO_IDENTITIES: readonly {
  /** The name of its files in `certs/`, without extension. */
  readonly name: string;
  readonly id: PeerId;
}[] = [
  {
    name: "alice",
    id: parsePeerId(
      "3a1e1b52782b8e0f9850601aa3afa379c61e20b32247a66afd4a7be360ad63aa",
    ),
  },
  {
    name: "bob",
    id: parsePeerId(
      "ab16cf1e85f4009636a878d611d09a3a9c886ef01ea1b00a9391b7535808b3bb",
    ),
  },
  {
    name: "carol",
    id: parsePeerId(
      "bd620673740dfda4b1a951469b070289992fe7f37ee4893d9ad38f7aaa4a4610",
    ),
  },
];

const demoIds = new Set(DEMO_IDENTITIES.map(({ id }) => id));

/** Whether the key of this identity is public, so that anyone can pose as it. */
export function isDemoIdentity(id: PeerId): boolean {
  return demoIds.has(id);
}

/** A private key and its certificate, PEM. */
export interface IdentityFiles {
  readonly keyPath: string;
  readonly certPath: string;
}

/** Options of {@linkcode loadIdentity}; without a certificate one is made. */
export interface LoadOptions extends Partial<IdentityFiles> {
  readonly keyPath: string;
  /** Opens an encrypted key; a function is called only if one is needed. */
  readonly passphrase?: Passphrase;
}

/**
 * Loads an identity from a key file and, if given, a certificate file. Warns when
 * every user of the machine can read the key, unless it is a published demo key.
 * Errors are those of `Identity.fromPem`, with the path in the message, and those of
 * reading: `permission`, `bad-key` or `bad-certificate`.
 */
export async function loadIdentity(options: LoadOptions): Promise<Identity> {
  const { keyPath, certPath, passphrase } = options;
  const keySource = named("key", keyPath);
  const { text, info } = await readPem(keyPath, keySource, "bad-key");
  const identity = await Identity.fromPem(text, {
    keySource,
    ...(certPath !== undefined && await certificateOptions(certPath)),
    ...(passphrase !== undefined && { passphrase }),
  });
  if (!isDemoIdentity(identity.id)) {
    warnIfOpenToTheWorld(keySource, keyPath, info);
  }
  return identity;
}

/** The identity of the key or certificate in a file, for showing it. */
export async function loadPublicIdentity(
  path: string,
  passphrase?: Passphrase,
): Promise<PublicIdentity> {
  const source = `"${escapeText(path)}"`;
  const { text } = await readPem(path, source, "bad-key");
  return await readPublicIdentity(text, source, passphrase);
}

/**
 * Writes `<prefix>.key` (readable by the owner alone) and `<prefix>.crt`. Missing
 * directories are made, for the owner alone. An existing file is never touched,
 * and if one of the two cannot be written (`bad-key`, `bad-certificate`), neither is
 * there afterwards.
 */
export function writeIdentity(
  identity: Identity,
  prefix: string,
): IdentityFiles {
  const keyPath = `${prefix}.key`;
  const certPath = `${prefix}.crt`;
  makeParent(prefix);
  write(keyPath, identity.privateKeyPem, PRIVATE_FILE_MODE, "bad-key");
  try {
    write(certPath, identity.certificatePem, 0o644, "bad-certificate");
  } catch (error) {
    discard(keyPath);
    throw error;
  }
  return { keyPath, certPath };
}

/** The first line of a file, without its line end: a passphrase. */
export async function readPassphrase(path: string): Promise<string> {
  const source = named("passphrase", path);
  const bytes = await readSecret(path, source, "encrypted-key", "one line");
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.split(/\r?\n/, 1)[0] ?? "";
  } catch {
    throw new VerackError(
      "encrypted-key",
      `Cannot load ${source}: it is not UTF-8 text`,
    );
  }
}

/** The secret of a network as it stands in a file, of whatever length. */
export function readNetworkSecret(path: string): Promise<Uint8Array> {
  const source = named("network secret", path);
  return readSecret(path, source, "bad-secret", "a short secret");
}

/** The first line of a file that is not empty: an invite, not parsed yet. */
export async function readInviteLine(path: string): Promise<string> {
  const source = named("invite", path);
  const bytes = await readSecret(path, source, "bad-invite", "one line");
  const lines = new TextDecoder().decode(bytes).split("\n");
  const line = lines.find((it) => it.trim() !== "");
  if (line !== undefined) return line.trim();
  throw new VerackError("bad-invite", `Cannot load ${source}: it is empty`);
}

async function readSecret(
  path: string,
  source: string,
  code: ErrorCode,
  wanted: string,
): Promise<Uint8Array> {
  const { bytes, info } = await readBounded(path, { source, code, wanted });
  warnIfOpenToTheWorld(source, path, info);
  return bytes;
}

async function certificateOptions(path: string) {
  const certificateSource = named("certificate", path);
  const { text } = await readPem(path, certificateSource, "bad-certificate");
  return { certificateSource, certificatePem: text };
}

async function readPem(
  path: string,
  source: string,
  code: ErrorCode,
): Promise<{ text: string; info: Deno.FileInfo }> {
  const wanted = "a PEM file of one key";
  const { bytes, info } = await readBounded(path, { source, code, wanted });
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { text, info };
  } catch {
    throw new VerackError(
      code,
      `Cannot load ${source}: it is not UTF-8 text, must be PEM (\`openssl pkey -inform DER\` converts a key in DER)`,
    );
  }
}

function write(
  path: string,
  text: string,
  mode: number,
  code: ErrorCode,
): void {
  try {
    writeNew(path, text, mode);
  } catch (error) {
    const action = `Cannot write "${escapeText(path)}"`;
    throw toFileError(error, { action, access: "write", path, code });
  }
}

/** Makes the directory of `prefix`. */
function makeParent(prefix: string): void {
  const path = dirname(prefix);
  if (path === ".") return;
  try {
    // Looked for first, so that an existing directory needs no right to make one.
    if (Deno.statSync(path).isDirectory) return;
  } catch {
    // Missing, or not readable: the error of mkdir names the reason.
  }
  try {
    Deno.mkdirSync(path, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
  } catch (error) {
    const action = `Cannot make directory "${escapeText(path)}"`;
    const tried = { action, access: "write", code: "bad-key" } as const;
    throw toFileError(error, { ...tried, path });
  }
}

function named(what: string, path: string): string {
  return `${what} "${escapeText(path)}"`;
}
