/** Schedules of closed meshes: those of open ones, and what has to do with admission. */
import {
  type Action,
  Dice,
  makeSchedule,
  type Schedule,
  type TimedAction,
} from "./schedule.ts";

/** How a member comes in. */
const WAYS_IN = ["invite", "allow"] as const;

/** One of {@linkcode WAYS_IN}. */
export type WayIn = typeof WAYS_IN[number];

/** How a stranger, a node that no member has admitted, tries to come in. */
export const INTRUSIONS = [
  /** As a node of an open mesh. */
  "open",
  /** As one that has the members pinned. */
  "pinned",
  /** With an invite that it has made up. */
  "forged-invite",
  /** With an invite that a guest has used. */
  "used-invite",
  /** With an invite that was revoked. */
  "revoked-invite",
] as const;

/** One of {@linkcode INTRUSIONS}. */
export type Intrusion = typeof INTRUSIONS[number];

/** Decisions about a peer. */
export const RULES = ["deny", "forget", "allow"] as const;

/** One of {@linkcode RULES}. */
export type Rule = typeof RULES[number];

/** What a schedule of a closed mesh has beyond that of an open one. */
export interface ClosedPlan {
  /** Whether it has a secret. */
  readonly secret: boolean;
  /** Whether strangers and liars have learnt that. */
  readonly leaked: boolean;
  /** By member. */
  readonly waysIn: readonly WayIn[];
  /** Nodes that nobody admits. */
  readonly strangers: number;
}

/** The seeds of their members and faults are other ones than those of open meshes. */
const SALT = 0x0c105ed;

/** The schedule of a closed mesh for a seed; always the same. */
export function makeClosedSchedule(seed: number): Schedule {
  const base = makeSchedule(seed ^ SALT);
  const dice = new Dice(seed ^ SALT ^ 0x7e57);
  const { calmAtMs, members } = base;
  const count = members.length;
  const secret = dice.chance(0.5);
  const strangers = dice.below(3);
  const actions: TimedAction[] = [...base.actions];
  const add = (most: number, make: () => Action) => {
    for (let i = dice.below(most + 1); i > 0; i--) {
      actions.push({ atMs: dice.below(calmAtMs), action: make() });
    }
  };
  if (dice.chance(0.7)) add(5, () => rule(dice, count));
  if (strangers > 0) {
    add(6, () => ({
      type: "intrude",
      stranger: dice.below(strangers),
      intrusion: dice.pick(INTRUSIONS),
    }));
  }
  if (base.liars > 0 && dice.chance(0.5)) {
    add(2, () => ({
      type: "admit",
      liar: dice.below(base.liars),
      member: dice.below(count),
    }));
  }
  return {
    ...base,
    seed,
    actions: actions.sort((a, b) => a.atMs - b.atMs),
    closed: {
      secret,
      leaked: dice.chance(0.5),
      waysIn: members.map(() => dice.pick(WAYS_IN)),
      strangers,
    },
  };
}

function rule(dice: Dice, members: number): Action {
  const member = dice.below(members);
  return {
    type: "rule",
    member,
    other: (member + 1 + dice.below(members - 1)) % members,
    rule: dice.pick(RULES),
  };
}
