/** The figures of a chaos run, for people. */
import { percentile } from "../../bench/stats.ts";
import type { Swarm } from "./swarm.ts";

/** Lines that say what was done how often, and how long the mesh took to be whole again. */
export function figures(swarm: Swarm): string[] {
  const { healMs, counts } = swarm;
  const actions = [...counts].sort(([a], [b]) => a < b ? -1 : 1)
    .map(([action, count]) => `${action} ${count}`);
  return [
    `rounds ${healMs.length}`,
    `done: ${actions.join(", ") || "nothing"}`,
    ...(healMs.length === 0 ? [] : [
      `whole again after p50 ${at(healMs, 0.5)}, p90 ${at(healMs, 0.9)}, ` +
      `max ${at(healMs, 1)} ms`,
    ]),
  ];
}

function at(samples: readonly number[], share: number): string {
  return percentile(samples, share).toFixed();
}
