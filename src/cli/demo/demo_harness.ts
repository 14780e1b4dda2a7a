/**
 * Where the demo's nodes live and are watched: starts and kills them, keeps the
 * view of what they say, and waits for conditions with deadlines. In which order
 * what is done is left to `scenario.ts`.
 */
import { deadline, systemClock } from "../../core/clock.ts";
import type { Identity } from "../../identity/identity.ts";
import type { DemoHost, DemoNode } from "./demo_node.ts";
import type { DemoEvent } from "./demo_event.ts";
import { MeshView } from "./mesh_view.ts";

/** Something did not happen in time, or cannot happen any more. */
export class NotShownError extends Error {
  /** What, in words. */
  readonly missing: readonly string[];

  constructor(missing: readonly string[]) {
    super(`Not shown: ${missing.join("; ")}`);
    this.name = "NotShownError";
    this.missing = missing;
  }
}

/** What is waited for. */
export interface Condition {
  /** Whether it has happened; looked at after every event. */
  readonly done: () => boolean;
  /** What has not happened, in words. */
  readonly missing: () => readonly string[];
}

/** Settings of a {@linkcode DemoHarness}. */
export interface DemoHarnessOptions {
  readonly identities: ReadonlyMap<string, Identity>;
  readonly host: DemoHost;
  /** Told everything at once, in order. */
  readonly show: (happening: DemoEvent) => void;
  /** Aborts when a person asked the demo to stop. */
  readonly signal: AbortSignal;
}

/** The nodes of a demo, and what is known of them. */
export class DemoHarness {
  readonly #options: DemoHarnessOptions;
  readonly #view: MeshView;
  /** The life each node is in; what an earlier one says late is not heard. */
  readonly #lives = new Map<string, symbol>();
  readonly #nodes = new Map<string, DemoNode>();
  readonly #refusals = new Map<string, string>();
  readonly #crashed: string[] = [];
  #starting = 0;
  #changed = Promise.withResolvers<void>();
  #leaving = false;

  constructor(options: DemoHarnessOptions) {
    this.#options = options;
    this.#view = new MeshView(
      [...options.identities].map(([name, { id }]) => ({ name, identity: id })),
    );
  }

  /** What is known of the mesh. */
  get view(): MeshView {
    return this.#view;
  }

  /** Why `name` refused whoever came from `address`, if it did. */
  refusal(name: string, address: string): string | undefined {
    return this.#refusals.get(`${name} ${address}`);
  }

  /**
   * Starts a node as soon as the one it joins through listens and the host has
   * room; resolves when it listens.
   *
   * @throws {NotShownError} when it does not within `timeoutMs` of its own start.
   */
  async start(
    name: string,
    via: string | undefined,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { host, identities } = this.#options;
    const missing = () => [`${name} did not start`];
    await this.until({ done: () => this.#mayStart(via), missing }, signal);
    try {
      using limit = deadline(systemClock, timeoutMs, signal);
      const life = Symbol(name);
      this.#lives.set(name, life);
      this.#show(this.#view.begin(name, via));
      const connect = via === undefined ? undefined : this.#view.addressOf(via);
      const identity = identities.get(name);
      if (identity === undefined) throw new TypeError(`${name} has no key`);
      const node = await host.start({
        name,
        identity,
        ...(connect !== undefined && { connect }),
        onEvent: (event) => {
          if (this.#lives.get(name) !== life || this.#leaving) return;
          if (event.type === "refused") {
            this.#refusals.set(`${name} ${event.address}`, event.reason);
          }
          this.#show(this.#view.apply(name, event));
        },
        onEnd: (reason) => {
          if (this.#lives.get(name) !== life || this.#leaving) return;
          const happenings = this.#view.ended(name, reason);
          if (happenings.length > 0) this.#crashed.push(`${name}: ${reason}`);
          this.#show(happenings);
        },
      });
      this.#nodes.set(name, node);
      const done = () => this.#view.addressOf(name) !== undefined;
      await this.until({ done, missing }, limit.signal);
    } finally {
      this.#starting--;
      this.#wake();
    }
  }

  /** Kills a node without a word to anybody; resolves when it is gone. */
  async kill(name: string): Promise<void> {
    const node = this.#nodes.get(name);
    this.#nodes.delete(name);
    this.#lives.delete(name);
    this.#show(this.#view.kill(name));
    await node?.kill();
  }

  /** All nodes say bye; resolves when they are gone. */
  async leave(): Promise<void> {
    this.#leaving = true;
    await Promise.all([...this.#nodes.values()].map((node) => node.leave()));
  }

  /**
   * Waits.
   *
   * @throws {NotShownError} when `signal` aborts first, or a node has crashed.
   * @throws the reason of the demo's own signal when that aborts.
   */
  async until(condition: Condition, signal: AbortSignal): Promise<void> {
    const wake = () => this.#wake();
    signal.addEventListener("abort", wake);
    try {
      while (!condition.done()) {
        this.#options.signal.throwIfAborted();
        if (signal.aborted || this.#crashed.length > 0) {
          throw new NotShownError([...this.#crashed, ...condition.missing()]);
        }
        await this.#changed.promise;
      }
    } finally {
      signal.removeEventListener("abort", wake);
    }
  }

  /** Takes a place among those that are starting. */
  #mayStart(via: string | undefined): boolean {
    const { host } = this.#options;
    const ready = via === undefined || this.#view.addressOf(via) !== undefined;
    const room = this.#starting < host.startsAtOnce &&
      this.#view.linksToCome <= host.linksAtOnce;
    if (!ready || !room) return false;
    this.#starting++;
    return true;
  }

  #show(happenings: readonly DemoEvent[]): void {
    for (const happening of happenings) this.#options.show(happening);
    this.#wake();
  }

  /** Everybody who waits looks again. */
  #wake(): void {
    const changed = this.#changed;
    this.#changed = Promise.withResolvers();
    changed.resolve();
  }
}
