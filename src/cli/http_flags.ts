/**
 * The flags that open a node's control API beside the socket in its data directory, and how
 * both are opened. The API itself is in `control/`.
 */
import {
  type Clock,
  type Random,
  systemClock,
  systemRandom,
} from "../core/clock.ts";
import { ControlServer } from "../control/control_server.ts";
import {
  openDirectory,
  openPort,
  type ServerCertificate,
} from "../control/control_listeners.ts";
import {
  controlFiles,
  fileError,
  readOrMakeToken,
} from "../control/control_endpoint.ts";
import { escapeText } from "../core/escape.ts";
import { warnIfOpenToTheWorld } from "../identity/private_file.ts";
import type { Node } from "../mesh/node.ts";
import {
  type Address,
  formatAddress,
  parseAddress,
} from "../transport/address.ts";
import { descriptors } from "../transport/descriptors.ts";
import { type TextFlag, UsageError } from "./flags.ts";

/** `--http` and what belongs to it. */
export const HTTP_FLAGS = {
  http: {
    type: "string",
    value: "[HOST:]PORT",
    parse: parseHttp,
    help:
      "Serve the control API there too, at a free port for 0; off loopback it needs TLS",
  },
  httpTokenFile: {
    type: "path",
    value: "FILE",
    help:
      "Token that --http asks for; made if missing (default DIR/control.token)",
  },
  httpCert: {
    type: "path",
    value: "FILE",
    help: "Certificate in PEM, for --http with TLS",
  },
  httpKey: {
    type: "path",
    value: "FILE",
    help: "Its private key in PEM",
  },
} as const satisfies Record<string, TextFlag>;

/** Values of {@linkcode HTTP_FLAGS}, and the data directory. */
export interface HttpFlagValues {
  readonly data: string | undefined;
  readonly http: Address | undefined;
  readonly httpTokenFile: string | undefined;
  readonly httpCert: string | undefined;
  readonly httpKey: string | undefined;
}

/** A node's control API while the node runs. */
export interface OpenControl extends AsyncDisposable {
  readonly server: ControlServer;
  /** Where it listens besides the directory: a URL. */
  readonly url: string | undefined;
}

interface Times {
  readonly clock: Clock;
  readonly random: Random;
}

export function checkHttpFlags(flags: HttpFlagValues): void {
  const { data, http, httpTokenFile, httpCert, httpKey } = flags;
  const needing = {
    "--http-token-file": httpTokenFile,
    "--http-cert": httpCert,
  };
  for (const [name, value] of Object.entries(needing)) {
    if (value !== undefined && http === undefined) {
      throw new UsageError(`${name} needs --http`);
    }
  }
  if ((httpCert === undefined) !== (httpKey === undefined)) {
    throw new UsageError("--http-cert and --http-key must be given together");
  }
  if (http !== undefined && data === undefined && httpTokenFile === undefined) {
    throw new UsageError("--http needs --data or --http-token-file");
  }
}

/**
 * Opens what the flags ask for. `onStop` is called when a client asked the node to leave.
 */
export async function openControl(
  flags: HttpFlagValues,
  node: Node,
  onStop: () => void,
  times: Times = { clock: systemClock, random: systemRandom },
): Promise<OpenControl> {
  const { data, http } = flags;
  const server = new ControlServer({ node, clock: times.clock, onStop });
  let clear = () => Promise.resolve();
  const close = async () => {
    await server.close();
    await clear();
  };
  try {
    if (data !== undefined) clear = await openDirectory(server, data, times);
    const url = http === undefined
      ? undefined
      : await openHttp(server, http, flags, times);
    if (url !== undefined) server.announce(url);
    return { server, url, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openHttp(
  server: ControlServer,
  address: Address,
  flags: HttpFlagValues,
  { clock, random }: Times,
): Promise<string> {
  const { data, httpTokenFile, httpCert, httpKey } = flags;
  const path = httpTokenFile ?? controlFiles(data ?? ".").token;
  const token = await readOrMakeToken(path, random);
  descriptors.countBy(path);
  let certificate: ServerCertificate | undefined;
  if (httpCert !== undefined && httpKey !== undefined) {
    certificate = { cert: await read(httpCert), key: await read(httpKey) };
    warnIfOpenToTheWorld(
      `key "${escapeText(httpKey)}"`,
      httpKey,
      await Deno.stat(httpKey),
    );
  }
  const port = await openPort(server, {
    address,
    token,
    clock,
    ...(certificate !== undefined && { certificate }),
  });
  const scheme = certificate === undefined ? "http" : "https";
  return `${scheme}://${formatAddress({ host: address.host, port })}/v1/`;
}

async function read(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw fileError(error, `Cannot read "${path}"`, "read", path);
  }
}

/** A port of loopback or an address; port 0 takes a free one. */
function parseHttp(text: string): Address {
  const address = /^\d+$/.test(text) ? `127.0.0.1:${text}` : text;
  return parseAddress(address, { minPort: 0 });
}
