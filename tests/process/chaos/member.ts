/**
 * One node that chaos happens to: a key that stays, and the process that has it at
 * the moment, if one does. What it says about its links is read from its output.
 * What is done to it, and when, is decided elsewhere.
 */
import { assertEquals } from "@std/assert";
import type { NodeEvent } from "../../../src/mesh/events.ts";
import { parseAddress } from "../../../src/transport/address.ts";
import { NodeProcess } from "../../helpers/process.ts";

/** Where a node runs. */
export interface Place {
  /** Name of the host, for who wants to tell hosts apart. */
  readonly name: string;
  /** Address it listens on. */
  readonly host: string;
  /** Address at which others reach it. */
  readonly reachedAt: string;
  /** Words before the command, such as `ip netns exec NAME`. */
  readonly launcher: readonly string[];
}

/** This machine, without a network. */
export const LOOPBACK: Place = {
  name: "loopback",
  host: "127.0.0.1",
  reachedAt: "127.0.0.1",
  launcher: [],
};

/** Flags of nodes that are quick to give a peer up, so that tests need not wait. */
export const HASTY: readonly string[] = ["--heartbeat=0.3", "--dead-after=1.5"];

/** How long a process must stand still for all others to give it up. */
export const HASTY_STOP_MS = 2_500;

/** What is the same at every start of a member. */
export interface MemberOptions {
  readonly name: string;
  readonly place: Place;
  /** Its private key, PEM. */
  readonly keyFile: string;
  readonly identity: string;
  /** Flags of every start, beside key, address and whom to join through. */
  readonly flags: readonly string[];
}

/** A node with a past. */
export class Member implements AsyncDisposable {
  readonly name: string;
  readonly identity: string;
  /** It may move. */
  place: Place;
  /** It is stopped by a signal, and knows nothing of it. */
  asleep = false;
  readonly #options: MemberOptions;
  #process: NodeProcess | undefined;
  #port = 0;
  readonly #links = new Set<string>();
  #mesh: Extract<NodeEvent, { type: "mesh" }> | undefined;
  #read = 0;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.name = options.name;
    this.identity = options.identity;
    this.place = options.place;
  }

  /** Whether there is a process, awake or not. */
  get running(): boolean {
    return this.#process !== undefined;
  }

  /** Where others reach it, or did: `host:port`. */
  get address(): string {
    return `${this.place.reachedAt}:${this.#port}`;
  }

  /** Port it listens on, or did; 0 before its first start. */
  get port(): number {
    return this.#port;
  }

  /** Starts it with its key; resolves when it listens. */
  async start(connect: readonly string[], port = 0): Promise<void> {
    const { keyFile, flags } = this.#options;
    this.#links.clear();
    this.#mesh = undefined;
    this.#read = 0;
    this.asleep = false;
    this.#process = await NodeProcess.start([
      `--host=${this.place.host}`,
      `--port=${port}`,
      `--key=${keyFile}`,
      ...flags,
      ...connect.map((address) => `--connect=${address}`),
    ], {
      permissions: [`--allow-read=${keyFile}`],
      launcher: this.place.launcher,
    });
    assertEquals(this.#process.identity, this.identity, this.name);
    this.#port = parseAddress(this.#process.address).port;
  }

  /** Kills it without a warning, asleep or not. */
  async kill(): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
    this.#process = undefined;
  }

  /** Asks it to leave, and waits until it has. */
  async terminate(): Promise<void> {
    assertEquals(await this.#process?.end("SIGTERM"), 143, this.name);
    await this.kill();
  }

  /** Stops it where it is. */
  sleep(): void {
    this.asleep = true;
    this.#process?.child.kill("SIGSTOP");
  }

  /** Lets it go on. */
  wake(): void {
    this.asleep = false;
    this.#process?.child.kill("SIGCONT");
  }

  /**
   * Identities it says it is linked with.
   *
   * @throws {Error} when what it says makes no sense, such as up twice.
   */
  links(): ReadonlySet<string> {
    this.#listen();
    return this.#links;
  }

  /** What it said last about the mesh. */
  mesh(): Extract<NodeEvent, { type: "mesh" }> | undefined {
    this.#listen();
    return this.#mesh;
  }

  /** Lines of its standard error: a node that does as it should has none above warnings. */
  complaints(): string[] {
    return this.#process?.child.err.filter((line) =>
      /error|critical|uncaught|panic/i.test(line)
    ) ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #listen(): void {
    const lines = this.#process?.child.out ?? [];
    for (; this.#read < lines.length; this.#read++) {
      const event: NodeEvent = JSON.parse(lines[this.#read] ?? "");
      if (event.type === "peer:up") this.#turn(event.identity, true);
      else if (event.type === "peer:down") this.#turn(event.identity, false);
      else if (event.type === "mesh") this.#mesh = event;
    }
  }

  #turn(identity: string, up: boolean): void {
    if (this.#links.has(identity) === up) {
      throw new Error(
        `${this.name} said twice that ${identity} is ${up ? "up" : "down"}`,
      );
    }
    if (up) this.#links.add(identity);
    else this.#links.delete(identity);
  }
}
