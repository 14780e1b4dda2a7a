/** How long a full mesh takes to stand, and what its idle sessions hold. */
import { Remote } from "../remote.ts";
import { type Line, verackAndBare } from "./line.ts";

const SIZES = [
  { nodes: 10, ofBare: 1.8 },
  { nodes: 25, ofBare: 1.8 },
  { nodes: 50, ofBare: 2.2 },
];
const nameOf = (nodes: number) => `full mesh of ${nodes} nodes`;

/** Nodes in one process that find each other through the first. */
export const mesh: Line = {
  name: "mesh",
  description: "full mesh of 10, 25 and 50 nodes in one process",
  secondsARound: 18,
  figures: SIZES.map(({ nodes, ofBare }) => ({
    name: nameOf(nodes),
    unit: "ms",
    better: "lower",
    ratios: { bare: ofBare },
  })),
  contenders: ({ opening, note }) =>
    verackAndBare(
      "the same pairs all at once: TLS and 4 messages",
      async (kind) => {
        const values: Record<string, number> = {};
        for (const { nodes } of SIZES) {
          await using remote = new Remote("mesh", [
            kind,
            JSON.stringify(opening),
          ]);
          const complete = () => remote.call<number | null>("complete", nodes);
          await complete(); // Until all that runs often is compiled.
          const elapsed = await complete();
          if (elapsed === null) note(`${nodes} nodes did not all meet in time`);
          values[nameOf(nodes)] = elapsed ?? Infinity;
        }
        return values;
      },
    ),
};

const MEMORY_NODES = 50;
const IDLE_MS = 3_000;
const IDLE = "idle session, both ends";

/** Resident memory of idle sessions. */
export const memory: Line = {
  name: "memory",
  description: `idle sessions of a full mesh of ${MEMORY_NODES}`,
  secondsARound: 22,
  figures: [{ name: IDLE, unit: "kB", better: "lower", ratios: { bare: 1.5 } }],
  contenders: ({ opening, note }) =>
    verackAndBare("sockets with read buffers of 4 KiB", async (kind) => {
      const args = [kind, JSON.stringify(opening)];
      await using remote = new Remote("mesh", args, { flags: "--expose-gc" });
      const bytes = await remote.call<number | null>(
        "memory",
        MEMORY_NODES,
        IDLE_MS,
      );
      if (bytes === null) {
        note(`${MEMORY_NODES} nodes did not all meet in time`);
      }
      return { [IDLE]: (bytes ?? Infinity) / 1_000 };
    }),
};
