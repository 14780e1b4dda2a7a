/**
 * The key of a data directory: made once, kept readable by its owner alone, and
 * never replaced. The database remembers the identity that the directory belongs to,
 * so that a key that is missing or another one is noticed.
 */
import { type ErrorCode, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { logger } from "../core/log.ts";
import { type PeerId, peerIdFromBytes } from "../core/peer_id.ts";
import { Identity, type Passphrase } from "../identity/identity.ts";
import { loadIdentity } from "../identity/key_files.ts";
import {
  isOpenToOthers,
  makePrivate,
  PRIVATE_FILE_MODE,
  statOrNothing,
  writeWhole,
} from "../identity/private_file.ts";
import type { NodeStore } from "../mesh/peers/node_store.ts";
import { DATA_FILES } from "./lock_file.ts";

const log = logger("store");

/** The setting with the identity that the directory belongs to. */
const OWNER = "data.identity";

/** The identity that a store belongs to, if it is recorded. */
export function ownerOf(
  store: Pick<NodeStore, "setting">,
): PeerId | undefined {
  const owner = store.setting(OWNER);
  return owner === undefined ? undefined : peerIdFromBytes(owner);
}

/**
 * The identity of a directory: the given one, the one in it, or a new one.
 *
 * @throws {VerackError} `bad-key`, `encrypted-key` when the key in the directory
 * cannot be used; `mismatched-key` when the directory belongs to another; and what
 * Deno throws when a file cannot be read or written.
 * @throws {TypeError} when the given identity lives in memory only.
 */
export async function identityOf(
  path: string,
  store: NodeStore,
  { identity: given, passphrase }: {
    /** A key that is kept elsewhere. */
    readonly identity?: Identity;
    readonly passphrase?: Passphrase;
  },
): Promise<Identity> {
  if (given?.ephemeral) {
    throw new TypeError(
      "Cannot use data directory: the identity lives in memory only, must be one that lasts",
    );
  }
  const owner = ownerOf(store);
  const kept = await loadKept(path, passphrase);
  const identity = kept ?? given ?? await make(path, owner);
  const expected = owner ?? kept?.id;
  for (const actual of [given?.id, kept?.id]) {
    if (actual === undefined || expected === undefined) continue;
    if (actual === expected) continue;
    throw refusal(
      "mismatched-key",
      path,
      `it belongs to identity ${expected}, but the key is that of ${actual}`,
    );
  }
  if (owner === undefined) {
    store.putSetting(OWNER, Uint8Array.fromHex(identity.id));
  }
  return identity;
}

async function loadKept(
  path: string,
  passphrase: Passphrase | undefined,
): Promise<Identity | undefined> {
  const keyPath = `${path}/${DATA_FILES.key}`;
  const certPath = `${path}/${DATA_FILES.certificate}`;
  const info = statOrNothing(keyPath);
  if (info === undefined) return undefined;
  if (isOpenToOthers(info)) {
    makePrivate(keyPath, PRIVATE_FILE_MODE);
    log.warn("others could read the key, its mode is 0600 now", {
      path: keyPath,
    });
  }
  const key = { keyPath, ...(passphrase !== undefined && { passphrase }) };
  try {
    if (statOrNothing(certPath) !== undefined) {
      try {
        return await loadIdentity({ ...key, certPath });
      } catch (error) {
        if (!isAbout(error, "bad-certificate", "mismatched-key")) throw error;
        const reason = error.message;
        log.warn("the certificate is made anew from the key", { reason });
      }
    }
    const identity = await loadIdentity(key);
    writeWhole(certPath, identity.certificatePem);
    return identity;
  } catch (error) {
    if (!isAbout(error, "bad-key")) throw error;
    throw new VerackError(
      "bad-key",
      `${error.message}; a key is never replaced: restore it, or use another directory`,
      { cause: error },
    );
  }
}

/** A new key, unless there was one. */
async function make(
  path: string,
  owner: string | undefined,
): Promise<Identity> {
  const certPath = `${path}/${DATA_FILES.certificate}`;
  if (owner !== undefined || statOrNothing(certPath) !== undefined) {
    throw refusal(
      "bad-key",
      path,
      `${DATA_FILES.key} is missing, must be restored, or be given as the identity` +
        (owner === undefined ? "" : `; it is that of identity ${owner}`),
    );
  }
  const identity = await Identity.generate({ ephemeral: false });
  // The key first, because a certificate can be made from it.
  writeWhole(`${path}/${DATA_FILES.key}`, identity.privateKeyPem);
  writeWhole(certPath, identity.certificatePem);
  return identity;
}

function refusal(code: ErrorCode, path: string, why: string): VerackError {
  return new VerackError(
    code,
    `Cannot use data directory "${escapeText(path)}": ${why}`,
  );
}

function isAbout(error: unknown, ...codes: ErrorCode[]): error is VerackError {
  return error instanceof VerackError && codes.includes(error.code);
}
