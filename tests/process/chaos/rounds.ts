/**
 * What happens to processes: killed, stopped, told to leave, started again, on
 * their old port or another, drawn by the swarm's seed. After each round the mesh
 * must be whole. What happens to networks is in `splits.ts`.
 */
import { sleep, systemClock } from "../../../src/core/clock.ts";
import type { Member } from "./member.ts";
import type { Swarm } from "./swarm.ts";

/** So many stay awake and unharmed in every round: somebody must be there to return to. */
const LEAST_AWAKE = 3;

/** What is done to one member in a round. */
type Harm =
  | "kill"
  | "kill and restart"
  | "kill and restart elsewhere"
  | "terminate"
  | "terminate and restart elsewhere"
  | "stop";

const HARMS: readonly Harm[] = [
  "kill",
  "kill and restart",
  "kill and restart elsewhere",
  "terminate",
  "terminate and restart elsewhere",
  "stop",
  "stop",
];

/** Settings of {@linkcode processRound}. */
export interface RoundOptions {
  /** How long who is stopped stays so: longer than the others wait before they give it up. */
  readonly stopMs: number;
}

/**
 * One round: brings back some of those that are away, harms one to three others,
 * and waits until the mesh is whole.
 */
export async function processRound(
  swarm: Swarm,
  options: RoundOptions,
): Promise<void> {
  const { random } = swarm;
  const harmable = swarm.running().length - LEAST_AWAKE;
  const victims = swarm.pick(
    swarm.running(),
    Math.min(1 + random.below(3), harmable),
  );
  const safe = swarm.running().filter((member) => !victims.includes(member));
  const away = swarm.members.filter((member) => !member.running);
  const returning = swarm.pick(away, random.below(away.length + 1));
  const plans = victims.map((victim) =>
    [victim, swarm.pick(HARMS, 1)[0] ?? "kill"] as const
  );
  // All at once: a mesh that is being repaired is broken again meanwhile.
  await Promise.all([
    ...returning.map((member) => {
      swarm.note("restart", member.name);
      return swarm.restart(member, safe);
    }),
    ...plans.map(([member, harm]) => {
      swarm.note(harm, member.name);
      return inflict(swarm, member, harm, safe, options);
    }),
  ]);
  const ms = await swarm.whole();
  swarm.healMs.push(ms);
  swarm.log(`whole again, ${swarm.running().length} nodes, ${ms.toFixed()} ms`);
}

async function inflict(
  swarm: Swarm,
  member: Member,
  harm: Harm,
  safe: readonly Member[],
  options: RoundOptions,
): Promise<void> {
  switch (harm) {
    case "kill":
      return await member.kill();
    case "kill and restart":
      await member.kill();
      return await swarm.restart(member, safe, { port: member.port });
    case "kill and restart elsewhere":
      await member.kill();
      return await swarm.restart(member, safe);
    case "terminate":
      return await member.terminate();
    case "terminate and restart elsewhere":
      await member.terminate();
      return await swarm.restart(member, safe);
    case "stop":
      member.sleep();
      await sleep(systemClock, options.stopMs);
      return member.wake();
    default:
      return harm satisfies never;
  }
}
