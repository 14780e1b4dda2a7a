/**
 * What a mesh costs as it grows: how long it takes to stand, what it holds then, and
 * what its heartbeat takes while nothing happens. The nodes are spread over some
 * processes, as one has not enough descriptors for the largest mesh.
 */
import { Remote } from "../remote.ts";
import { type Figure, type Line, type Settings, VERACK } from "./line.ts";

const SIZES = [10, 25, 50, 100, 200];
const PROCESSES = 4;
/**
 * Ten times the default: the heartbeat of 200 nodes would otherwise take more than
 * the cores of one machine, which they share here, and hold up everything else.
 */
const HEARTBEAT_MS = 10_000;
/** A mesh that does not stand by then is given up. */
const JOIN_MS = 100_000;
const NEWCOMER_MS = 20_000;
/** Until peer exchange has nothing to say any more. */
const SETTLE_MS = 4_000;
const REST_MS = 10_000;
/** Of what is there, so that the machine does not have to swap. */
const MAX_SHARE = 0.7;
/** Of both ends of a session, about; a node itself is no more than a few of them. */
const SESSION_BYTES = 350_000;

const FIGURES = {
  join: { name: "until the mesh is full", unit: "s" },
  joinCpu: { name: "processor time of joining", unit: "s" },
  sessionCpu: { name: "processor time of joining, a session", unit: "ms" },
  newcomer: { name: "one node more joins in", unit: "ms" },
  nodeMemory: { name: "memory a node", unit: "MB" },
  sessionMemory: { name: "memory a session, both ends", unit: "kB" },
  rest: {
    name: `heartbeat of ${HEARTBEAT_MS / 1_000} s at rest, of one core`,
    unit: "%",
  },
} as const;

/** Figures are named by the size of the mesh, then by what is measured. */
const nameOf = (nodes: number, what: keyof typeof FIGURES) =>
  `${nodes} nodes: ${FIGURES[what].name}`;

/** Meshes of 10 to 200 nodes. */
export const growing: Line = {
  name: "growing",
  description: `meshes of 10 to 200 nodes in ${PROCESSES} processes`,
  secondsARound: 200,
  maxRounds: 1,
  figures: SIZES.flatMap((nodes) =>
    Object.entries(FIGURES).map(([what, { unit }]): Figure => ({
      name: nameOf(nodes, what as keyof typeof FIGURES),
      unit,
      better: "lower",
    }))
  ),
  contenders: ({ note }) => [{
    name: VERACK,
    doing: "",
    measure: async () => {
      const values: Record<string, number> = {};
      for (const nodes of SIZES) {
        try {
          Object.assign(values, await grow(nodes, note));
        } catch (error) {
          // Processes that have too much to do do not answer in time.
          const { message } = error as Error;
          note(`a mesh of ${nodes} nodes is not measured: ${message}`);
        }
      }
      return values;
    },
  }],
};

/** The figures of one mesh; fewer, and a note, where it does not fit or stand. */
async function grow(
  nodes: number,
  note: Settings["note"],
): Promise<Record<string, number>> {
  await using stack = new AsyncDisposableStack();
  const parts = Array.from({ length: PROCESSES }, () =>
    stack.use(
      new Remote("crowd", [`${HEARTBEAT_MS}`], {
        flags: "--expose-gc",
        permissions: ["--allow-all"],
        answerMs: JOIN_MS + 20_000,
      }),
    ));
  const crowd = new Crowd(parts);
  const sessions = nodes * (nodes - 1) / 2;
  const lacking = await crowd.lacks(nodes, sessions);
  if (lacking !== undefined) {
    note(`a mesh of ${nodes} nodes is not measured: ${lacking}`);
    return {};
  }
  await crowd.prepare(nodes);
  const empty = await crowd.sum("memory");
  const before = await crowd.sum("cpuMs");
  const started = performance.now();
  const missing = await crowd.join(nodes);
  const joinMs = performance.now() - started;
  const joinCpuMs = await crowd.sum("cpuMs") - before;
  if (missing > 0) {
    note(
      `a mesh of ${nodes} nodes is not full after ${JOIN_MS / 1_000} s: ` +
        `${missing} of ${2 * sessions} ends of sessions are missing, ` +
        `and ${Math.round(joinCpuMs / 1_000)} s of processor time are used`,
    );
    return { [nameOf(nodes, "join")]: Infinity };
  }
  await pause(SETTLE_MS);
  const held = await crowd.sum("memory") - empty;
  const restBefore = await crowd.sum("cpuMs");
  const restStarted = performance.now();
  await pause(REST_MS);
  const restCpuMs = await crowd.sum("cpuMs") - restBefore;
  const restMs = performance.now() - restStarted;
  return {
    [nameOf(nodes, "join")]: joinMs / 1_000,
    [nameOf(nodes, "joinCpu")]: joinCpuMs / 1_000,
    [nameOf(nodes, "sessionCpu")]: joinCpuMs / sessions,
    [nameOf(nodes, "newcomer")]: await crowd.newcomerMs(nodes),
    [nameOf(nodes, "nodeMemory")]: held / nodes / 1e6,
    [nameOf(nodes, "sessionMemory")]: held / sessions / 1e3,
    [nameOf(nodes, "rest")]: 100 * restCpuMs / restMs,
  };
}

/** The processes of one mesh. */
class Crowd {
  readonly #parts: readonly Remote[];

  constructor(parts: readonly Remote[]) {
    this.#parts = parts;
  }

  /** Why a mesh has no room here, if it has none. */
  async lacks(nodes: number, sessions: number): Promise<string | undefined> {
    const room = await this.#parts[0]!.call<
      { descriptors: number | null; bytes: number }
    >("room");
    const ends = Math.ceil(nodes / PROCESSES) * nodes;
    if (ends > (room.descriptors ?? Infinity) * MAX_SHARE) {
      return `a process may open ${room.descriptors} descriptors, and needs ${ends}`;
    }
    const bytes = sessions * SESSION_BYTES;
    if (bytes <= room.bytes * MAX_SHARE) return undefined;
    const [needed, free] = [bytes, room.bytes].map((it) =>
      Math.round(it / 1e6)
    );
    return `${free} MB of memory are free, and it needs ${needed}`;
  }

  /** Makes the identities of so many nodes. */
  async prepare(nodes: number): Promise<void> {
    await Promise.all(
      this.#parts.map((part, i) =>
        part.call("prepare", Math.floor((nodes + i) / PROCESSES))
      ),
    );
  }

  /** Starts all nodes; how many ends of sessions are missing at last. */
  async join(nodes: number): Promise<number> {
    const [first, ...others] = this.#parts;
    const started = performance.now();
    const address = await first!.call<string>("seed");
    await Promise.all(
      [first!, ...others].map((part) => part.call("start", address)),
    );
    const leftMs = Math.max(0, JOIN_MS - (performance.now() - started));
    const missing = await Promise.all(
      this.#parts.map((part) => part.call<number>("met", nodes, leftMs)),
    );
    return missing.reduce((sum, it) => sum + it, 0);
  }

  /** How long one node more takes to connect with all; infinite if it does not. */
  async newcomerMs(nodes: number): Promise<number> {
    const started = performance.now();
    const met = await this.#parts[0]!.call("newcomer", nodes, NEWCOMER_MS);
    return met ? performance.now() - started : Infinity;
  }

  /** Asks all processes for a number. */
  async sum(command: "cpuMs" | "memory"): Promise<number> {
    const values = await Promise.all(
      this.#parts.map((part) => part.call<number>(command)),
    );
    return values.reduce((sum, it) => sum + it, 0);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
