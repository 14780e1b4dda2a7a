/**
 * One node that chaos happens to: a data directory that stays, and the process that
 * has it at the moment, if one does. What it says about its links is read from its output.
 * What is done to it, and when, is decided elsewhere.
 */
import { assertEquals } from "@std/assert";
import type { NodeEvent } from "../../../src/mesh/events.ts";
import { parseAddress } from "../../../src/transport/address.ts";
import type { Ledger, Told } from "./ledger.ts";
import type { Host } from "../../helpers/network/host_network.ts";
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

/** A host of a network. */
export function placeOn(host: Host): Place {
  return {
    name: host.name,
    host: "0.0.0.0",
    reachedAt: host.address,
    launcher: host.network.launcher,
  };
}

/** Flags of nodes that are quick to give a peer up, so that tests need not wait. */
export const HASTY: readonly string[] = ["--heartbeat=0.3", "--dead-after=1.5"];

/** How long a process must stand still for all others to give it up. */
export const HASTY_STOP_MS = 2_500;

/** What is the same at every start of a member. */
export interface MemberOptions {
  readonly name: string;
  readonly place: Place;
  /** Its data directory. */
  readonly data: string;
  /** Flags of every start, beside those for directory and addresses. */
  readonly flags: readonly string[];
  /** Where its messages are noted: it is a `talker.ts`. @default {"verack run"} */
  readonly ledger?: Ledger;
}

const TALKER = new URL("./talker.ts", import.meta.url).href;

/** A node with a past. */
export class Member implements AsyncDisposable {
  readonly name: string;
  /** It may move. */
  place: Place;
  /** It is stopped by a signal, and knows nothing of it. */
  asleep = false;
  readonly #options: MemberOptions;
  #process: NodeProcess | undefined;
  #id = "";
  #port = 0;
  #lives = 0;
  /** Messages that its sender waits for, once it sends no more. */
  #outbox: number | undefined;
  /** Addresses of others when the mesh was whole, the last time and the one before. */
  #remembered: readonly ReadonlyMap<Member, string>[] = [];
  /** By identity: the relay, or nothing of a direct one. */
  readonly #links = new Map<string, string | undefined>();
  #mesh: Extract<NodeEvent, { type: "mesh" }> | undefined;
  #read = 0;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.name = options.name;
    this.place = options.place;
  }

  /** Whether there is a process, awake or not. */
  get running(): boolean {
    return this.#process !== undefined;
  }

  /** Its data directory. */
  get data(): string {
    return this.#options.data;
  }

  /** Where others reach it, or did: `host:port`. */
  get address(): string {
    return `${this.place.reachedAt}:${this.#port}`;
  }

  /** Port it listens on, or did; 0 before its first start. */
  get port(): number {
    return this.#port;
  }

  /** Who it is, from its first start on. */
  get id(): string {
    return this.#id;
  }

  /** Starts it on its directory; resolves when it listens. */
  async start(
    connect: readonly string[],
    options: { readonly port?: number; readonly quiet?: boolean } = {},
  ): Promise<void> {
    const { data, flags, ledger } = this.#options;
    const { port = 0, quiet = false } = options;
    this.#lives++;
    this.#outbox = undefined;
    this.#links.clear();
    this.#mesh = undefined;
    this.#read = 0;
    this.asleep = false;
    this.#process = await NodeProcess.start([
      `--host=${this.place.host}`,
      `--port=${port}`,
      `--data=${data}`,
      ...flags,
      ...(quiet ? ["--quiet"] : []),
      ...connect.map((address) => `--connect=${address}`),
    ], {
      permissions: [`--allow-read=${data}`, `--allow-write=${data}`],
      launcher: this.place.launcher,
      ...(ledger !== undefined && { module: TALKER, stdin: "open" }),
    });
    if (this.#id === "") this.#id = this.#process.id;
    assertEquals(this.#process.id, this.#id, this.name);
    this.#port = parseAddress(this.#process.address).port;
  }

  /** The mesh is whole: it meets these, at these addresses. */
  remember(others: readonly Member[]): void {
    const addresses = new Map(others.map((it) => [it, it.address]));
    this.#remembered = [addresses, ...this.#remembered.slice(0, 1)];
  }

  /**
   * Whether it finds back by itself: one of these is where it was when the mesh was
   * whole, and not only a moment ago, for that may not be on disk yet.
   */
  findsBackTo(others: readonly Member[]): boolean {
    const before = this.#remembered[1];
    return others.some((other) => before?.get(other) === other.address);
  }

  /** It sends no more messages. */
  async quieten(): Promise<void> {
    await this.#process?.child.write("quiet\n");
  }

  /** Whether nothing that it sent is on its way any more. */
  get isDone(): boolean {
    this.#listen();
    return this.#outbox === 0;
  }

  /** Kills it without a warning, asleep or not. */
  async kill(): Promise<void> {
    // What it said to the end counts.
    await this.#process?.[Symbol.asyncDispose]();
    this.#listen();
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
   * Identities it says it is linked with, and through which relay, if one is between.
   *
   * @throws {Error} when what it says makes no sense, such as up twice.
   */
  links(): ReadonlyMap<string, string | undefined> {
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
      const event: NodeEvent | Told = JSON.parse(lines[this.#read] ?? "");
      if (event.type === "peer:up") {
        this.#turn(event.id, true);
        this.#links.set(event.id, event.via);
      } else if (event.type === "peer:down") {
        this.#turn(event.id, false);
        this.#links.delete(event.id);
      } else if (event.type === "path") this.#links.set(event.id, event.via);
      else if (event.type === "mesh") this.#mesh = event;
      else this.#note(event);
    }
  }

  #note(event: NodeEvent | Told): void {
    const { ledger } = this.#options;
    switch (event.type) {
      case "undelivered":
        return ledger?.undelivered(this.name, event.reason);
      case "outbox":
        this.#outbox = event.messages;
        return;
      case "kept":
      case "acked":
      case "failed":
      case "taken":
      case "begun":
      case "ended":
      case "sent-file":
        return ledger?.note(this.#id, this.#lives, event);
    }
  }

  #turn(id: string, up: boolean): void {
    if (this.#links.has(id) === up) {
      throw new Error(
        `${this.name} said twice that ${id} is ${up ? "up" : "down"}`,
      );
    }
  }
}
