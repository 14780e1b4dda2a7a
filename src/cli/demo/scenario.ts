/**
 * The show, part by part: starts the nodes, waits for what must happen, kills one
 * and brings it back, sends the impostor. What happened is kept by `mesh_view.ts`,
 * where nodes run is up to a {@linkcode DemoHost}, and printing to the caller.
 */
import { deadline, systemClock } from "../../clock.ts";
import { messageOf, VerackError } from "../../errors.ts";
import type { Identity } from "../../identity/identity.ts";
import type { DemoHost, DemoNode } from "./demo_node.ts";
import type { Happening, Phase } from "./happenings.ts";
import { tryAsImpostor } from "./impostor.ts";
import { MeshView } from "./mesh_view.ts";
import { type DemoPlan, IMPOSTOR_NAME } from "./plan.ts";

/** Settings of a {@linkcode Scenario}. */
export interface ScenarioOptions {
  readonly plan: DemoPlan;
  /** Keys of the nodes, by name. */
  readonly identities: ReadonlyMap<string, Identity>;
  readonly host: DemoHost;
  readonly inProcess: boolean;
  /** Seconds between two pings of a node. */
  readonly periodS: number;
  /** Told everything at once, in order. */
  readonly show: (happening: Happening) => void;
  /** Ends the show early. */
  readonly signal: AbortSignal;
}

/** How long each part may take, milliseconds; some ten times what it takes. */
interface Deadlines {
  /** Everything but the farewell. */
  readonly all: number;
  /** One node, from being told to start to `listening`, or any other single step. */
  readonly step: number;
  /** All nodes have started, and each has a session with each. */
  readonly mesh: number;
  /** Everybody has shown everybody's pings. */
  readonly pings: number;
}

/** Something did not happen in time; names what. */
class NotShownError extends Error {
  readonly missing: readonly string[];

  constructor(missing: readonly string[]) {
    super(`Not shown: ${missing.join(", ")}`);
    this.missing = missing;
  }
}

/** What is waited for. */
interface Condition {
  readonly done: () => boolean;
  /** What is still missing, in words. */
  readonly missing: () => readonly string[];
}

/** Most things named when many of a kind are missing. */
const MAX_NAMED = 4;

/** Plays one demo. */
export class Scenario {
  readonly #options: ScenarioOptions;
  readonly #view: MeshView;
  readonly #nodes = new Map<string, DemoNode>();
  readonly #deadlines: Deadlines;
  readonly #refusals = new Map<string, string>();
  readonly #startedAt = systemClock.monotonic();
  readonly #shown: Phase[] = [];
  #missing: readonly string[] = [];
  #wake: (() => void)[] = [];
  #leaving = false;

  constructor(options: ScenarioOptions) {
    this.#options = options;
    this.#deadlines = deadlinesOf(options);
    this.#view = new MeshView(
      [...options.identities].map(([name, { id }]) => ({ name, identity: id })),
    );
  }

  /** Whether all of it happened, so far. */
  get ok(): boolean {
    return this.#missing.length === 0;
  }

  /** Plays all parts up to the table of nodes. */
  async play(): Promise<void> {
    const { plan, inProcess, periodS: period, signal } = this.#options;
    const nodes = plan.nodes.length;
    this.#show([{ type: "demo", nodes, inProcess, period }]);
    using limit = deadline(systemClock, this.#deadlines.all, signal);
    const parts: [Phase, () => Promise<void>, Pick<PhaseStart, "name" | "peer">][] = [
      ["start", () => this.#meet(limit.signal), {}],
      ["pings", () => this.#talk(limit.signal), {}],
      ["restart", () => this.#returnOfOne(limit.signal), {
        name: plan.victim.name,
      }],
      ["impostor", () => this.#impostor(limit.signal), {
        name: plan.impostor.as,
        peer: plan.impostor.to,
      }],
    ];
    for (const [phase, part, actors] of parts) {
      this.#show([{ type: "phase", phase, ...actors }]);
      try {
        await part();
        this.#shown.push(phase);
      } catch (error) {
        if (!(error instanceof NotShownError)) throw error;
        const rest = parts.slice(parts.findIndex(([it]) => it === phase) + 1);
        this.#missing = [
          ...error.missing,
          ...rest.map(([it]) => `the whole part "${it}"`),
        ];
        break;
      }
    }
    this.#show([{ type: "phase", phase: "end" }, ...this.#view.rows()]);
  }

  /** Shows what goes on until the signal aborts. */
  async keep(): Promise<void> {
    this.#show([{ type: "phase", phase: "keep" }]);
    const { signal } = this.#options;
    while (!signal.aborted) await this.#nextChange(signal);
  }

  /** All nodes say bye; resolves when they are gone. */
  async leave(): Promise<void> {
    this.#leaving = true;
    await Promise.all([...this.#nodes.values()].map((node) => node.leave()));
  }

  /** What was shown and what was not. */
  summary(): Happening {
    const ms = systemClock.monotonic() - this.#startedAt;
    const table = this.#last ?? { ...this.#view.count, pingPairs: 0 };
    return {
      type: "summary",
      ok: this.ok,
      seconds: Math.round(ms / 10) / 100,
      nodes: this.#options.plan.nodes.length,
      links: table.links,
      of: table.of,
      pingPairs: table.pingPairs,
      shown: this.#shown,
      missing: this.#missing,
    };
  }
}
