/**
 * What happens in one simulation, made from its seed alone: who is there, how the
 * network is, and what goes wrong when. Carried out by `world.ts`.
 */
import type { ClosedPlan, Intrusion, Rule } from "./closed_schedule.ts";
import { type Errand, SERVICES } from "./errands.ts";
import type { Mailing } from "./mail.ts";
import type { Reach, ReachPlan } from "./reach_schedule.ts";
import { MANNERS, type Talk } from "./talks.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";

/** What a malicious peer does; see `liar.ts`. */
export const LIES = [
  "wrong-address",
  "wrong-identity",
  "wrong-certificate",
  "unknown",
  "flood",
  "own-addresses",
  "again",
  "twin",
  "silence",
  "garbage",
  "requests",
] as const;

/** One of {@linkcode LIES}. */
export type Lie = typeof LIES[number];

/** One thing that happens. Members and liars are named by their number. */
export type Action =
  | { readonly type: "join"; readonly member: number }
  | { readonly type: "leave"; readonly member: number }
  /** With `reset` the machine lives on and its peers hear of it. */
  | {
    readonly type: "crash";
    readonly member: number;
    readonly reset: boolean;
  }
  /** Crashes first if it runs. `move`: to a new address, or to one that another left. */
  | {
    readonly type: "restart";
    readonly member: number;
    readonly memory: boolean;
    readonly move: "stay" | "fresh" | "taken";
  }
  /** By member, its side. Liars reach everybody. */
  | { readonly type: "partition"; readonly sides: readonly number[] }
  | {
    readonly type: "cut";
    readonly member: number;
    readonly other: number;
    readonly oneWay: boolean;
  }
  | { readonly type: "half-open"; readonly member: number }
  | {
    readonly type: "break";
    readonly member: number;
    readonly other: number;
  }
  | {
    readonly type: "delay";
    readonly latencyMs: number;
    readonly jitterMs: number;
  }
  | { readonly type: "heal" }
  | {
    readonly type: "wall-clock";
    readonly member: number;
    readonly offsetMs: number;
  }
  /** `slept`: as a laptop whose lid is closed, whose monotonic clock stands still too. */
  | {
    readonly type: "freeze";
    readonly member: number;
    readonly forMs: number;
    readonly slept: boolean;
  }
  | { readonly type: "lie"; readonly liar: number; readonly lie: Lie }
  | {
    readonly type: "mail";
    readonly member: number;
    readonly to: number | "all";
    readonly mailing: Mailing;
  }
  | {
    readonly type: "talk";
    readonly member: number;
    readonly to: number;
    readonly talk: Talk;
  }
  | {
    readonly type: "errand";
    readonly member: number;
    readonly to: number;
    readonly errand: Errand;
  }
  /** From now on dials reach others so. */
  | { readonly type: "reach"; readonly reach: Reach }
  // Of closed meshes only.
  | {
    readonly type: "rule";
    readonly member: number;
    readonly other: number;
    readonly rule: Rule;
  }
  | {
    readonly type: "intrude";
    readonly stranger: number;
    readonly intrusion: Intrusion;
  }
  /** A member admits a liar. */
  | { readonly type: "admit"; readonly liar: number; readonly member: number };

/** An action and when, milliseconds from the start. */
export type TimedAction = { readonly atMs: number; readonly action: Action };

/** A node of the mesh. */
export interface MemberPlan {
  /** Its key is a new one after each start. */
  readonly ephemeral: boolean;
  /** Members it is told to connect to, at their first address; `pinned` with their identity. */
  readonly connect: readonly {
    readonly member: number;
    readonly pinned: boolean;
  }[];
  /** If it is down when the faults stop, it is started again then. */
  readonly returns: boolean;
}

