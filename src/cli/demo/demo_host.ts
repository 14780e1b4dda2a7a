/**
 * Runs the demo's nodes: in this process, or as processes of their own, which are `verack run
 * --json` by the same executable, each with its key in a file of a temporary directory.
 *
 * No process and no file outlives the host, also when the program exits at once (a second
 * Ctrl-C). If this process is killed, its children end with the next line they print, because
 * their output has no reader any more.
 */
import { systemClock, systemRandom } from "../../core/clock.ts";
import { type IdentityFiles, writeIdentity } from "../../identity/key_files.ts";
import type { Identity } from "../../identity/identity.ts";
import type { NodeEvent } from "../../mesh/events.ts";
import { Node } from "../../mesh/node.ts";
import type { ListeningEvent } from "../event_lines.ts";
import { linesOf } from "../lines.ts";
import { pingEvery } from "../node_command.ts";
import { type DemoPage, localPage, remotePage } from "./demo_page.ts";

/** How long a node may take to send bye; its own deadline for that is a second. */
const LEAVE_TIMEOUT_MS = 3_000;

/** Ctrl-C in a terminal reaches the children too: how long they have to end by themselves. */
const HEAD_START_MS = 500;

/** Permissions of `verack run`, beside the network and reading its key. */
const CHILD_PERMISSIONS = [
  "--allow-env=VERACK_LOG,VERACK_TLS_ENGINE,DENO_TLS_CA_STORE,DENO_CERT,NODE_EXTRA_CA_CERTS",
] as const;

/** The network of nodes that stay on this machine, and of those that others find. */
const LOCAL_NET = ["--allow-net=127.0.0.1"];
const DISCOVERED_NET = ["--allow-net", "--allow-sys=networkInterfaces"];

/** Where nodes listen that others find; for those of the demo that is on this machine, too. */
const EVERYWHERE = "0.0.0.0";

/** How a node is started. */
export interface DemoNodeOptions {
  readonly name: string;
  readonly identity: Identity;
  /** `host:port` of the one member it joins through; the first node has none. */
  readonly connect: string | undefined;
  /** Whether it serves its page. */
  readonly hasPage: boolean;
  readonly onEvent: (event: NodeEvent) => void;
  /** Called once when it is gone, with the reason as text. */
  readonly onEnd: (reason: string) => void;
}

/** A node that was started, in this process or in one of its own. */
export interface DemoNode {
  /** If it was asked for, and the node has started. */
  readonly page?: DemoPage | undefined;
  /** Ends it as a crash would; resolves when it is gone. */
  kill(): Promise<void>;
  /** Stops it with a bye, and kills it if that takes too long; resolves when it is gone. */
  leave(): Promise<void>;
}

/** Runs nodes. Disposing of it kills every node that is left and removes its files. */
export interface DemoHost extends AsyncDisposable {
  /** Most nodes that should be starting at the same moment. */
  readonly startsAtOnce: number;
  /** No further node is started while more links than this are still to come. */
  readonly linksAtOnce: number;
  /** Starts a node; it has started when it reports `listening`. */
  start(options: DemoNodeOptions): Promise<DemoNode>;
}

/** Runs nodes in this process. */
export class LocalHost implements DemoHost {
  readonly startsAtOnce = 4;
  /**
   * One thread does all handshakes: with thousands at once, each would miss its deadline and
   * start again.
   */
  readonly linksAtOnce = 100;
  readonly #periodMs: number;
  readonly #discover: boolean;
  readonly #nodes: DemoNode[] = [];

  /** With `discover` other machines of the local network find them. */
  constructor(periodMs: number, discover = false) {
    this.#periodMs = periodMs;
    this.#discover = discover;
  }

