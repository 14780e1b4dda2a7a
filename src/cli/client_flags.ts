/** The flags by which commands find a running node: by its data directory, or by a URL. */
import type { ControlClient } from "../control/control_client.ts";
import type { ControlConnectOptions } from "../control/remote_endpoint.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { readBounded } from "../identity/private_file.ts";
import { missingFlag } from "../transport/net_errors.ts";
import {
  dropExtraAuthorities,
  trustSystemAuthorities,
} from "../transport/extra_authorities.ts";
import type { CommandSpec } from "./command.ts";
import { DATA_FLAG, dataPlace, withOtherPlaces } from "./data_place.ts";
import {
  asUsage,
  type FlagSpecs,
  type FlagValues,
  quoted,
  UsageError,
} from "./flags.ts";

/** Of every command to a running node. */
export const CLIENT_FLAGS = {
  data: DATA_FLAG,
  url: {
    type: "string",
    value: "URL",
    excludes: ["data"],
    help: "The node at https://HOST:PORT, which was started with --http",
  },
  tokenFile: {
    type: "path",
    help: "A copy of its DIR/control.token, for --url",
  },
  ca: {
    type: "path",
    help:
      "Trust only the certificates in this file for --url: an authority's, or the node's own",
  },
} as const satisfies FlagSpecs;

/** Values of {@linkcode CLIENT_FLAGS}. */
export type ClientFlagValues = FlagValues<typeof CLIENT_FLAGS>;

/** An absolute path, also of Windows. */
const ABSOLUTE = /^(\/|[A-Za-z]:[\\/]|\\\\)/;

const WANTED_CERTIFICATES = "certificates in PEM";

/** Whether a command talks to a running node, so that it dials no peers itself. */
export function isClientCommand(
  { flags }: Pick<CommandSpec, "flags">,
): boolean {
  return flags["url"] === CLIENT_FLAGS.url;
}

/** Runs `use` with a client of the node that the flags mean. */
export async function withNode<T>(
  flags: ClientFlagValues,
  use: (client: ControlClient) => Promise<T>,
): Promise<T> {
  // Loaded here, because other commands need neither the client nor its packages.
  const { ControlClient } = await import("../control/control_client.ts");
  const { url, tokenFile, ca } = flags;
  if (url !== undefined) {
    const options = await remoteOptions(url, flags);
    try {
      using client = await asUsage(() => ControlClient.connect(options));
      return await asUsage(() => use(client));
    } catch (error) {
      throw ca === undefined ? withCaFlag(error) : error;
    }
  }
  for (const [name, value] of [["token-file", tokenFile], ["ca", ca]]) {
    if (value !== undefined) throw new UsageError(`--${name} needs --url`);
  }
  const place = dataPlace(flags.data);
  try {
    using client = await ControlClient.find(place.directory);
    return await asUsage(() => use(client));
  } catch (error) {
    throw withOtherPlaces(error, place);
  }
}

/** Names the flag by which a certificate of no known authority is trusted. */
function withCaFlag(error: unknown): unknown {
  if (
    !(error instanceof VerackError) || error.code !== "bad-certificate" ||
    !error.message.includes("UnknownIssuer")
  ) return error;
  return new VerackError(
    error.code,
    `${error.message}; give a copy of it by --ca FILE`,
    { cause: error },
  );
}

async function remoteOptions(
  url: string,
  { tokenFile, ca }: ClientFlagValues,
): Promise<ControlConnectOptions> {
  if (tokenFile === undefined) {
    throw new UsageError(
      "--url needs --token-file FILE, a copy of the node's DIR/control.token",
    );
  }
  const { readToken } = await import("../control/control_endpoint.ts");
  const token = await readToken(tokenFile);
  if (ca === undefined) {
    trustSystemAuthorities();
    return { url, token };
  }
  // Else any authority of the web could issue another certificate for the host.
  dropExtraAuthorities();
  return { url, token, caCerts: [await readCertificates(ca)] };
}

/** @throws {VerackError} `bad-certificate`, `permission`. */
async function readCertificates(path: string): Promise<string> {
  const source = `certificates "${escapeText(path)}"`;
  const code = "bad-certificate";
  const wanted = WANTED_CERTIFICATES;
  const { bytes } = await readBounded(path, { source, code, wanted });
  const text = new TextDecoder().decode(bytes);
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new VerackError(code, `Cannot load ${source}: must be ${wanted}`);
}

/**
 * A path for the node, which may run in another directory or on another machine.
 *
 * @throws {UsageError} when a relative path is given for a node at a URL.
 * @throws {VerackError} `permission` when a relative path cannot be resolved.
 */
export async function nodePath(
  path: string,
  { url }: Pick<ClientFlagValues, "url">,
): Promise<string> {
  if (url !== undefined) {
    if (ABSOLUTE.test(path)) return path;
    throw new UsageError(
      `${
        quoted(path)
      } is a path of the node's machine with --url, must begin with /`,
    );
  }
  const { resolve } = await import("node:path");
  try {
    return resolve(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new VerackError(
      "permission",
      `Cannot find "${escapeText(path)}" from here: ${
        missingFlag(error.message)
      }, or give its whole path`,
      { cause: error },
    );
  }
}
