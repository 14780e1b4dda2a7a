/**
 * The endpoint of a data directory's node: a Unix socket, or, where there are none (Windows) or
 * the path is too long, a port of loopback with a token.
 */
import { messageOf, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import {
  MAX_CONTROL_TOKEN_CHARS,
  MAX_UNIX_PATH_BYTES,
  MIN_CONTROL_TOKEN_CHARS,
} from "../limits.ts";
import type { Random } from "../core/clock.ts";
import { isOpenToOthers } from "../identity/private_file.ts";

/** The address of a node for its clients. */
export type ControlEndpoint =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "http"; readonly url: string; readonly token: string };

const TOKEN = /^[\x21-\x7e]+$/;
const TOKEN_BYTES = 32;

/** Files of one data directory. */
export function controlFiles(
  directory: string,
): Readonly<Record<"socket" | "token" | "port", string>> {
  const base = directory.replace(/\/+$/, "") || "/";
  const at = (name: string) => `${base}/${name}`;
  return {
    socket: at("control.sock"),
    token: at("control.token"),
    port: at("control.port"),
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
 * @throws {VerackError} `refused` when none has been running there, `permission`.
 */
export async function findControlEndpoint(
  directory: string,
): Promise<ControlEndpoint> {
  const { socket, token, port } = controlFiles(directory);
  try {
    if ((await Deno.lstat(socket)).isSocket) {
      return { kind: "unix", path: socket };
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotADirectory) {
      throw notRunning(directory);
    }
    if (!(error instanceof Deno.errors.NotFound)) {
      throw fileError(
        error,
        `Cannot look into "${shown(directory)}"`,
        "read",
        socket,
      );
    }
  }
  let number: string;
  try {
    number = (await Deno.readTextFile(port)).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw notRunning(directory);
    throw fileError(error, `Cannot read "${shown(port)}"`, "read", port);
  }
  if (!/^\d{1,5}$/.test(number)) throw notRunning(directory);
  return {
    kind: "http",
    url: `http://127.0.0.1:${number}`,
    token: await readToken(token),
  };
}

/** The error when no node answers. */
export function notRunning(directory: string): VerackError {
  return new VerackError(
    "refused",
    `Cannot reach a node in "${shown(directory)}": ${
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
      mode: 0o600,
    });
    return token;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      return await readToken(path);
    }
    throw fileError(error, `Cannot write "${shown(path)}"`, "write", path);
  }
}

/**
 * The token in a file.
 *
 * @throws {VerackError} `bad-data`, `unsafe`, `permission`.
 */
export async function readToken(path: string): Promise<string> {
  const action = `Cannot take the token of "${shown(path)}"`;
  let text = "";
  try {
    using file = await Deno.open(path);
    const info = await file.stat();
    if (!info.isFile) {
      throw new VerackError("bad-data", `${action}: it is no file`);
    }
    if (isOpenToOthers(info)) {
      throw new VerackError(
        "unsafe",
        `${action}: others may read it (mode ${modeOf(info)}), must be 600`,
      );
    }
    if (info.size <= MAX_CONTROL_TOKEN_CHARS + 2) {
      text = (await new Response(file.readable).text()).trim();
    }
  } catch (error) {
    throw fileError(error, action, "read", path);
  }
  const fits = text.length >= MIN_CONTROL_TOKEN_CHARS &&
    text.length <= MAX_CONTROL_TOKEN_CHARS;
  if (fits && TOKEN.test(text)) return text;
  throw new VerackError(
    "bad-data",
    `${action}: must be ${MIN_CONTROL_TOKEN_CHARS} to ${MAX_CONTROL_TOKEN_CHARS} printable characters (openssl rand -hex 32 makes some)`,
  );
}

/** The permission bits of a file, as `chmod` takes them. */
export function modeOf({ mode }: Deno.FileInfo): string {
  return ((mode ?? 0) & 0o777).toString(8);
}

/** The error of a file operation. */
export function fileError(
  error: unknown,
  action: string,
  flag: "read" | "write",
  path: string,
): VerackError {
  if (error instanceof VerackError) return error;
  if (error instanceof Deno.errors.NotCapable) {
    return new VerackError(
      "permission",
      `${action}: Deno does not permit it, add --allow-${flag}=${shown(path)}`,
      { cause: error },
    );
  }
  const why = error instanceof Deno.errors.NotFound
    ? "there is no such file or directory"
    : error instanceof Deno.errors.PermissionDenied
    ? `the operating system does not let this user ${flag} it`
    : messageOf(error);
  return new VerackError("bad-data", `${action}: ${why}`, { cause: error });
}

function shown(path: string): string {
  return escapeText(path);
}
