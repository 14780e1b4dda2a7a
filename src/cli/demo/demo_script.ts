/**
 * The show, part by part: starts the nodes, waits for what must happen, kills one
 * and brings it back, sends the impostor. What happened is kept by `mesh_view.ts`,
 * waiting is done by `stage.ts`, where nodes run is up to a {@linkcode DemoHost},
 * and printing to the caller.
 */
import { deadline, systemClock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import type { Identity } from "../../identity/identity.ts";
import type { DemoHost } from "./demo_node.ts";
import type { DemoEvent, Phase } from "./demo_event.ts";
import { tryAsImpostor } from "./impostor.ts";
import { type DemoPlan, IMPOSTOR_NAME } from "./plan.ts";
import { type Condition, DemoHarness, NotShownError } from "./demo_harness.ts";

/** Most things named when many of a kind are missing. */
const MAX_NAMED = 4;

/** Settings of {@linkcode playDemo}. */
export interface ScenarioOptions {
  readonly plan: DemoPlan;
  /** Keys of the nodes, by name. */
  readonly identities: ReadonlyMap<string, Identity>;
  readonly host: DemoHost;
  readonly inProcess: boolean;
  /** Seconds between two pings of a node. */
  readonly periodS: number;
  /** Whether the nodes stay up after the show until `signal` aborts. */
  readonly keep: boolean;
  /** Told everything at once, in order. */
  readonly show: (happening: DemoEvent) => void;
  /** Ends the show early. */
  readonly signal: AbortSignal;
}

/** How long things may take, milliseconds: some four times what they take. */
interface Deadlines {
  /** All parts together. */
  readonly all: number;
  /** A node, from being told to start until it listens. */
  readonly start: number;
  /** All sessions that are due. */
  readonly mesh: number;
  /** All pings that are due. */
  readonly pings: number;
  /** Word of a loss, or of a refusal. */
  readonly word: number;
}

interface Part {
  readonly phase: Phase;
  /** Its actors, for the heading. */
  readonly name?: string;
  readonly peer?: string;
  play(signal: AbortSignal): Promise<void>;
}

/**
 * Plays the whole demo, from the first node's start to the last one's bye; the
 * last thing shown is the summary.
 *
 * @returns Whether all of it happened.
 * @throws what the host cannot do at all, such as start a process without permission.
 */
export async function playDemo(options: ScenarioOptions): Promise<boolean> {
  const { plan, inProcess, periodS: period, keep, show, signal } = options;
  const startedAt = systemClock.monotonic();
  const nodes = plan.nodes.length;
  show({ type: "demo", nodes, inProcess, period });
  const stage = new DemoHarness(options);
  const { shown, missing } = await new Scenario(options, stage).play();
  const ok = missing.length === 0;
  const ms = systemClock.monotonic() - startedAt;
  const { count, pingPairs } = stage.view;
  const interrupted = !ok && signal.aborted;
  if (!interrupted) {
    show({ type: "phase", phase: "end" });
    for (const row of stage.view.rows()) show(row);
    if (keep && ok) {
      show({ type: "phase", phase: "keep" });
      await aborted(signal);
    }
  }
  await stage.leave();
  show({
    type: "summary",
    ok,
    interrupted,
    seconds: Math.round(ms / 10) / 100,
    nodes,
    ...count,
    pingPairs,
    shown,
    missing,
  });
  return ok;
}

class Scenario {
  readonly #options: ScenarioOptions;
  readonly #stage: DemoHarness;
  readonly #deadlines: Deadlines;

  constructor(options: ScenarioOptions, stage: DemoHarness) {
    this.#options = options;
    this.#stage = stage;
    this.#deadlines = deadlinesOf(options);
  }

  /** Plays all parts, or those up to the first that fails. */
  async play(): Promise<{ shown: Phase[]; missing: string[] }> {
    const { show, signal } = this.#options;
    using limit = deadline(systemClock, this.#deadlines.all, signal);
    const parts = this.#parts();
    const shown: Phase[] = [];
    for (const { phase, name, peer, play } of parts) {
      show({
        type: "phase",
        phase,
        ...(name !== undefined && { name }),
        ...(peer !== undefined && { peer }),
      });
      try {
        await play(limit.signal);
        shown.push(phase);
      } catch (error) {
        if (!signal.aborted && !(error instanceof NotShownError)) throw error;
        const missing = signal.aborted
          ? [`interrupted in part ${phase}`]
          : (error as NotShownError).missing;
        const rest = parts.slice(shown.length + 1)
          .map((part) => `all of part ${part.phase}`);
        return { shown, missing: [...missing, ...rest] };
      }
    }
    return { shown, missing: [] };
  }

  #parts(): Part[] {
    const { victim, impostor } = this.#options.plan;
    return [
      { phase: "start", play: (signal) => this.#meet(signal) },
      { phase: "pings", play: (signal) => this.#talk(signal) },
      {
        phase: "restart",
        name: victim.name,
        peer: victim.returnsThrough,
        play: (signal) => this.#lossAndReturn(signal),
      },
      {
        phase: "impostor",
        name: impostor.as,
        peer: impostor.to,
        play: (signal) => this.#fraud(signal),
      },
    ];
  }

  /** Every node starts, and has a session with every other. */
  async #meet(signal: AbortSignal): Promise<void> {
    const { plan } = this.#options;
    const stop = new AbortController();
    const ends = AbortSignal.any([signal, stop.signal]);
    const starts = plan.nodes.map(({ name, via }) =>
      this.#stage.start(name, via, this.#deadlines.start, ends)
        .catch((error) => {
          stop.abort(error);
          throw error;
        })
    );
    // All have to settle, or a node could start when everything is over.
    const errors = (await Promise.allSettled(starts))
      .flatMap((it) => it.status === "rejected" ? [it.reason] : []);
    const fatal = errors.find((error) => !(error instanceof NotShownError));
    if (fatal !== undefined) throw fatal;
    if (errors.length > 0) {
      const missing = errors.flatMap((error: NotShownError) => error.missing);
      throw new NotShownError([...new Set(missing)]);
    }
    await this.#completeMesh(signal);
  }

  /** Every node shows every other node's pings. */
  async #talk(signal: AbortSignal): Promise<void> {
    const { view } = this.#stage;
    await this.#until(this.#deadlines.pings, signal, {
      done: () => view.allHeard,
      missing: () => few("pings shown", view.missingPings()),
    });
  }

  /** One node dies, comes back elsewhere with its key, and is known for who it was. */
  async #lossAndReturn(signal: AbortSignal): Promise<void> {
    const { name, returnsThrough } = this.#options.plan.victim;
    const { view } = this.#stage;
    await this.#stage.kill(name);
    await this.#until(this.#deadlines.word, signal, {
      done: () => view.stillHolding(name).length === 0,
      missing: () => few(`loss of ${name} noticed by`, view.stillHolding(name)),
    });
    await this.#stage.start(
      name,
      returnsThrough,
      this.#deadlines.start,
      signal,
    );
    await this.#completeMesh(signal);
    await this.#until(this.#deadlines.word, signal, {
      done: () => view.notRecognising(name).length === 0,
      missing: () => few(`${name} recognised by`, view.notRecognising(name)),
    });
    await this.#talk(signal);
  }

  /** Somebody with a member's certificate and another key is refused. */
  async #fraud(signal: AbortSignal): Promise<void> {
    const { plan, identities, show } = this.#options;
    const { as, to } = plan.impostor;
    const certificate = identities.get(as)?.certificate;
    const target = this.#stage.view.addressOf(to);
    if (certificate === undefined || target === undefined) {
      throw new TypeError(`${as} has no key, or ${to} no address`);
    }
    const timeoutMs = this.#deadlines.word;
    const name = IMPOSTOR_NAME;
    const attempt = await tryAsImpostor({
      certificate,
      to: target,
      onConnected: (address) => show({ type: "dialed", name, as, to, address }),
      timeoutMs,
      signal,
    }).catch((error) => {
      if (!(error instanceof VerackError)) throw error;
      throw new NotShownError([`the impostor's dial: ${error.message}`]);
    });
    const { address, admitted, told: impostorSays } = attempt;
    const says = () => this.#stage.refusal(to, address);
    if (!admitted) {
      await this.#until(timeoutMs, signal, {
        done: () => says() !== undefined,
        missing: () => [`${to}'s word on the impostor's refusal`],
      });
    }
    show({
      type: "impostor",
      name,
      as,
      to,
      address,
      refused: !admitted,
      memberSays: says() ?? "",
      impostorSays,
    });
    if (admitted) {
      throw new NotShownError(["refusal of the impostor, who was let in"]);
    }
    // The name stands at the head of what the member said in its `reject`.
    if (!impostorSays.includes("bad-proof")) {
      throw new NotShownError(["refusal of the impostor for its proof"]);
    }
    await this.#completeMesh(signal);
  }

  async #completeMesh(signal: AbortSignal): Promise<void> {
    const { view } = this.#stage;
    await this.#until(this.#deadlines.mesh, signal, {
      done: () => view.complete,
      missing: () => few("links", view.missingLinks()),
    });
  }

  async #until(
    timeoutMs: number,
    signal: AbortSignal,
    condition: Condition,
  ): Promise<void> {
    using limit = deadline(systemClock, timeoutMs, signal);
    await this.#stage.until(condition, limit.signal);
  }
}

/** What is allowed for, beside what grows with the number of nodes. */
function deadlinesOf({ plan, inProcess, periodS }: ScenarioOptions): Deadlines {
  const nodes = plan.nodes.length;
  // A process takes a second to start; in one process each session takes a millisecond.
  const extra = inProcess ? 10 * nodes * nodes : 2_000 * Math.max(0, nodes - 5);
  const pings = 4_000 + 2_000 * periodS + extra;
  return {
    all: 23_000 + 4_000 * Math.max(0, periodS - 1) + 2 * extra,
    start: 10_000 + extra,
    mesh: 6_000 + extra,
    pings,
    word: 4_000 + extra,
  };
}

/** `what: a, b, c and 7 more`. */
function few(what: string, items: readonly string[]): string[] {
  const named = items.slice(0, MAX_NAMED).join(", ");
  const more = items.length - MAX_NAMED;
  return [`${what}: ${named}${more > 0 ? ` and ${more} more` : ""}`];
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
