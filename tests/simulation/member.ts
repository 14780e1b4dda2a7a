/**
 * One node of a simulated mesh through all its lives: it is started, leaves,
 * crashes, comes back, with its memory or without, and moves.
 */
import type { Identity } from "../../src/identity/identity.ts";
import type { NodeParts } from "../../src/mesh/node_parts.ts";
import type { NodeEvent } from "../../src/mesh/events.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import { Node } from "../../src/mesh/node.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import { FLUSH_TIMEOUT_MS } from "../../src/session/session_limits.ts";
import type { ProcessClock } from "./clock.ts";
import type { Disk, DiskStore } from "./disk.ts";
import { headOf } from "./mail.ts";
import type { Party } from "./wires.ts";

/** Within this a connection that is given up is closed; it may be read meanwhile. */
const CLOSING_MS = FLUSH_TIMEOUT_MS;

/** One life of a member, from its start to its end. */
export class Life implements Party {
  readonly label: string;
  readonly identity: Identity;
  readonly host: string;
  readonly clock: ProcessClock;
  readonly #onEvent: (life: Life, event: NodeEvent) => void;
  #node: Node | undefined;
  #context: NodeParts | undefined;
  #ending: Promise<void> | undefined;
  readonly disk: Disk;
  readonly #store: DiskStore;
  readonly #over = new AbortController();
  /** Messages to send that it found on its disk. */
  readonly keptAtStart: readonly {
    readonly text: string;
    readonly id: string;
  }[];
  /** Messages it knew at its start that it has: sender and id. */
  readonly seenAtStart: ReadonlySet<string>;
  /** Its machine was switched off. */
  hasCrashed = false;
  /** When data came over a connection of late, `from>to`, in time that the process ran. */
  readonly #heardMs = new Map<string, number[]>();

  constructor(
    label: string,
    identity: Identity,
    host: string,
    clock: ProcessClock,
    disk: Disk,
    told: {
      readonly onEvent: (life: Life, event: NodeEvent) => void;
      /** Its node called this on the store after closing it. */
      readonly onLateWrite: (life: Life, method: string) => void;
    },
  ) {
    this.label = label;
    this.identity = identity;
    this.host = host;
    this.clock = clock;
    this.disk = disk;
    this.#onEvent = told.onEvent;
    this.#store = disk.open(clock, (method) => told.onLateWrite(this, method));
    const { messages } = this.#store;
    this.keptAtStart = [...messages.outgoing()].flatMap(({ message, to }) =>
      to.map(() => ({
        text: headOf(message.body),
        id: message.id.toHex(),
      }))
    );
    this.seenAtStart = new Set(
      [...messages.senders()].flatMap((from) =>
        [...messages.seenBy(from)].map((id) => `${from} ${id.toHex()}`)
      ),
    );
  }

  /** Data came over a connection, `from>to`. */
  heard(connection: string): void {
    const times = this.#heardMs.getOrInsertComputed(connection, () => []);
    times.push(this.clock.ranMs);
    const old = this.clock.ranMs - 2 * CLOSING_MS;
    while (times.length > 1 && times[1]! < old) times.shift();
  }

  /**
   * The longest silence on a connection that has just closed: also one that ended while its
   * last frame was written.
   */
  silentMs(connection: string): number {
    const now = this.clock.ranMs;
    const times = [0, ...this.#heardMs.get(connection) ?? [], now];
    let longest = 0;
    for (let at = times.length - 1; at > 0; at--) {
      longest = Math.max(longest, times[at]! - times[at - 1]!);
      if (times[at - 1]! < now - CLOSING_MS) break;
    }
    return longest;
  }

  /** Starts the node. */
  async start(options: NodeOptions): Promise<void> {
    const node = await Node.start({
      ...options,
      identity: this.identity,
      host: this.host,
      clock: this.clock,
      store: this.#store,
    });
    this.#node = node;
    this.#context = partsOf(node);
    this.#listen(node);
    // It may have been killed while it started.
    if (this.#ending !== undefined) await node.close({ abrupt: true });
  }

  /** Whether it runs and is not about to end. */
  get isUp(): boolean {
    return this.#node !== undefined && this.#ending === undefined;
  }

  /** Aborts when it ends. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  get node(): Node | undefined {
    return this.#node;
  }

  /** What is inside, if it has started. */
  get context(): NodeParts | undefined {
    return this.#context;
  }

  /** Ends it; resolves when nothing of it is left. Idempotent. */
  end(options: { abrupt: boolean }): Promise<void> {
    return this.#ending ??= this.#end(options);
  }

  /** Its machine is switched off: what it did not commit is gone. */
  crash(): Promise<void> {
    this.hasCrashed = true;
    this.#store.crash();
    return this.end({ abrupt: true });
  }

  async #end(options: { abrupt: boolean }): Promise<void> {
    this.#over.abort();
    await this.#node?.close(options);
    this.#store.close();
  }

  async #listen(node: Node): Promise<void> {
    for await (const event of node.events()) this.#onEvent(this, event);
  }
}

/** A member: what stays the same, or is handed on, from life to life. */
export interface Member {
  readonly index: number;
  readonly label: string;
  /** Where it was first. */
  readonly home: string;
  identity: Identity;
  host: string;
  disk: Disk;
  /** Whom its disk must know, and where those were: `identity@host`. */
  readonly remembers: Set<string>;
  /** The latest life, which may be over. */
  life: Life | undefined;
  lives: number;
}

/** One that runs. */
export type Running = Member & { life: Life };
