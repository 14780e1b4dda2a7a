/**
 * Makes a failing schedule small: takes away what it fails without, so that a
 * person sees what matters. Any failure counts, not only the first one's.
 */
import type { Schedule } from "./schedule.ts";
import { FailedSeed, simulate } from "./simulate.ts";

/** A schedule that fails, and of which nothing more can be taken away. */
export async function shrink(schedule: Schedule): Promise<Schedule> {
  for (const candidate of smaller(schedule)) {
    if (await fails(candidate)) return await shrink(candidate);
  }
  return schedule;
}

async function fails(schedule: Schedule): Promise<boolean> {
  try {
    await simulate(schedule);
    return false;
  } catch (error) {
    if (error instanceof FailedSeed) return true;
    throw error;
  }
}

function* smaller(schedule: Schedule): Iterable<Schedule> {
  const { actions, members, liars } = schedule;
  // Halves first, then one at a time.
  for (let size = actions.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < actions.length; at += size) {
      yield { ...schedule, actions: actions.toSpliced(at, size) };
    }
  }
  if (liars > 0) {
    yield {
      ...schedule,
      liars: 0,
      actions: actions.filter(({ action }) => action.type !== "lie"),
    };
  }
  for (const [index, member] of members.entries()) {
    for (let at = 0; at < member.connect.length; at++) {
      const connect = member.connect.toSpliced(at, 1);
      yield {
        ...schedule,
        members: members.with(index, { ...member, connect }),
      };
    }
  }
}