  async start(options: DemoNodeOptions): Promise<DemoNode> {
    const node = await Node.start({
      identity: options.identity,
      name: options.name,
      host: this.#discover ? EVERYWHERE : "127.0.0.1",
      discover: this.#discover,
      port: 0,
      connect: options.connect === undefined ? [] : [options.connect],
    });
    const gone = this.#run(node, options);
    const page = options.hasPage ? await localPage(node) : undefined;
    const close = async (abrupt: boolean) => {
      await page?.[Symbol.asyncDispose]();
      await node.close({ abrupt });
      await gone;
    };
    const local = { page, kill: () => close(true), leave: () => close(false) };
    this.#nodes.push(local);
    return local;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.kill()));
  }

  async #run(node: Node, options: DemoNodeOptions): Promise<void> {
    const stopPinging = pingEvery(node, this.#periodMs);
    try {
      for await (const event of node.events()) options.onEvent(here(event));
    } finally {
      stopPinging();
      options.onEnd("it stopped");
    }
  }
}

/** Settings of a {@linkcode ChildHost}. */
export interface ChildHostOptions {
  /** Flags of `run` that every node gets. */
  readonly flags: readonly string[];
  /** Whether other machines of the local network find them. */
  readonly discover: boolean;
  /** Called with each line that a node writes to standard error. */
  readonly onLog: (name: string, line: string) => void;
  /** Aborts when the demo is interrupted. */
  readonly interrupted: AbortSignal;
}

