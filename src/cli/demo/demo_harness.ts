/** Starts, watches and kills the demo's nodes, and waits for conditions on what they report. */
import { sleep, systemClock } from "../../core/clock.ts";
import type { Identity } from "../../identity/identity.ts";
import type { DemoEvent } from "./demo_event.ts";
import type { DemoHost, DemoNode } from "./demo_host.ts";
import type { DemoPage } from "./demo_page.ts";
import { MeshView } from "./mesh_view.ts";

/** Pause between two checks of a condition; one check of a large mesh costs a millisecond. */
const POLL_MS = 10;

/** Most items named when many of a kind are missing. */
const MAX_NAMED = 4;

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
  /** Aborts when the demo is interrupted or has taken too long. */
  readonly signal: AbortSignal;
  /** How long anything may take that is waited for. */
  readonly stepMs: number;
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
  /** Why a node could not be started; then no condition can be met any more. */
  #failure: unknown;

  constructor(options: DemoHarnessOptions) {
    this.#options = options;
    this.view = new MeshView(
      [...options.identities].map(([name, { id }]) => ({ name, id })),
    );
  }

  /**
   * Starts a node as soon as the one it joins through listens and the host has room. Resolves
   * when it listens.
   */
  async start(
    name: string,
    via: string | undefined,
    { hasPage = false }: { readonly hasPage?: boolean } = {},
  ): Promise<void> {
    const { host, identities } = this.#options;
    const identity = identities.get(name);
    if (identity === undefined) throw new TypeError(`${name} has no key`);
    const waiting = () => this.#canStart(via) ? [] : [name];
    // Another start that waited may have begun first.
    while (!this.#canStart(via)) await this.until("start", waiting, Infinity);
    this.#starting++;
    try {
      const run = Symbol(name);
      this.#runs.set(name, run);
      this.#show(this.view.begin(name, via));
      const node = await host.start({
        name,
        identity,
        connect: via === undefined ? undefined : this.view.addressOf(via),
        hasPage,
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
        "start",
        () => this.view.addressOf(name) === undefined ? [name] : [],
      );
    } catch (error) {
      this.#failure ??= error;
      throw error;
    } finally {
      this.#starting--;
    }
  }

  /** The page of a node that has started with one. */
  pageOf(name: string): DemoPage | undefined {
    return this.#nodes.get(name)?.page;
  }

  /** Kills a node; resolves when it is gone. */
  async kill(name: string): Promise<void> {
    const node = this.#nodes.get(name);
    this.#nodes.delete(name);
    this.#runs.delete(name);
    this.#show(this.view.kill(name));
    await node?.kill();
  }

  /** Stops all nodes, without showing their events any more; resolves when they are gone. */
  async leave(): Promise<void> {
    this.#runs.clear();
    await Promise.all([...this.#nodes.values()].map((node) => node.leave()));
  }

  /**
   * Waits until `items` returns nothing any more. Rejects with `NotShownError`, which names
   * `what` and the first items, when that takes too long or a node crashes.
   */
  async until(
    what: string,
    items: () => readonly string[],
    timeoutMs: number = this.#options.stepMs,
  ): Promise<void> {
    const { signal } = this.#options;
    const endAt = systemClock.monotonic() + timeoutMs;
    for (let rest = items(); rest.length > 0; rest = items()) {
      if (this.#failure !== undefined) throw this.#failure;
      const isLate = signal.aborted || systemClock.monotonic() >= endAt;
      if (isLate || this.#crashed.length > 0) {
        throw new NotShownError([...this.#crashed, few(what, rest)]);
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

/** `what: a, b, c, d and 7 more`. */
function few(what: string, items: readonly string[]): string {
  const more = items.length - MAX_NAMED;
  return `${what}: ${items.slice(0, MAX_NAMED).join(", ")}${
    more > 0 ? ` and ${more} more` : ""
  }`;
}
