/**
 * The demo, part by part: nodes start, ping, one is killed and returns, an impostor is refused.
 * Nodes are run and watched by `demo_harness.ts`.
 */
import { deadline, sleep, systemClock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import type { DemoEventOf, Phase } from "./demo_event.ts";
import {
  DemoHarness,
  type DemoHarnessOptions,
  NotShownError,
} from "./demo_harness.ts";
import type { DemoPage } from "./demo_page.ts";
import { tryAsImpostor } from "./impostor.ts";

/** How long a browser may take to start and show the page, before the demo goes on without it. */
const BROWSER_WAIT_MS = 20_000;
const BROWSER_POLL_MS = 200;

/** Pauses beside one for each node. */
const PAUSES = 4;

/** Settings of {@linkcode playDemo}. */
export interface DemoOptions extends Omit<DemoHarnessOptions, "stepMs"> {
  readonly plan: DemoPlan;
  readonly inProcess: boolean;
  /** Whether the nodes are announced on the local network. @default {false} */
  readonly discover?: boolean;
  /** Seconds between two pings of a node. */
  readonly periodS: number;
  /** Whether the nodes stay up afterwards until `signal` aborts. */
  readonly keep: boolean;
  /** Pause before each step, for a human that watches. @default none */
  readonly paceMs?: number;
  /** Opens the page of the first node in a browser, for which the demo waits. */
  readonly open?: (
    url: string,
  ) => Promise<Omit<DemoEventOf<"page">, "type" | "name" | "url">>;
  /** Aborts when the demo is interrupted. */
  readonly signal: AbortSignal;
}

/** A part: its heading, and what happens in it. */
interface Part extends Omit<DemoEventOf<"phase">, "type"> {
  readonly play: () => Promise<void>;
}

/**
 * Plays the whole demo; the last event is the summary. Returns whether all of it happened,
 * and rejects only if the host cannot do its work, for example without permission.
 */
export async function playDemo(options: DemoOptions): Promise<boolean> {
  const { plan, inProcess, periodS: period, keep, show, signal } = options;
  const startedAt = systemClock.monotonic();
  const nodes = plan.nodes.length;
  const { discover = false } = options;
  show({ type: "demo", nodes, inProcess, period, discover });
  const { stepMs, allMs } = timeoutsOf(options);
  using limit = deadline(systemClock, allMs, signal);
  const inTime = { ...options, stepMs, signal: limit.signal };
  const harness = new DemoHarness(inTime);
  const parts = partsOf(plan, harness, inTime);
  const { shown, missing } = await playParts(parts, options);
  const ok = missing.length === 0;
  const ms = systemClock.monotonic() - startedAt;
  const { count, pingPairs } = harness.view;
  const interrupted = !ok && signal.aborted;
  if (!interrupted) {
    show({ type: "phase", phase: "end" });
    for (const row of harness.view.rows()) show(row);
  }
  if (keep && ok) {
    show({ type: "phase", phase: "keep" });
    await showPage(plan, harness, { show });
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
  await harness.leave();
  return ok;
}

/** Plays all parts, or those up to the first that fails. */
async function playParts(
  parts: readonly Part[],
  { show, signal, paceMs = 0 }: DemoOptions,
): Promise<{ shown: Phase[]; missing: string[] }> {
  const shown: Phase[] = [];
  for (const { play, ...heading } of parts) {
    if (shown.length > 0) await pause(paceMs, signal);
    show({ type: "phase", ...heading });
    try {
      await play();
      shown.push(heading.phase);
    } catch (error) {
      if (!(signal.aborted || error instanceof NotShownError)) throw error;
      const missing = error instanceof NotShownError && !signal.aborted
        ? error.missing
        : [`interrupted in part ${heading.phase}`];
      const rest = parts.slice(shown.length + 1)
        .map(({ phase }) => `all of part ${phase}`);
      return { shown, missing: [...missing, ...rest] };
    }
  }
  return { shown, missing: [] };
}

function partsOf(
  plan: DemoPlan,
  harness: DemoHarness,
  options: DemoOptions & DemoHarnessOptions,
): Part[] {
  const { victim, impostor } = plan;
  const { paceMs = 0, signal } = options;
  const { view } = harness;
  const { name: lost, returnsThrough: via } = victim;
  const complete = () => harness.until("links", () => view.missingLinks());
  const hear = () => harness.until("pings shown", () => view.missingPings());
  return [
    {
      phase: "start",
      async play() {
        await startAll(plan, harness, options);
        await complete();
      },
    },
    { phase: "pings", play: hear },
    {
      phase: "restart",
      name: lost,
      peer: via,
      async play() {
        await harness.kill(lost);
        await harness.until(
          `loss of ${lost} noticed by`,
          () => view.stillHolding(lost),
        );
        await pause(paceMs, signal);
        await harness.start(lost, via);
        await complete();
        await harness.until(
          `${lost} recognised by`,
          () => view.notRecognising(lost),
        );
        await hear();
      },
    },
    {
      phase: "impostor",
      name: impostor.as,
      peer: impostor.to,
      async play() {
        await refuseImpostor(impostor, harness, options);
        await complete();
      },
    },
  ];
}

/** Starts all nodes: at once, or one after the other to be watched. */
async function startAll(
  plan: DemoPlan,
  harness: DemoHarness,
  options: DemoOptions & DemoHarnessOptions,
): Promise<void> {
  const { open, paceMs = 0, signal } = options;
  const [first, ...others] = plan.nodes;
  if (first === undefined) return;
  const startFirst = async () => {
    await harness.start(first.name, first.via, { hasPage: true });
    await showPage(plan, harness, options);
  };
  if (open !== undefined) {
    await startFirst();
    await watched(harness.pageOf(first.name), signal);
    for (const { name, via } of others) {
      await pause(paceMs, signal);
      await harness.start(name, via);
    }
    return;
  }
  // All promises must settle first, or a node could start after the end.
  const starts = await Promise.allSettled([
    startFirst(),
    ...others.map(({ name, via }) => harness.start(name, via)),
  ]);
  const failed = starts.find((it) => it.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** Shows an address of the first node's page, and opens it if that is asked for. */
async function showPage(
  { nodes: [first] }: DemoPlan,
  harness: DemoHarness,
  { open, show }: Pick<DemoOptions, "open" | "show">,
): Promise<void> {
  if (first === undefined) return;
  const { name } = first;
  const page = harness.pageOf(name);
  // A node that ends meanwhile is reported by the harness.
  const url = await page?.link().catch(() => undefined);
  if (url === undefined) return;
  show({ type: "page", name, url, ...await open?.(url) });
}

/** Waits until a browser shows the page; not for ever, as there may be none. */
async function watched(
  page: DemoPage | undefined,
  signal: AbortSignal,
): Promise<void> {
  const end = systemClock.monotonic() + BROWSER_WAIT_MS;
  while (systemClock.monotonic() < end && !signal.aborted) {
    if (await page?.isWatched().catch(() => true)) return;
    await pause(BROWSER_POLL_MS, signal);
  }
}

/** @throws {NotShownError} when the demo is interrupted. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(systemClock, ms, signal).catch(() => {});
  if (signal.aborted) throw new NotShownError(["the rest: interrupted"]);
}

/** An impostor with the certificate of `as` and another key is refused by `to`. */
async function refuseImpostor(
  { as, to }: DemoPlan["impostor"],
  harness: DemoHarness,
  { identities, show, stepMs: timeoutMs, signal }: DemoHarnessOptions,
): Promise<void> {
  const certificate = identities.get(as)?.certificate;
  const { view } = harness;
  const target = view.addressOf(to);
  if (certificate === undefined || target === undefined) {
    throw new TypeError(`${as} has no key, or ${to} no address`);
  }
  const name = IMPOSTOR_NAME;
  const { address, admitted, told } = await tryAsImpostor({
    certificate,
    to: target,
    onConnected: (address) => show({ type: "dialed", name, as, to, address }),
    timeoutMs,
    signal,
  }).catch((error) => {
    if (!(error instanceof VerackError)) throw error;
    throw new NotShownError([`the impostor's dial: ${error.message}`]);
  });
  await harness.until(
    "refusal of the impostor noticed by",
    () => admitted || view.refusalOf(address) !== undefined ? [] : [to],
  );
  show({
    type: "impostor",
    name,
    as,
    to,
    address,
    refused: !admitted,
    memberSays: view.refusalOf(address) ?? "",
    impostorSays: told,
  });
  if (admitted) throw new NotShownError(["refusal of the impostor"]);
  // Its `reject` begins with the name of the reason.
  if (!told.includes("bad-proof")) {
    throw new NotShownError(["refusal of the impostor for its proof"]);
  }
}

/** Deadlines of a step and of all parts in milliseconds, about four times the usual durations. */
function timeoutsOf(
  { plan, inProcess, periodS, paceMs = 0, open }: DemoOptions,
) {
  const nodes = plan.nodes.length;
  const pauses = paceMs * (nodes + PAUSES) +
    (open === undefined ? 0 : BROWSER_WAIT_MS);
  // A process takes a second to start; in one process each session takes a millisecond.
  const extra = inProcess ? 10 * nodes * nodes : 2_000 * Math.max(0, nodes - 5);
  return {
    stepMs: 10_000 + 2_000 * periodS + extra,
    allMs: 23_000 + 4_000 * Math.max(0, periodS - 1) + 2 * extra + pauses,
  };
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
