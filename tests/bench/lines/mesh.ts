/** How long a full mesh takes to stand, and what its idle sessions hold. */
import { Remote } from "../remote.ts";
import { compareRounds, type Row } from "../report.ts";
import { median } from "../stats.ts";
import {
  alternate,
  type Line,
  type Settings,
  VERACK_AND_BARE,
} from "./line.ts";

const NODES = [10, 25, 50];
const MEMORY_NODES = 50;
const IDLE_MS = 5_000;
/** Each takes two fresh processes. */
const MAX_MEMORY_ROUNDS = 2;

/** Nodes in one process that find each other through the first. */
export const mesh: Line = {
  name: "mesh",
  description: "full mesh of 10, 25 and 50 nodes in one process",
  async run(settings: Settings, report: (row: Row) => void): Promise<void> {
    const opening = JSON.stringify(settings.opening);
    await using verackMesh = new Remote("mesh", ["verack", opening]);
    await using bareMesh = new Remote("mesh", ["bare", opening]);
    const meshes = { verack: verackMesh, bare: bareMesh };
    for (const nodes of NODES) {
      const { verack, bare } = await alternate(
        VERACK_AND_BARE,
        settings.rounds,
        (kind) => meshes[kind].call<number | null>("complete", nodes),
      );
      if (!areAll(verack) || !areAll(bare)) {
        console.error(`${nodes} nodes in one process did not all meet in time`);
        continue;
      }
      report({
        line: "mesh",
        figure: `full mesh of ${nodes} nodes`,
        unit: "ms",
        verack: median(verack),
        comparisons: [compareRounds(verack, bare, {
          with: "bare",
          doing: "the same pairs all at once: TLS and 4 messages",
          aim: { is: "at most", value: 1.5 },
        })],
      });
    }
  },
};

function kilobytes(values: readonly number[]): number[] {
  return values.map((bytes) => bytes / 1_000);
}

function areAll(values: (number | null)[]): values is number[] {
  return !values.includes(null);
}

/** Resident memory of idle sessions, in a fresh process each. */
export const memory: Line = {
  name: "memory",
  description: `idle sessions of a full mesh of ${MEMORY_NODES}`,
  async run(settings: Settings, report: (row: Row) => void): Promise<void> {
    const { verack, bare } = await alternate(
      VERACK_AND_BARE,
      Math.min(settings.rounds, MAX_MEMORY_ROUNDS),
      async (kind) => {
        const args = [kind, JSON.stringify(settings.opening)];
        await using remote = new Remote("mesh", args, { flags: "--expose-gc" });
        return await remote.call<number | null>(
          "memory",
          MEMORY_NODES,
          IDLE_MS,
        );
      },
      { warmUp: false },
    );
    if (!areAll(verack) || !areAll(bare)) {
      console.error(`${MEMORY_NODES} nodes did not all meet in time`);
      return;
    }
    report({
      line: "memory",
      figure: "idle session, both ends",
      unit: "kB",
      verack: median(kilobytes(verack)),
      comparisons: [compareRounds(kilobytes(verack), kilobytes(bare), {
        with: "bare",
        doing: "sockets with read buffers of 4 KiB",
        aim: { is: "at most", value: 1.2 },
      })],
    });
  },
};
