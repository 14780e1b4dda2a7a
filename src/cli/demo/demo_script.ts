/**
 * The demo, part by part: nodes start, ping, one is killed and returns, an impostor is refused.
 * Nodes are run and watched by `demo_harness.ts`.
 */
import { deadline, systemClock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import type { DemoEventOf, Phase } from "./demo_event.ts";
import {
  DemoHarness,
  type DemoHarnessOptions,
  NotShownError,
} from "./demo_harness.ts";
import { tryAsImpostor } from "./impostor.ts";

/** Most items named when many of a kind are missing. */
const MAX_NAMED = 4;

/** Settings of {@linkcode playDemo}. */
export interface DemoOptions extends DemoHarnessOptions {
  readonly plan: DemoPlan;
  readonly inProcess: boolean;
  /** Seconds between two pings of a node. */
  readonly periodS: number;
  /** Whether the nodes stay up afterwards until `signal` aborts. */
  readonly keep: boolean;
}

/**
 * Plays the whole demo; the last event is the summary. Returns whether all of it happened,
 * and rejects only if the host cannot do its work, for example without permission.
 */
export async function playDemo(options: DemoOptions): Promise<boolean> {
  const { plan, inProcess, periodS: period, keep, show, signal } = options;
  const startedAt = systemClock.monotonic();
  const nodes = plan.nodes.length;
  show({ type: "demo", nodes, inProcess, period });
  const script = new DemoScript(options);
  const { shown, missing } = await script.play();
  const ok = missing.length === 0;
  const ms = systemClock.monotonic() - startedAt;
  const { count, pingPairs } = script.harness.view;
  const interrupted = !ok && signal.aborted;
  if (!interrupted) {
    show({ type: "phase", phase: "end" });
    for (const row of script.harness.view.rows()) show(row);
  }
  if (keep && ok) {
    show({ type: "phase", phase: "keep" });
    await aborted(signal);
  }
  // Written before the nodes leave: with many of them in this process that delays the output.
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
  await script.harness.leave();
  return ok;
}

class DemoScript {
  readonly harness: DemoHarness;
  readonly #options: DemoOptions;
  readonly #timeouts: Readonly<
    Record<"start" | "mesh" | "pings" | "word" | "all", number>
  >;
  /** Aborts when all of it has taken too long, or the demo is interrupted. */
  #signal: AbortSignal;
  /** The impostor's end of its connection, and why the member refused it. */
  #impostorAt: string | undefined;
  #refusal: string | undefined;

  constructor(options: DemoOptions) {
    this.#options = options;
    this.#signal = options.signal;
    this.#timeouts = timeoutsOf(options);
    this.harness = new DemoHarness({
      ...options,
      show: (event) => {
        options.show(event);
        if (event.type !== "refused") return;
        if (event.address === this.#impostorAt) this.#refusal = event.reason;
      },
    });
  }

  /** Plays all parts, or those up to the first that fails. */
  async play(): Promise<{ shown: Phase[]; missing: string[] }> {
    const { plan: { victim, impostor }, show, signal } = this.#options;
    using limit = deadline(systemClock, this.#timeouts.all, signal);
    this.#signal = limit.signal;
    const parts: readonly (readonly [
      heading: Omit<DemoEventOf<"phase">, "type">,
      play: () => Promise<void>,
    ])[] = [
      [{ phase: "start" }, () => this.#meet()],
      [{ phase: "pings" }, () => this.#hearAll()],
      [
        { phase: "restart", name: victim.name, peer: victim.returnsThrough },
        () => this.#loseAndReturn(victim.name, victim.returnsThrough),
      ],
      [
        { phase: "impostor", name: impostor.as, peer: impostor.to },
        () => this.#refuseImpostor(impostor.as, impostor.to),
      ],
    ];
    const shown: Phase[] = [];
    for (const [heading, play] of parts) {
      show({ type: "phase", ...heading });
      try {
        await play();
        shown.push(heading.phase);
      } catch (error) {
        const missing = signal.aborted
          ? [`interrupted in part ${heading.phase}`]
          : error instanceof NotShownError
          ? error.missing
          : undefined;
        if (missing === undefined) throw error;
        const rest = parts.slice(shown.length + 1)
          .map(([{ phase }]) => `all of part ${phase}`);
        return { shown, missing: [...missing, ...rest] };
      }
    }
    return { shown, missing: [] };
  }

  /** Every node starts, and has a session with every other. */
  async #meet(): Promise<void> {
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#signal, stop.signal]);
    const starts = this.#options.plan.nodes.map(({ name, via }) =>
      this.harness.start(name, via, this.#timeouts.start, signal)
        .catch((error) => {
          stop.abort(error);
          throw error;
        })
    );
    // All promises must settle first, or a node could start after the end.
    const errors = (await Promise.allSettled(starts))
      .flatMap((it) => it.status === "rejected" ? [it.reason] : []);
    const fatal = errors.find((error) => !(error instanceof NotShownError));
    if (fatal !== undefined) throw fatal;
    if (errors.length > 0) {
      const missing = errors.flatMap((error: NotShownError) => error.missing);
      throw new NotShownError([...new Set(missing)]);
    }
    await this.#completeMesh();
  }

  /** Every node shows every other node's pings. */
  async #hearAll(): Promise<void> {
    await this.#until(
      "pings",
      "pings shown",
      () => this.harness.view.missingPings(),
    );
  }

  /** One node is killed, returns elsewhere with its key, and is recognised by it. */
  async #loseAndReturn(name: string, via: string): Promise<void> {
    const { view } = this.harness;
    await this.harness.kill(name);
    await this.#until(
      "word",
      `loss of ${name} noticed by`,
      () => view.stillHolding(name),
    );
    await this.harness.start(name, via, this.#timeouts.start, this.#signal);
    await this.#completeMesh();
    await this.#until(
      "word",
      `${name} recognised by`,
      () => view.notRecognising(name),
    );
    await this.#hearAll();
  }

  /** An impostor with the certificate of `as` and another key is refused by `to`. */
  async #refuseImpostor(as: string, to: string): Promise<void> {
    const { identities, show } = this.#options;
    const certificate = identities.get(as)?.certificate;
    const target = this.harness.view.addressOf(to);
    if (certificate === undefined || target === undefined) {
      throw new TypeError(`${as} has no key, or ${to} no address`);
    }
    const name = IMPOSTOR_NAME;
    const { address, admitted, told } = await tryAsImpostor({
      certificate,
      to: target,
      onConnected: (address) => {
        this.#impostorAt = address;
        show({ type: "dialed", name, as, to, address });
      },
      timeoutMs: this.#timeouts.word,
      signal: this.#signal,
    }).catch((error) => {
      if (!(error instanceof VerackError)) throw error;
      throw new NotShownError([`the impostor's dial: ${error.message}`]);
    });
    await this.#until(
      "word",
      "refusal of the impostor noticed by",
      () => admitted || this.#refusal !== undefined ? [] : [to],
    );
    show({
      type: "impostor",
      name,
      as,
      to,
      address,
      refused: !admitted,
      memberSays: this.#refusal ?? "",
      impostorSays: told,
    });
    if (admitted) throw new NotShownError(["refusal of the impostor"]);
    // Its `reject` begins with the name of the reason.
    if (!told.includes("bad-proof")) {
      throw new NotShownError(["refusal of the impostor for its proof"]);
    }
    await this.#completeMesh();
  }

  async #completeMesh(): Promise<void> {
    await this.#until("mesh", "links", () => this.harness.view.missingLinks());
  }

  /** Waits until `items` is empty; a failure names `what` and the first of the items. */
  async #until(
    timeout: "mesh" | "pings" | "word",
    what: string,
    items: () => readonly string[],
  ): Promise<void> {
    using limit = deadline(
      systemClock,
      this.#timeouts[timeout],
      this.#signal,
    );
    await this.harness.until(() => few(what, items()), limit.signal);
  }
}

