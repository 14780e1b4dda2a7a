/** The flags that open a node's control API beside the socket in its data directory. */
import { type Address, parseAddress } from "../transport/address.ts";
import type { ControlServer } from "../control/control_server.ts";
import { telemetry } from "../core/telemetry.ts";
import type { Node } from "../mesh/node.ts";
import { type FlagSpecs, type FlagValues, UsageError } from "./flags.ts";
import { placeFlag, programName } from "./greeting.ts";

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
    help: "Token for --http; made if missing (default DIR/control.token)",
  },
  httpCert: {
    type: "path",
    help: "Certificate in PEM, for --http with TLS",
  },
  httpKey: { type: "path", help: "Its private key in PEM" },
} as const satisfies FlagSpecs;

/** `--metrics`. */
export const METRICS_FLAG = {
  metrics: {
    type: "string",
    value: "[HOST:]PORT",
    parse: parseHttp,
    help:
      "Serve /metrics and /v1/health there, without a token; they show no names, ids or addresses",
  },
} as const satisfies FlagSpecs;

/** Values of {@linkcode HTTP_FLAGS} and {@linkcode METRICS_FLAG}, and the data directory. */
export type HttpFlagValues =
  & Partial<FlagValues<typeof HTTP_FLAGS & typeof METRICS_FLAG>>
  & { readonly data: string | undefined };

/** Refuses flags that do not go together. */
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
    throw new UsageError("--http needs --data, --keep or --http-token-file");
  }
}

/** A node's control API while the node runs. */
export interface OpenControl extends AsyncDisposable {
  readonly server: ControlServer;
  /** Where it listens besides the directory: a URL. */
  readonly url: string | undefined;
  /** Where its metrics are without a token: a URL. */
  readonly metricsUrl: string | undefined;
}

/** Opens the control API, which is loaded only if the flags require it. */
export async function openControl(
  flags: HttpFlagValues,
  node: Node,
  onStop: () => void,
): Promise<OpenControl | undefined> {
  const { data, http, metrics } = flags;
  if ((data ?? http ?? metrics) === undefined) return undefined;
  const { serveControl } = await import("./serve_control.ts");
  return await serveControl(flags, node, onStop);
}

/**
 * How a browser gets to the page. A terminal is shown an address that signs one in; what goes
 * to a file or a journal has no code, as others may read that.
 */
export async function pageNotice(
  { server }: OpenControl,
  { isTerminal, data }: {
    readonly isTerminal: boolean;
    readonly data: string | undefined;
  },
): Promise<string[]> {
  const another = data === undefined
    ? "POST /v1/page/links"
    : `${programName()} open${placeFlag(data)}`;
  if (!isTerminal) {
    return [`verack: page at ${server.page.url}, to sign in: ${another}`];
  }
  const { url } = await server.page.link();
  // Whole in a row of 80 columns, so that it can be clicked.
  return [
    `verack: page, which opens once within 5 minutes (then: ${another})`,
    `  ${url}`,
  ];
}

/** Exports metrics through OpenTelemetry where Deno was told to; loaded only then. */
export async function startTelemetry(
  node: Node,
  control: OpenControl | undefined,
): Promise<Disposable | undefined> {
  if (telemetry() === undefined) return undefined;
  const { exportTelemetry } = await import(
    "../control/metrics/export_telemetry.ts"
  );
  return exportTelemetry(
    node,
    control && {
      figures: () => control.server.figures,
    },
  );
}

/** A port of loopback or an address; port 0 means a free one. */
function parseHttp(text: string): Address {
  const address = /^\d+$/.test(text) ? `127.0.0.1:${text}` : text;
  return parseAddress(address, { minPort: 0 });
}