/** All of one simulation. */
export interface Schedule {
  readonly seed: number;
  readonly members: readonly MemberPlan[];
  readonly liars: number;
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly heartbeatMs: number;
  readonly peerExchangeMs: number;
  readonly actions: readonly TimedAction[];
  /** When the faults stop. */
  readonly calmAtMs: number;
  /** Whether the nodes are closed abruptly at the end. */
  readonly abruptEnd: boolean;
  /** Absent: the mesh is open. */
  readonly closed?: ClosedPlan;
  /** Absent: each node can dial each other. */
  readonly reach?: ReachPlan;
}

/** Longest life of the faults; most schedules are shorter. */
const MAX_FAULTY_MS = 60_000;

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

/** The schedule of a seed; always the same. */
export function makeSchedule(seed: number): Schedule {
  const dice = new Dice(seed);
  const count = 2 + dice.below(dice.chance(0.15) ? 7 : 4);
  const members = Array.from({ length: count }, (_, i) => plan(dice, i));
  const liars = dice.chance(0.4) ? 1 + dice.below(2) : 0;
  const calmAtMs = 5_000 + dice.below(MAX_FAULTY_MS - 5_000) *
      dice.float();
  // Who joins at the same moment meets in collisions.
  const isCrowd = dice.chance(0.3);
  const actions: TimedAction[] = members.map((_, member) => ({
    atMs: isCrowd
      ? 100
      : dice.chance(0.7)
      ? dice.below(2_000)
      : dice.below(calmAtMs),
    action: { type: "join", member },
  }));
  for (let i = liars === 0 ? 0 : dice.below(20); i > 0; i--) {
    actions.push({ atMs: dice.below(calmAtMs), action: lie(dice, liars) });
  }
  const faults = 1 + dice.below(3 + Math.floor(calmAtMs / 3_000));
  for (let i = 0; i < faults; i++) {
    // Much that happens at once finds more than the same spread out.
    const previous = actions.at(-1)!;
    const atMs = dice.chance(0.3)
      ? Math.min(calmAtMs, previous.atMs + dice.below(1_500))
      : dice.below(calmAtMs);
    actions.push({ atMs, action: fault(dice, count) });
  }
  for (let i = dice.chance(0.7) ? dice.below(16) : 0; i > 0; i--) {
    actions.push({ atMs: dice.below(calmAtMs), action: mail(dice, count) });
  }
  const delays = {
    latencyMs: dice.pick([0, 1, 1, 5, 20, 80]),
    jitterMs: dice.pick([0, 1, 10, 40, 100]),
    heartbeatMs: dice.pick([1_000, 1_000, 2_000, 5_000]),
    peerExchangeMs: dice.pick([30_000, 30_000, 10_000, 2_000]),
  };
  const abruptEnd = dice.chance(0.2);
  for (let i = dice.chance(0.7) ? dice.below(24) : 0; i > 0; i--) {
    actions.push({ atMs: dice.below(calmAtMs), action: talk(dice, count) });
  }
  for (let i = dice.chance(0.7) ? dice.below(16) : 0; i > 0; i--) {
    actions.push({ atMs: dice.below(calmAtMs), action: errand(dice, count) });
  }
  return {
    seed,
    members,
    liars,
    ...delays,
    actions: actions.sort((a, b) => a.atMs - b.atMs),
    calmAtMs,
    abruptEnd,
  };
}

/** One line a person can read. */
export function describeAction({ type, ...rest }: Action): string {
  const fields = Object.entries(rest).map(([name, value]) =>
    `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`
  );
  return [type, ...fields].join(" ");
}

function plan(dice: Dice, index: number): MemberPlan {
  const earlier = new Set<number>();
  if (index > 0 && dice.chance(0.8)) earlier.add(0);
  for (let i = dice.below(3); i > 0 && index > 0; i--) {
    earlier.add(dice.below(index));
  }
  if (index > 0 && earlier.size === 0) earlier.add(dice.below(index));
  // Two that are told of each other dial each other at once.
  if (index === 0 && dice.chance(0.5)) earlier.add(1);
  return {
    ephemeral: dice.chance(0.25),
    connect: [...earlier].map((member) => ({
      member,
      pinned: dice.chance(0.25),
    })),
    returns: dice.chance(0.7),
  };
}

