/** The kinds of simulated meshes; each has schedules of its own. */
import { makeClosedSchedule } from "./closed_schedule.ts";
import { makeReachSchedule } from "./reach_schedule.ts";
import { makeSchedule, type Schedule } from "./schedule.ts";

/** Makes the schedule of a seed. */
export const SCHEDULES = {
  open: makeSchedule,
  closed: makeClosedSchedule,
  relayed: makeReachSchedule,
} as const satisfies Record<string, (seed: number) => Schedule>;

/** One of them. */
export type Kind = keyof typeof SCHEDULES;

/** All of them. */
export const KINDS = Object.keys(SCHEDULES) as Kind[];
