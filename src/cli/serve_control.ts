/** Opens a node's control API: in its data directory, and at the address of the flags. */
import {
  type Clock,
  type Random,
  systemClock,
  systemRandom,
} from "../core/clock.ts";
import { ControlServer } from "../control/control_server.ts";
import {
  openAddress,
  openDirectory,
  openMetricsPort,
  openPagePort,
  pageAddress,
  type ServerCertificate,
} from "../control/control_listeners.ts";
import { controlFiles, readOrMakeToken } from "../control/control_endpoint.ts";
import { escapeText } from "../core/escape.ts";
import { toFileError, warnIfOpenToTheWorld } from "../identity/private_file.ts";
import type { Node } from "../mesh/node.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import { descriptors } from "../transport/descriptors.ts";
import type { HttpFlagValues, OpenControl } from "./http_flags.ts";

interface Times {
  readonly clock: Clock;
  readonly random: Random;
}

/** Opens the listeners of the flags. `onStop` is called when a client requests the node to stop. */
export async function serveControl(
  flags: HttpFlagValues,
  node: Node,
  onStop: () => void,
  times: Times = { clock: systemClock, random: systemRandom },
): Promise<OpenControl> {
  const { data, http, metrics } = flags;
  const server: ControlServer = new ControlServer({
    node,
    ...times,
    onStop,
    openPage: () => openPagePort(server, times.clock),
  });
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
    const metricsUrl = metrics && await openMetrics(server, metrics, times);
    return { server, url, metricsUrl, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openMetrics(
  server: ControlServer,
  address: Address,
  { clock }: Times,
): Promise<string> {
  const port = await openMetricsPort(server, { address, clock });
  return `http://${formatAddress({ host: address.host, port })}/metrics`;
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
  const bound = await openAddress(server, {
    address,
    token,
    clock,
    ...(certificate !== undefined && { certificate }),
  });
  const { port } = bound;
  // Where TLS does not tell which server answers, a name could lead a browser to another user's port.
  const shown = certificate === undefined ? bound : { ...address, port };
  server.page.announce(pageAddress(shown, certificate));
  const scheme = certificate === undefined ? "http" : "https";
  return `${scheme}://${formatAddress({ host: address.host, port })}/v1/`;
}

async function read(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const action = `Cannot read "${escapeText(path)}"`;
    throw toFileError(error, { action, access: "read", path });
  }
}
