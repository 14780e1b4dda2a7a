/** A dialing and a listening process of one contestant that has streams. */
import type { Contender, Settings, Values } from "../lines/line.ts";
import { PERMISSIONS, Remote } from "../remote.ts";
import type { StreamEndpoint, StreamKind, StreamSetup } from "./byte_stream.ts";

/** Written for Node, and run on it. */
const ON_NODE: ReadonlySet<StreamKind> = new Set<StreamKind>([
  "libp2p",
  "secret-stream",
]);

/** One that hangs is left out, and must not hold the others up for long. */
const OTHERS_ANSWER_MS = 25_000;

/** How each sends a request; those without a multiplexer have one stream. */
export const WAY_OF: Readonly<Record<StreamKind, string>> = {
  verack: "request",
  bare: "echo",
  tcp: "echo",
  libp2p: "stream",
  "secret-stream": "echo",
};

/** What a pair needs beyond its contestant. */
export interface PairOptions {
  /** Folders that both processes may read and write. */
  readonly folders?: readonly string[];
  /** V8 flags. */
  readonly flags?: string;
  /** Where the dialer connects instead, given the port that the other listens on. */
  readonly through?: (port: number) => Promise<Tunnel>;
}

/** What leads to a port from another one. */
export interface Tunnel extends AsyncDisposable {
  readonly port: number;
}

/** Two fresh processes with one contestant's code. */
export class StreamPair implements AsyncDisposable {
  readonly #all: AsyncDisposable;
  readonly #listener: Remote;
  readonly #dialer: Remote;
  readonly #endpoint: StreamEndpoint;

  private constructor(
    all: AsyncDisposable,
    listener: Remote,
    dialer: Remote,
    endpoint: StreamEndpoint,
  ) {
    this.#all = all;
    this.#listener = listener;
    this.#dialer = dialer;
    this.#endpoint = endpoint;
  }

  static async start(
    setup: Omit<StreamSetup, "folder">,
    settings: Pick<Settings, "networks">,
    options: PairOptions = {},
  ): Promise<StreamPair> {
    await using all = new AsyncDisposableStack();
    const start = (file: string) =>
      all.use(streamRemote(file, setup, settings, options));
    const [listener, dialer] = [
      start("stream_listener"),
      start("stream_dialer"),
    ];
    let endpoint = await listener.call<StreamEndpoint>("endpoint");
    if (options.through !== undefined) {
      const tunnel = all.use(await options.through(endpoint as number));
      endpoint = tunnel.port;
    }
    return new StreamPair(all.move(), listener, dialer, endpoint);
  }

  /** Runs a command of `peers/stream_dialer.ts` against the listening process. */
  call<Answer>(command: string, ...args: unknown[]): Promise<Answer> {
    return this.#dialer.call(command, this.#endpoint, ...args);
  }

  /** Most memory of both ends during a load, bytes above what they had before. */
  async peaks(
    load: () => Promise<unknown>,
  ): Promise<{ sending: number; receiving: number }> {
    await this.call("requests", "echo", 1); // The connection is not charged to the load.
    await Promise.all([this.call("watch"), this.#listener.call("watch")]);
    await load();
    const [sending, receiving] = await Promise.all([
      this.call<number>("peak"),
      this.#listener.call<number>("peak"),
    ]);
    return { sending, receiving };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#all[Symbol.asyncDispose]();
  }
}

function streamRemote(
  file: string,
  setup: StreamSetup,
  { networks }: Pick<Settings, "networks">,
  { folders = [], flags = "" }: PairOptions,
): Remote {
  const isOnNode = ON_NODE.has(setup.kind);
  const json = JSON.stringify({
    ...setup,
    ...isOnNode && { folder: networks?.folder },
  });
  return new Remote(file, [json], {
    name: `${file} of ${setup.kind}`,
    flags,
    permissions: [
      ...PERMISSIONS,
      ...folders.flatMap((it) => [`--allow-read=${it}`, `--allow-write=${it}`]),
    ],
    ...isOnNode && { node: networks?.node, answerMs: OTHERS_ANSWER_MS },
  });
}

/** What verack's streams are compared with, and what these do. */
type Doing = Partial<Readonly<Record<StreamKind, string>>>;

/** All that are installed, each measured as `measure` does it; verack first. */
export function streamers(
  doing: Doing,
  { networks }: Pick<Settings, "networks">,
  measure: (kind: StreamKind) => Promise<Values>,
): Contender[] {
  const kinds = Object.keys({ verack: "", ...doing }) as StreamKind[];
  return kinds
    .filter((kind) => !ON_NODE.has(kind) || networks !== undefined)
    .map((kind) => ({
      name: kind,
      doing: doing[kind] ?? "",
      optional: ON_NODE.has(kind),
      measure: () => measure(kind),
    }));
}
