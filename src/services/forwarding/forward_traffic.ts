/** Counts some of the forwarded connections of a node: those of one forward, or of some rules. */
import type { NodeCounters } from "../../core/node_counters.ts";
import { TaskSet } from "../../core/task_set.ts";
import type { ForwardedConnection } from "./forwarded_connection.ts";

/** Counters, live. */
export interface ForwardCounters {
  /** Connections that are open or being opened. */
  readonly open: number;
  /** Connections that were opened. */
  readonly opened: number;
  /** Connections, or requests for one, that were refused. */
  readonly refused: number;
  /** Bytes that were sent to peers. */
  readonly sentBytes: number;
  /** Bytes that came from peers. */
  readonly receivedBytes: number;
}

/** Some forwarded connections, those that are open and those that were. */
export class ForwardTraffic implements ForwardCounters {
  readonly #open = new Set<ForwardedConnection>();
  readonly #tasks = new TaskSet();
  #opened = 0;
  #refused = 0;
  /** Of connections that have ended. */
  #sentBytes = 0;
  #receivedBytes = 0;
  readonly #node: NodeCounters;

  /** @param node Those of the node, which count, too. */
  constructor(node: NodeCounters) {
    this.#node = node;
  }

  get open(): number {
    return this.#open.size;
  }

  get opened(): number {
    return this.#opened;
  }

  get refused(): number {
    return this.#refused;
  }

  get sentBytes(): number {
    return this.#sum("sentBytes", this.#sentBytes);
  }

  get receivedBytes(): number {
    return this.#sum("receivedBytes", this.#receivedBytes);
  }

  /** Adds a connection that is being opened, or is open, until `done` resolves. */
  add(connection: ForwardedConnection, done: Promise<void>): void {
    this.#open.add(connection);
    this.#tasks.add(done.finally(() => {
      this.#open.delete(connection);
      this.#sentBytes += connection.sentBytes;
      this.#receivedBytes += connection.receivedBytes;
    }));
  }

  /** Counts one that is open now. */
  countOpened(): void {
    this.#opened++;
    this.#node.forwardedOpened++;
  }

  /** Counts one that was refused. */
  countRefused(): void {
    this.#refused++;
  }

  /** Closes those that are open, both ends at once. */
  abort(reason: unknown): void {
    for (const connection of [...this.#open]) connection.abort(reason);
  }

  /** Resolves when none is open. */
  async settled(): Promise<void> {
    await this.#tasks.settled();
  }

  #sum(field: "sentBytes" | "receivedBytes", ended: number): number {
    return [...this.#open].reduce((sum, it) => sum + it[field], ended);
  }
}
