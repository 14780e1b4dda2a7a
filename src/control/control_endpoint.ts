/**
 * The endpoint of a data directory's node: a Unix socket, or, where there are none (Windows) or
 * the path is too long, a port of loopback with a token.
 */
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import {
  MAX_CONTROL_TOKEN_CHARS,
  MAX_UNIX_PATH_BYTES,
  MIN_CONTROL_TOKEN_CHARS,
} from "./control_limits.ts";
import type { Random } from "../core/clock.ts";
import {
  type FileAccess,
  isOpenToOthers,
  PRIVATE_FILE_MODE,
  readBounded,
  toFileError,
} from "../identity/private_file.ts";

/** The address of a node for its clients. */
export interface ControlEndpoint {
  readonly url: string;
  /** What it is called in errors, behind "the node". */
  readonly label: string;
  /** The data directory, if it is one of this machine. */
  readonly directory?: string;
  /** Path of the Unix socket that is in place of the host of `url`. */
  readonly socket?: string;
  /** Required at a port. */
  readonly token?: string;
  /** Authorities, or the certificate itself, that are trusted besides those of Deno, in PEM. */
  readonly caCerts?: readonly string[];
}

/** The characters of a token. */
export const TOKEN: RegExp = /^[\x21-\x7e]+$/;
const TOKEN_BYTES = 32;
const WANTED =
  `${MIN_CONTROL_TOKEN_CHARS} to ${MAX_CONTROL_TOKEN_CHARS} printable characters (openssl rand -hex 32 makes some)`;

/** The file by which `verack open` leads a browser to a one-time address. */
export const PAGE_FILE = "control.html";

/** Files of one data directory. */
export function controlFiles(
  directory: string,
): Readonly<Record<"socket" | "token" | "port" | "page", string>> {
  const base = directory.replace(/\/+$/, "") || "/";
  const at = (name: string) => `${base}/${name}`;
  return {
    socket: at("control.sock"),
    token: at("control.token"),
    port: at("control.port"),
    page: at(PAGE_FILE),
  };
}

/** Whether a Unix socket can be made at this path. */
export function fitsUnixSocket(path: string): boolean {
  return Deno.build.os !== "windows" &&
    new TextEncoder().encode(path).length <= MAX_UNIX_PATH_BYTES;
}

/**
 * The endpoint of the node of a data directory.
 *
 * @throws {VerackError} `connection-refused` when none has been running there, `permission`.
 */
export async function findControlEndpoint(
  directory: string,
): Promise<ControlEndpoint> {
  const { socket, token, port } = controlFiles(directory);
  const place = { label: `in "${escapeText(directory)}"`, directory };
  const info = await ifThere(Deno.lstat(socket), {
    action: `Cannot look into "${escapeText(directory)}"`,
    access: "read",
    path: socket,
  });
  if (info?.isSocket) return { ...place, url: "http://localhost", socket };
  const text = await ifThere(Deno.readTextFile(port), {
    action: `Cannot read "${escapeText(port)}"`,
    access: "read",
    path: port,
  });
  const number = text?.trim() ?? "";
  if (!/^\d{1,5}$/.test(number)) throw notRunning(directory);
  const url = `http://127.0.0.1:${number}`;
  return { ...place, url, token: await readToken(token) };
}

/** What was read, or `undefined` where there is no such file. */
export async function ifThere<T>(
  read: Promise<T>,
  tried: FileAccess,
): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    const isAbsent = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (isAbsent) return undefined;
    throw toFileError(error, tried);
  }
}

/** The error when no node answers. */
export function notRunning(directory: string): VerackError {
  return new VerackError(
    "connection-refused",
    `Cannot reach a node in "${escapeText(directory)}": ${
      absence(directory) ?? "none runs there"
    }, must be the --data of a running one`,
  );
}

/** The fault of the path itself. */
function absence(directory: string): string | undefined {
  try {
    return Deno.statSync(directory).isDirectory
      ? undefined
      : "it is no directory";
  } catch (error) {
    return error instanceof Deno.errors.NotFound
      ? "there is no such directory"
      : undefined;
  }
}

/**
 * The token in a file, which is made if there is none.
 *
 * @throws {VerackError} `bad-data` when it is no token, `unsafe` when others may
 * read it, `permission`.
 */
export async function readOrMakeToken(
  path: string,
  random: Random,
): Promise<string> {
  const token = random.bytes(TOKEN_BYTES).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });
  try {
    await Deno.writeTextFile(path, `${token}\n`, {
      createNew: true,
      mode: PRIVATE_FILE_MODE,
    });
    return token;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      return await readToken(path);
    }
    const action = `Cannot write "${escapeText(path)}"`;
    throw toFileError(error, { action, access: "write", path });
  }
}

/**
 * The token in a file.
 *
 * @throws {VerackError} `bad-data`, `unsafe`, `permission`.
 */
export async function readToken(path: string): Promise<string> {
  const source = `token "${escapeText(path)}"`;
  const code = "bad-data";
  const { bytes, info } = await readBounded(path, {
    source,
    code,
    wanted: WANTED,
  });
  requirePrivate(info, `Cannot load ${source}: others may read it`, "600");
  const text = new TextDecoder().decode(bytes).trim();
  const fits = text.length >= MIN_CONTROL_TOKEN_CHARS &&
    text.length <= MAX_CONTROL_TOKEN_CHARS;
  if (fits && TOKEN.test(text)) return text;
  throw new VerackError(code, `Cannot load ${source}: must be ${WANTED}`);
}

/** @throws {VerackError} `unsafe` when others than the owner have a right to it. */
export function requirePrivate(
  info: Deno.FileInfo,
  complaint: string,
  wanted: string,
): void {
  if (!isOpenToOthers(info)) return;
  const mode = ((info.mode ?? 0) & 0o777).toString(8);
  throw new VerackError(
    "unsafe",
    `${complaint} (mode ${mode}), must be ${wanted}`,
  );
}