function lie(dice: Dice, liars: number): Action {
  return { type: "lie", liar: dice.below(liars), lie: dice.pick(LIES) };
}

function fault(dice: Dice, members: number): Action {
  const member = dice.below(members);
  const other = (member + 1 + dice.below(members - 1)) % members;
  switch (dice.below(13)) {
    case 0:
      return { type: "leave", member };
    case 1:
      return { type: "crash", member, reset: dice.chance(0.5) };
    case 2:
    case 3:
    case 4:
      return {
        type: "restart",
        member,
        memory: dice.chance(0.5),
        move: dice.pick(["stay", "stay", "fresh", "taken"] as const),
      };
    case 5: {
      const sides = 2 + dice.below(2);
      return {
        type: "partition",
        sides: Array.from({ length: members }, () => dice.below(sides)),
      };
    }
    case 6:
      return { type: "cut", member, other, oneWay: dice.chance(0.6) };
    case 7:
      return { type: "half-open", member };
    case 8:
      return { type: "break", member, other };
    case 9:
      return {
        type: "delay",
        latencyMs: dice.pick([0, 10, 200, 1_000, 2_500]),
        jitterMs: dice.pick([0, 50, 500]),
      };
    case 10:
      return {
        type: "wall-clock",
        member,
        offsetMs: dice.pick([
          -HOUR_MS,
          HOUR_MS,
          -56 * YEAR_MS, // a machine that starts without a clock: 1970
          30 * YEAR_MS,
          0,
        ]),
      };
    case 11:
      return {
        type: "freeze",
        member,
        forMs: dice.pick([500, 2_000, 5_000, 20_000]),
        slept: dice.chance(0.5),
      };
    default:
      return { type: "heal" };
  }
}

function mail(dice: Dice, members: number): Action {
  const member = dice.below(members);
  return {
    type: "mail",
    member,
    to: dice.chance(0.4)
      ? "all"
      : (member + 1 + dice.below(members - 1)) % members,
    mailing: {
      count: 1 + dice.below(6),
      size: dice.pick([0, 0, 0, 2_000, 100_000, 300_000]),
      topic: dice.pick(["", "", "news"]),
    },
  };
}

function talk(dice: Dice, members: number): Action {
  const member = dice.below(members);
  const manner = () => dice.chance(0.5) ? "whole" : dice.pick(MANNERS);
  const bytes = () => dice.pick([0, 1, 100, 2_000, 65_536, 70_000, 300_000]);
  return {
    type: "talk",
    member,
    to: (member + 1 + dice.below(members - 1)) % members,
    talk: {
      count: dice.chance(0.2) ? 1 + dice.below(40) : 1 + dice.below(3),
      protocol: dice.chance(0.1) ? "nobody/1" : "talk/1",
      up: bytes(),
      down: bytes(),
      opener: manner(),
      acceptor: manner(),
    },
  };
}

function errand(dice: Dice, members: number): Action {
  const member = dice.below(members);
  return {
    type: "errand",
    member,
    to: (member + 1 + dice.below(members - 1)) % members,
    errand: {
      count: dice.chance(0.2) ? 1 + dice.below(200) : 1 + dice.below(5),
      service: dice.pick(SERVICES),
      size: dice.pick([0, 0, 100, 5_000, 100_000]),
      answerSize: dice.pick([0, 10, 10, 5_000, 100_000]),
      timeoutMs: dice.pick([100, 1_000, 5_000, 30_000]),
      aborts: dice.chance(0.2),
    },
  };
}

/** Chance for schedules; another stream than that of the network and the nodes. */
export class Dice extends SeededRandom {
  constructor(seed: number) {
    super(seed ^ 0x5eed);
  }

  chance(probability: number): boolean {
    return this.float() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
}
