/**
 * Nodes of the demo as processes of their own: `verack run --json` by the same
 * executable, each with its key in a file of a temporary directory.
 *
 * No process and no file outlives the host: it kills and removes when disposed
 * of, and also when the program exits at once (a second Ctrl-C). Should this
 * process itself be killed, the children end with the next line they print,
 * because nobody reads it any more.
 */
import { systemClock } from "../../core/clock.ts";
import { type IdentityFiles, writeIdentity } from "../../identity/files.ts";
import type { PeerId } from "../../identity/identity.ts";
import type { NodeEvent } from "../../mesh/events.ts";
import type { DemoHost, DemoNode, DemoNodeOptions } from "./demo_node.ts";
import { linesOf } from "../lines.ts";

/** How long a node may take to say bye; its own deadline for that is a second. */
const LEAVE_TIMEOUT_MS = 3_000;

/** After Ctrl-C the terminal has told the children too; they get this head start. */
const HEAD_START_MS = 500;

/** What `verack run` needs to be permitted, beside reading its key. */
const CHILD_PERMISSIONS = [
  "--allow-net=127.0.0.1",
  "--allow-env=VERACK_LOG,DENO_TLS_CA_STORE,DENO_CERT,NODE_EXTRA_CA_CERTS",
] as const;

/** Settings of a {@linkcode ChildHost}. */
export interface ChildHostOptions {
  /** Seconds between two pings of a node. */
  readonly periodS: number;
  /** Flags of `run` that every node gets, such as `--log-level=debug`. */
  readonly flags: readonly string[];
  /** Takes each line that a node writes to standard error. */
  readonly onTalk: (name: string, line: string) => void;
  /** Aborts when a person asked the demo to stop. */
  readonly interrupted: AbortSignal;
}

/** Runs each node in a process of its own. */
export class ChildHost implements DemoHost {
  /** Starting is work for the processor; more at once only start later, all of them. */
  readonly startsAtOnce = Math.max(2, navigator.hardwareConcurrency);
  readonly linksAtOnce = Infinity;
  readonly #options: ChildHostOptions;
  readonly #directory: string;
  readonly #files = new Map<PeerId, IdentityFiles>();
  readonly #children = new Set<ChildNode>();
  readonly #onUnload = () => this.#clearAtOnce();

  private constructor(options: ChildHostOptions, directory: string) {
    this.#options = options;
    this.#directory = directory;
    addEventListener("unload", this.#onUnload);
  }

  /**
   * Makes the temporary directory.
   *
   * @throws {Deno.errors.NotCapable} without the permission to write there.
   */
  static async create(options: ChildHostOptions): Promise<ChildHost> {
    const directory = await Deno.makeTempDir({ prefix: "verack-demo-" });
    return new ChildHost(options, directory);
  }

  async start(options: DemoNodeOptions): Promise<DemoNode> {
    const { name, identity, connect } = options;
    const { periodS, flags, onTalk, interrupted } = this.#options;
    let files = this.#files.get(identity.id);
    if (files === undefined) {
      files = await writeIdentity(identity, `${this.#directory}/${name}`);
      this.#files.set(identity.id, files);
    }
    const process = spawn(this.#directory, [
      "--json",
      "--host=127.0.0.1",
      "--port=0",
      `--period=${periodS}`,
      `--key=${files.keyPath}`,
      `--cert=${files.certPath}`,
      ...(connect === undefined ? [] : [`--connect=${connect}`]),
      ...flags,
    ]);
    const child = new ChildNode(process, {
      ...options,
      interrupted,
      onTalk: (line) => onTalk(name, line),
      onGone: () => this.#children.delete(child),
    });
    this.#children.add(child);
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    removeEventListener("unload", this.#onUnload);
    try {
      await Promise.all([...this.#children].map((child) => child.kill()));
    } finally {
      await Deno.remove(this.#directory, { recursive: true });
    }
  }

  #clearAtOnce(): void {
    for (const child of this.#children) child.signal("SIGKILL");
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

/** Starts `verack run` by the executable that runs this very program. */
function spawn(directory: string, flags: readonly string[]): Deno.ChildProcess {
  const program = Deno.build.standalone ? [] : [
    "run",
    "--no-prompt",
    "--quiet",
    // All of it was loaded for this process already, by the same lock file.
    "--cached-only",
    ...CHILD_PERMISSIONS,
    `--allow-read=${directory}`,
    new URL("../../../mod.ts", import.meta.url).href,
  ];
  return new Deno.Command(Deno.execPath(), {
    args: [...program, "run", ...flags],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

interface ChildNodeOptions extends Pick<DemoNodeOptions, "onEvent" | "onEnd"> {
  readonly interrupted: AbortSignal;
  readonly onTalk: (line: string) => void;
  readonly onGone: () => void;
}

class ChildNode implements DemoNode {
  readonly #process: Deno.ChildProcess;
  readonly #interrupted: AbortSignal;
  /** Resolves when the process is gone and all it said was read. */
  readonly #done: Promise<void>;

  constructor(process: Deno.ChildProcess, options: ChildNodeOptions) {
    this.#process = process;
    this.#interrupted = options.interrupted;
    this.#done = this.#watch(options);
  }

  /** Sends a signal, if the process is still there. */
  signal(name: Deno.Signal): void {
    try {
      this.#process.kill(name);
    } catch (error) {
      // Deno's word for a process that has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#done;
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
    const ended = this.#done.then(() => true);
    const result = await Promise.race([ended, timeout.promise]);
    cancel();
    return result;
  }

  async #watch(options: ChildNodeOptions): Promise<void> {
    const { stdout, stderr, status } = this.#process;
    const events = async () => {
      for await (const line of linesOf(stdout)) {
        const event = parseEvent(line);
        if (event === undefined) options.onTalk(line);
        else options.onEvent(event);
      }
    };
    const talk = async () => {
      for await (const line of linesOf(stderr)) options.onTalk(line);
    };
    try {
      await Promise.all([events(), talk()]);
    } finally {
      const { code, signal } = await status;
      options.onGone();
      options.onEnd(
        signal === null
          ? `its process ended with exit code ${code}`
          : `its process was ended by ${signal}`,
      );
    }
  }
}

/** An event as `run --json` prints it; `undefined` for anything else. */
function parseEvent(line: string): NodeEvent | undefined {
  try {
    const value = JSON.parse(line);
    // It is our own program that wrote it: what has a type is an event.
    return typeof value?.type === "string" ? value as NodeEvent : undefined;
  } catch {
    return undefined;
  }
}