/** Deadlines in milliseconds, about four times the usual durations. */
function timeoutsOf({ plan, inProcess, periodS }: DemoOptions) {
  const nodes = plan.nodes.length;
  // A process takes a second to start; in one process each session takes a millisecond.
  const extra = inProcess ? 10 * nodes * nodes : 2_000 * Math.max(0, nodes - 5);
  return {
    /** All parts together. */
    all: 23_000 + 4_000 * Math.max(0, periodS - 1) + 2 * extra,
    /** A node, from its start until it listens. */
    start: 10_000 + extra,
    /** All sessions that are due. */
    mesh: 6_000 + extra,
    /** All pings that are due. */
    pings: 4_000 + 2_000 * periodS + extra,
    /** Reports of a loss or a refusal. */
    word: 4_000 + extra,
  };
}

/** `what: a, b, c, d and 7 more`, if there are any. */
function few(what: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
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

/** Names of the first nodes; further ones are `node-9` and so on. */
const NAMES = [
  "alice",
  "bob",
  "carol",
  "dave",
  "erin",
  "frank",
  "grace",
  "heidi",
] as const;

/** The customary name of an attacker that tampers with the protocol. */
export const IMPOSTOR_NAME = "mallory";

/** A node of the demo. */
export interface PlannedNode {
  readonly name: string;
  /** The node it joins through; the first one starts alone. */
  readonly via: string | undefined;
}

/** The whole cast. */
export interface DemoPlan {
  /** In the order in which they start. */
  readonly nodes: readonly PlannedNode[];
  /** The node that is killed, and the one it returns through, if possible another one. */
  readonly victim: { readonly name: string; readonly returnsThrough: string };
  /** The node that the impostor has the certificate of, and the node it dials. */
  readonly impostor: { readonly as: string; readonly to: string };
}

/** Plans a demo of `count` nodes, at least two. */
export function planDemo(count: number): DemoPlan {
  if (!Number.isInteger(count) || count < 2) {
    throw new RangeError(
      `Cannot plan demo: there are ${count} nodes, must be 2 or more`,
    );
  }
  const nameAt = (index: number) => NAMES[index] ?? `node-${index + 1}`;
  // No node is more than two joins from the first: each join waits for a process to start.
  const viaOf = (index: number) => nameAt(index % 2 === 1 ? 0 : index - 1);
  const nodes = Array.from({ length: count }, (_, index) => ({
    name: nameAt(index),
    via: index === 0 ? undefined : viaOf(index),
  }));
  const killed = Math.floor(count / 2);
  const name = nameAt(killed);
  const via = viaOf(killed);
  const elsewhere = nodes.findLast((it) => it.name !== name && it.name !== via);
  return {
    nodes,
    victim: { name, returnsThrough: elsewhere?.name ?? via },
    impostor: {
      as: nameAt(count - 1),
      to: nameAt(Math.floor((count - 1) / 2)),
    },
  };
}