/** Runs each node in a process of its own. */
export class ChildHost implements DemoHost {
  /** More at once would take longer for all of them. */
  readonly startsAtOnce = Math.max(2, navigator.hardwareConcurrency);
  readonly linksAtOnce = Infinity;
  readonly #options: ChildHostOptions;
  readonly #directory: string;
  readonly #files = new Map<string, IdentityFiles>();
  readonly #children: ChildNode[] = [];
  readonly #onUnload = () => {
    for (const child of this.#children) child.signal("SIGKILL");
    Deno.removeSync(this.#directory, { recursive: true });
  };

  private constructor(options: ChildHostOptions, directory: string) {
    this.#options = options;
    this.#directory = directory;
    addEventListener("unload", this.#onUnload);
  }

  /** Makes the temporary directory. */
  static async create(options: ChildHostOptions): Promise<ChildHost> {
    const directory = await Deno.makeTempDir({ prefix: "verack-demo-" });
    return new ChildHost(options, directory);
  }

  async start(options: DemoNodeOptions): Promise<DemoNode> {
    const { name, identity, connect } = options;
    const { discover, flags, onLog, interrupted } = this.#options;
    let files = this.#files.get(name);
    if (files === undefined) {
      files = await writeIdentity(identity, `${this.#directory}/${name}`);
      this.#files.set(name, files);
    }
    const token = options.hasPage ? await this.#token(name) : undefined;
    const net = discover ? DISCOVERED_NET : LOCAL_NET;
    const process = spawn(this.#directory, token?.path, net, [
      "--json",
      ...(discover
        ? [`--host=${EVERYWHERE}`, "--discover"]
        : ["--host=127.0.0.1"]),
      "--port=0",
      `--name=${name}`,
      `--key=${files.keyPath}`,
      `--cert=${files.certPath}`,
      ...(connect === undefined ? [] : [`--connect=${connect}`]),
      ...(token === undefined
        ? []
        : ["--http=0", `--http-token-file=${token.path}`]),
      ...flags,
    ]);
    const log = (line: string) => onLog(name, line);
    const child = new ChildNode(process, options, {
      log,
      interrupted,
      token: token?.token,
    });
    this.#children.push(child);
    return child;
  }

  /** The token of a node's control API, and the file that has it. */
  async #token(name: string): Promise<{ path: string; token: string }> {
    const { readOrMakeToken } = await import(
      "../../control/control_endpoint.ts"
    );
    const path = `${this.#directory}/${name}.token`;
    return { path, token: await readOrMakeToken(path, systemRandom) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    removeEventListener("unload", this.#onUnload);
    try {
      await Promise.all(this.#children.map((child) => child.kill()));
    } finally {
      await Deno.remove(this.#directory, { recursive: true });
    }
  }
}

/** Starts `verack run` by the executable that runs this very program. */
function spawn(
  directory: string,
  tokenPath: string | undefined,
  net: readonly string[],
  flags: readonly string[],
): Deno.ChildProcess {
  const program = Deno.build.standalone ? [] : [
    "run",
    "--no-prompt",
    "--quiet",
    // This process has loaded all modules already, by the same lock file.
    "--cached-only",
    ...net,
    ...CHILD_PERMISSIONS,
    `--allow-read=${directory}`,
    ...(tokenPath === undefined ? [] : [`--allow-write=${tokenPath}`]),
    new URL("../main.ts", import.meta.url).href,
  ];
  return new Deno.Command(Deno.execPath(), {
    args: [...program, "run", ...flags],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** What a {@linkcode ChildNode} is made with beside its process. */
interface ChildNodeParts {
  readonly log: (line: string) => void;
  readonly interrupted: AbortSignal;
  /** Of its control API, if it has one. */
  readonly token: string | undefined;
}

class ChildNode implements DemoNode {
  page: DemoPage | undefined;
  readonly #process: Deno.ChildProcess;
  readonly #interrupted: AbortSignal;
  readonly #token: string | undefined;
  /** Resolves when the process is gone and all its output was read. */
  readonly #gone: Promise<void>;

  constructor(
    process: Deno.ChildProcess,
    options: DemoNodeOptions,
    { log, interrupted, token }: ChildNodeParts,
  ) {
    this.#process = process;
    this.#interrupted = interrupted;
    this.#token = token;
    this.#gone = this.#read(options, log);
  }

  /** Sends a signal, if the process is still there. */
  signal(name: Deno.Signal): void {
    try {
      this.#process.kill(name);
    } catch (error) {
      // What Deno throws for a process that has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#gone;
  }

  async leave(): Promise<void> {
    if (this.#interrupted.aborted && await this.#endsWithin(HEAD_START_MS)) {
      return;
    }
    this.signal("SIGTERM");
    if (!await this.#endsWithin(LEAVE_TIMEOUT_MS)) await this.kill();
  }

  async #endsWithin(timeoutMs: number): Promise<boolean> {
    const timeout = Promise.withResolvers<false>();
    const cancel = systemClock.after(timeoutMs, () => timeout.resolve(false));
    const ended = this.#gone.then(() => true);
    const result = await Promise.race([ended, timeout.promise]);
    cancel();
    return result;
  }

  async #read(
    { onEvent, onEnd }: DemoNodeOptions,
    log: (line: string) => void,
  ): Promise<void> {
    const { stdout, stderr, status } = this.#process;
    const events = async () => {
      for await (const line of linesOf(stdout)) {
        const event = parseEvent(line);
        if (event === undefined) {
          log(line);
          continue;
        }
        if (event.type === "listening" && this.#token !== undefined) {
          const { control = "" } = event;
          this.page = remotePage(new URL("/", control).href, this.#token);
        }
        onEvent(here(event));
      }
    };
    const logs = async () => {
      for await (const line of linesOf(stderr)) log(line);
    };
    try {
      await Promise.all([events(), logs()]);
    } finally {
      const { code, signal } = await status;
      onEnd(
        signal === null
          ? `its process ended with exit code ${code}`
          : `its process was ended by ${signal}`,
      );
    }
  }
}

/** The events of a node, as its process prints them. */
type DemoNodeEvent =
  | Exclude<NodeEvent, { type: "listening" }>
  | ListeningEvent;

/** An event as `run --json` prints it; `undefined` for anything else. */
function parseEvent(line: string): DemoNodeEvent | undefined {
  try {
    const value = JSON.parse(line);
    // Written by this program: an object with a type is an event.
    return typeof value?.type === "string" ? value as DemoNodeEvent : undefined;
  } catch {
    return undefined;
  }
}

/** An event with an address at which the other nodes of the demo reach this one. */
function here(event: NodeEvent): NodeEvent {
  const everywhere = `${EVERYWHERE}:`;
  return event.type === "listening" && event.address?.startsWith(everywhere)
    ? { ...event, address: event.address.replace(everywhere, "127.0.0.1:") }
    : event;
}
