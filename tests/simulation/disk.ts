/**
 * A disk that outlives its node: what was committed is there for the next life,
 * what was written since the last commit dies with a crash, all of it, as a
 * transaction does. It stands for the database of `src/store/`.
 */
import type { Clock } from "../../src/core/clock.ts";
import type { MessageStore } from "../../src/delivery/message_store.ts";
import { COMMIT_IDLE_MS } from "../../src/store/store_limits.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import type { NodeStore } from "../../src/mesh/peers/node_store.ts";

/** A call that changes something. */
interface Write {
  readonly on: "peers" | "messages";
  readonly method: string;
  readonly values: readonly unknown[];
}

const WRITES = /^(put|delete|trim|expire)/;

/** How long a flush to the disk takes, milliseconds. */
const FLUSH_MS = 3;

/** A store that can be lost. */
export interface DiskStore extends NodeStore {
  /** The machine is off: what was not committed is gone, and nothing more is written. */
  crash(): void;
}

/** One disk. */
export class Disk {
  /** What was committed, in order; the state is what comes of it. */
  readonly #committed: Write[] = [];

  /** A setting that an earlier life has left. */
  preset(key: string, value: Uint8Array<ArrayBuffer>): void {
    this.#committed.push({
      on: "peers",
      method: "putSetting",
      values: [key, value],
    });
  }

  /**
   * The store as the last life left it.
   *
   * @param onLateWrite Called when its node writes after it was closed.
   */
  open(clock: Clock, onLateWrite: (method: string) => void): DiskStore {
    const memory = new MemoryStore();
    for (const write of this.#committed) replay(memory, write);
    return new OpenDisk(this.#committed, memory, clock, onLateWrite).store;
  }
}

class OpenDisk {
  readonly store: DiskStore;
  readonly #committed: Write[];
  readonly #clock: Clock;
  readonly #onLateWrite: (method: string) => void;
  #pending: Write[] = [];
  #state: "open" | "closed" | "crashed" = "open";
  #cancel: (() => void) | undefined;
  #waiting: PromiseWithResolvers<void> | undefined;

  constructor(
    committed: Write[],
    memory: MemoryStore,
    clock: Clock,
    onLateWrite: (method: string) => void,
  ) {
    this.#committed = committed;
    this.#clock = clock;
    this.#onLateWrite = onLateWrite;
    const own = {
      commit: () => this.#commit(),
      committed: () => this.#whenCommitted(),
    };
    const messages = this.#watch<MessageStore>(
      "messages",
      memory.messages,
      own,
    );
    this.store = this.#watch<DiskStore>("peers", memory, {
      ...own,
      messages,
      close: () => this.#close(),
      crash: () => this.#crash(),
    });
  }

  #watch<T extends object>(
    on: Write["on"],
    target: object,
    own: Record<string, unknown>,
  ): T {
    return new Proxy(target, {
      get: (inner, name) => {
        if (typeof name === "string" && Object.hasOwn(own, name)) {
          return own[name];
        }
        const value = Reflect.get(inner, name);
        if (typeof value !== "function") return value;
        return (...values: unknown[]) => {
          if (WRITES.test(String(name))) {
            this.#write({ on, method: String(name), values });
          }
          return value.apply(inner, values);
        };
      },
    }) as T;
  }

  #write(write: Write): void {
    // Its node may run a few turns more before it notices that it is dead.
    if (this.#state === "crashed") return;
    if (this.#state === "closed") return this.#onLateWrite(write.method);
    this.#pending.push(write);
    this.#cancel ??= this.#clock.after(COMMIT_IDLE_MS, () => this.#commit());
  }

  #commit(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#committed.push(...this.#pending);
    this.#pending = [];
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  #whenCommitted(): Promise<void> {
    if (this.#pending.length === 0) return Promise.resolve();
    if (this.#waiting === undefined) {
      this.#cancel?.();
      this.#cancel = this.#clock.after(FLUSH_MS, () => this.#commit());
    }
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  #close(): void {
    if (this.#state !== "open") return;
    this.#commit();
    this.#state = "closed";
  }

  #crash(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#pending = [];
    this.#state = "crashed";
  }
}

function replay(memory: MemoryStore, { on, method, values }: Write): void {
  const target = on === "peers" ? memory : memory.messages;
  Reflect.apply(Reflect.get(target, method), target, values);
}
