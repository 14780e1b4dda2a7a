/**
 * Keys, certificates, secrets and passphrases on disk: bounded reading, and writing that
 * neither overwrites nor leaves half a pair behind.
 *
 * What the files hold is read in `private_key.ts` and `identity.ts`.
 */

import { type ErrorCode, messageOf, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { MAX_KEY_FILE_BYTES } from "../limits.ts";
import { Identity, type Passphrase } from "./identity.ts";
import { isDemoIdentity } from "./demo.ts";
import { type PublicIdentity, readPublicIdentity } from "./public_identity.ts";
import { type FileMode, warnIfOpenToTheWorld } from "./secret_file.ts";

/** Options of {@linkcode loadIdentity}. */
export interface LoadOptions {
  /** The private key, PEM. */
  keyPath: string;
  /** A certificate of the same key, PEM. */
  certPath?: string;
  /** Opens an encrypted key; a function is called only if one is needed. */
  passphrase?: Passphrase;
}

/** Where {@linkcode writeIdentity} put the two files. */
export interface IdentityFiles {
  /** The private key. */
  readonly keyPath: string;
  /** The certificate. */
  readonly certPath: string;
}

/**
 * Loads an identity from a key file and, if given, a certificate file. Warns when
 * every user of the machine can read the key, unless it is a published demo key.
 *
 * @throws {VerackError} as `Identity.fromPem` does, the path in the message; with
 * `permission` when Deno may not read; with `bad-key` or `bad-certificate` when
 * the file is missing, a directory, unreadable, larger than
 * {@linkcode MAX_KEY_FILE_BYTES}, or not text.
 */
export async function loadIdentity(options: LoadOptions): Promise<Identity> {
  const { keyPath, certPath, passphrase } = options;
  const keySource = `key ${quote(keyPath)}`;
  const { text: keyPem, info } = await readText(keyPath, keySource, "bad-key");
  const identity = await Identity.fromPem(keyPem, {
    keySource,
    ...(certPath !== undefined && await readCertificate(certPath)),
    ...(passphrase !== undefined && { passphrase }),
  });
  if (!isDemoIdentity(identity.id)) {
    warnIfOpenToTheWorld(keySource, keyPath, info);
  }
  return identity;
}

/**
 * The identity of the key or certificate in a file, for showing it.
 *
 * @throws {VerackError} as `readPublicIdentity` does, the path in the message; with
 * `permission` when Deno may not read; with `bad-key` when the file is missing, a
 * directory, unreadable, too large, or not text.
 */
export async function loadPublicIdentity(
  path: string,
  passphrase?: Passphrase,
): Promise<PublicIdentity> {
  const source = quote(path);
  const { text } = await readText(path, source, "bad-key");
  return await readPublicIdentity(text, {
    source,
    ...(passphrase !== undefined && { passphrase }),
  });
}

/**
 * Writes `<prefix>.key` (readable by the owner alone) and `<prefix>.crt`. Missing
 * directories are made, for the owner alone. An existing file is never touched,
 * and if one of the two cannot be written, neither is there afterwards.
 *
 * @throws {VerackError} `permission` when Deno may not write, `bad-key` or
 * `bad-certificate` when that file exists or cannot be written.
 */
export async function writeIdentity(
  identity: Identity,
  prefix: string,
): Promise<IdentityFiles> {
  const keyPath = `${prefix}.key`;
  const certPath = `${prefix}.crt`;
  await makeParent(prefix);
  await writeNew(keyPath, identity.privateKeyPem, 0o600, "bad-key");
  try {
    await writeNew(certPath, identity.certificatePem, 0o644, "bad-certificate");
  } catch (error) {
    await discard(keyPath);
    throw error;
  }
  return { keyPath, certPath };
}

/**
 * The first line of a file, without its line end: a passphrase.
 *
 * @throws {VerackError} `permission` when Deno may not read, `encrypted-key` when
 * the file is missing, a directory, unreadable, too large, or not text.
 */
export async function readPassphrase(path: string): Promise<string> {
  const source = `passphrase ${quote(path)}`;
  const { bytes, info } = await readBounded(
    path,
    source,
    "encrypted-key",
    "one line",
  );
  warnIfOpenToTheWorld(source, path, info);
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

/**
 * The secret of a network as it stands in a file; how long it must be is judged
 * where its key is derived (`network_secret.ts`).
 *
 * @throws {VerackError} `permission` when Deno may not read, `bad-secret` when the
 * file is missing, a directory, unreadable or too large.
 */
export async function readNetworkSecret(path: string): Promise<Uint8Array> {
  const source = `network secret ${quote(path)}`;
  const { bytes, info } = await readBounded(
    path,
    source,
    "bad-secret",
    "a short secret",
  );
  warnIfOpenToTheWorld(source, path, info);
  return bytes;
}

/**
 * The first line of a file that is not empty: an invite, which is judged where it is
 * parsed (`invite.ts`).
 *
 * @throws {VerackError} `permission` when Deno may not read, `bad-invite` when the
 * file is missing, a directory, unreadable, too large, or has no line.
 */
export async function readInviteLine(path: string): Promise<string> {
  const source = `invite ${quote(path)}`;
  const { bytes, info } = await readBounded(
    path,
    source,
    "bad-invite",
    "one line",
  );
  warnIfOpenToTheWorld(source, path, info);
  const lines = new TextDecoder().decode(bytes).split("\n");
  const line = lines.find((it) => it.trim() !== "");
  if (line !== undefined) return line.trim();
  throw new VerackError("bad-invite", `Cannot load ${source}: it is empty`);
}

async function readCertificate(
  path: string,
): Promise<{ certificateSource: string; certificatePem: string }> {
  const certificateSource = `certificate ${quote(path)}`;
  const { text } = await readText(path, certificateSource, "bad-certificate");
  return { certificateSource, certificatePem: text };
}

async function readText(
  path: string,
  source: string,
  code: ErrorCode,
): Promise<{ text: string; info: FileMode }> {
  const { bytes, info } = await readBounded(
    path,
    source,
    code,
    "a PEM file of one key",
  );
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

/** Reads with a bound rather than by size: it may be a pipe (`--key <(…)`). */
async function readBounded(
  path: string,
  source: string,
  code: ErrorCode,
  wanted: string,
): Promise<{ bytes: Uint8Array; info: FileMode }> {
  const buffer = new Uint8Array(MAX_KEY_FILE_BYTES + 1);
  let length = 0;
  let info: Deno.FileInfo;
  try {
    using file = await Deno.open(path);
    info = await file.stat();
    if (info.isDirectory) {
      throw new VerackError(
        code,
        `Cannot load ${source}: it is a directory, must be a file`,
      );
    }
    while (length < buffer.length) {
      const count = await file.read(buffer.subarray(length));
      if (count === null) break;
      length += count;
    }
  } catch (error) {
    throw toVerackError(error, `Cannot load ${source}`, "read", path, code);
  }
  if (length > MAX_KEY_FILE_BYTES) {
    throw new VerackError(
      code,
      `Cannot load ${source}: it has more than ${MAX_KEY_FILE_BYTES} bytes, must be ${wanted}`,
    );
  }
  return { bytes: buffer.subarray(0, length), info };
}

async function writeNew(
  path: string,
  text: string,
  mode: number,
  code: ErrorCode,
): Promise<void> {
  const action = `Cannot write ${quote(path)}`;
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { write: true, createNew: true, mode });
  } catch (error) {
    throw toVerackError(error, action, "write", path, code);
  }
  try {
    using open = file;
    const bytes = new TextEncoder().encode(text);
    for (let offset = 0; offset < bytes.length;) {
      offset += await open.write(bytes.subarray(offset));
    }
    // A key that others already pin must not be lost with the power.
    await open.sync();
  } catch (error) {
    await discard(path);
    throw toVerackError(error, action, "write", path, code);
  }
}

async function makeParent(prefix: string): Promise<void> {
  const end = Math.max(
    prefix.lastIndexOf("/"),
    Deno.build.os === "windows" ? prefix.lastIndexOf("\\") : -1,
  );
  if (end <= 0) return;
  const parent = prefix.slice(0, end);
  try {
    // Asked first, so that an existing directory needs no right to make one.
    if ((await Deno.stat(parent)).isDirectory) return;
  } catch {
    // Missing, or not ours to look at: mkdir says which.
  }
  try {
    await Deno.mkdir(parent, { recursive: true, mode: 0o700 });
  } catch (error) {
    const action = `Cannot make directory ${quote(parent)}`;
    throw toVerackError(error, action, "write", parent, "bad-key");
  }
}

/** Removes what was just created; a failure leaves the first error to be told. */
async function discard(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch {
    // Whoever took it away meanwhile did what was wanted.
  }
}

function toVerackError(
  error: unknown,
  action: string,
  flag: "read" | "write",
  path: string,
  code: ErrorCode,
): VerackError {
  if (error instanceof VerackError) return error;
  const because = (why: string, as: ErrorCode = code) =>
    new VerackError(as, `${action}: ${why}`, { cause: error });
  if (error instanceof Deno.errors.NotCapable) {
    return because(
      `Deno does not permit it, add --allow-${flag}=${escapeText(path)}`,
      "permission",
    );
  }
  if (error instanceof Deno.errors.NotFound) {
    return because(
      flag === "read" ? "there is no such file" : "its directory is gone",
    );
  }
  if (error instanceof Deno.errors.AlreadyExists) {
    return because("it exists, must be a new file");
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return because(`the operating system does not let this user ${flag} it`);
  }
  return because(messageOf(error));
}

function quote(path: string): string {
  return `"${escapeText(path)}"`;
}
