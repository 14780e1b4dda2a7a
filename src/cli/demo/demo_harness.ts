/** Starts, watches and kills the demo's nodes, and waits for conditions on what they report. */
import { deadline, sleep, systemClock } from "../../core/clock.ts";
import type { Identity } from "../../identity/identity.ts";
import type { DemoEvent } from "./demo_event.ts";
import type { DemoHost, DemoNode } from "./demo_host.ts";
import { MeshView } from "./mesh_view.ts";

/** Pause between two checks of a condition; one check of a large mesh costs a millisecond. */
const POLL_MS = 10;

/** A condition was not met in time, or cannot be met any more. */
export class NotShownError extends Error {
  /** The condition, as a sentence. */
  readonly missing: readonly string[];

  constructor(missing: readonly string[]) {
    super(`Not shown: ${missing.join("; ")}`);
    this.name = "NotShownError";
    this.missing = missing;
  }
}

/** Settings of a {@linkcode DemoHarness}. */
export interface DemoHarnessOptions {
  readonly identities: ReadonlyMap<string, Identity>;
  readonly host: DemoHost;
  /** Called with every event at once, in order. */
  readonly show: (event: DemoEvent) => void;
  /** Aborts when the demo is interrupted. */
  readonly signal: AbortSignal;
}

/** The nodes of a demo and their state. */
export class DemoHarness {
  /** The state of the mesh. */
  readonly view: MeshView;
  readonly #options: DemoHarnessOptions;
  readonly #nodes = new Map<string, DemoNode>();
  /** The current run of each node; late events of an earlier run are dropped. */
  readonly #runs = new Map<string, symbol>();
  readonly #crashed: string[] = [];
  #starting = 0;

  constructor(options: DemoHarnessOptions) {
    this.#options = options;
    this.view = new MeshView(
      [...options.identities].map(([name, { id }]) => ({ name, id })),
    );
  }

  /**
   * Starts a node as soon as the one it joins through listens and the host has room. Resolves
   * when it listens, or rejects `timeoutMs` after its start.
   */
  async start(
    name: string,
    via: string | undefined,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { host, identities } = this.#options;
    const identity = identities.get(name);
    if (identity === undefined) throw new TypeError(`${name} has no key`);
    const notStarted = [`${name} did not start`];
    const waiting = () => this.#canStart(via) ? [] : notStarted;
    // Another start that waited may have begun first.
    while (waiting().length > 0) await this.until(waiting, signal);
    this.#starting++;
    try {
      using limit = deadline(systemClock, timeoutMs, signal);
      const run = Symbol(name);
      this.#runs.set(name, run);
      this.#show(this.view.begin(name, via));
      const node = await host.start({
        name,
        identity,
        connect: via === undefined ? undefined : this.view.addressOf(via),
        onEvent: (event) => {
          if (this.#runs.get(name) !== run) return;
          this.#show(this.view.apply(name, event));
        },
        onEnd: (reason) => {
          if (this.#runs.get(name) !== run) return;
          const events = this.view.ended(name, reason);
          if (events.length > 0) this.#crashed.push(`${name}: ${reason}`);
          this.#show(events);
        },
      });
      this.#nodes.set(name, node);
      await this.until(
        () => this.view.addressOf(name) === undefined ? notStarted : [],
        limit.signal,
      );
    } finally {
      this.#starting--;
    }
  }

  /** Kills a node; resolves when it is gone. */
  async kill(name: string): Promise<void> {
    const node = this.#nodes.get(name);
    this.#nodes.delete(name);
    this.#runs.delete(name);
    this.#show(this.view.kill(name));
    await node?.kill();
  }

  /** Stops all nodes, whose events are not shown any more; resolves when they are gone. */
  async leave(): Promise<void> {
    this.#runs.clear();
    await Promise.all([...this.#nodes.values()].map((node) => node.leave()));
  }

  /**
   * Waits until `missing` returns nothing any more. Rejects with `NotShownError` when `signal`
   * aborts first or a node crashes.
   */
  async until(
    missing: () => readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    for (let rest = missing(); rest.length > 0; rest = missing()) {
      this.#options.signal.throwIfAborted();
      if (signal.aborted || this.#crashed.length > 0) {
        throw new NotShownError([...this.#crashed, ...rest]);
      }
      await sleep(systemClock, POLL_MS);
    }
  }

  #canStart(via: string | undefined): boolean {
    const { host } = this.#options;
    return (via === undefined || this.view.addressOf(via) !== undefined) &&
      this.#starting < host.startsAtOnce &&
      this.view.linksToCome <= host.linksAtOnce;
  }

  #show(events: readonly DemoEvent[]): void {
    for (const event of events) this.#options.show(event);
  }
}
