/**
 * Schedules of meshes in which not every node can dial every other: NAT, firewalls, chains,
 * stars, cliques that one member joins, and graphs at random; links are cut and restored.
 */
import { CROOKED_WAYS, type CrookedWay } from "./crooked_relay.ts";
import {
  type Action,
  Dice,
  makeSchedule,
  type MemberPlan,
  type Schedule,
  type TimedAction,
} from "./schedule.ts";

/** By node, for each other: whether a dial from the one reaches the other. */
export type Reach = readonly (readonly boolean[])[];

/** What is done to a dial that does not reach its target: nothing is heard, or it is refused. */
export type Unreached = "dropped" | "refused";

/** What a schedule of such a mesh has beyond that of an open one. */
export interface ReachPlan {
  readonly kind: Shape;
  /** At first; `reach` actions change it. */
  readonly reach: Reach;
  readonly unreached: Unreached;
  /** By member; what those do that relay otherwise than they must. */
  readonly crooked: readonly (CrookedWay | undefined)[];
}

/** Kinds of graphs. */
export const SHAPES = [
  "all",
  "firewall",
  "nat",
  "chain",
  "star",
  "ring",
  "cliques",
  "random",
  "directed",
] as const;

/** One of {@linkcode SHAPES}. */
export type Shape = typeof SHAPES[number];

const SALT = 0x02eac4;
const MAX_MEMBERS = 7;
/** In every other schedule so many members relay otherwise than they must. */
const CROOKED = 0.4;
/** The last change: after that time is left for what comes of it. */
const CHANGES_END = 0.8;

/** The schedule of a seed; always the same. */
export function makeReachSchedule(seed: number): Schedule {
  const base = makeSchedule(seed ^ SALT);
  const dice = new Dice(seed ^ SALT ^ 0x97a9);
  const count = 3 + dice.below(MAX_MEMBERS - 2);
  const kind = SHAPES[1 + seed % (SHAPES.length - 1)]!;
  const last = graph(kind, count, dice);
  const changes = dice.below(4);
  const graphs = Array.from(
    { length: changes },
    () => graph(dice.pick(SHAPES), count, dice),
  );
  const [first = last] = graphs;
  const changed: TimedAction[] = [...graphs.slice(1), last].map((reach) => ({
    atMs: dice.below(CHANGES_END * base.calmAtMs),
    action: { type: "reach", reach },
  }));
  changed.sort((a, b) => a.atMs - b.atMs);
  // The order of the graphs stays, whatever the times: the last one is the final one.
  const order = [...graphs.slice(1), last];
  const actions = base.actions.flatMap(({ atMs, action }) => {
    const fitting = fit(action, count);
    return fitting === undefined ? [] : [{ atMs, action: fitting }];
  });
  const joins = new Set(
    actions.flatMap(({ action }) =>
      action.type === "join" ? [action.member] : []
    ),
  );
  for (let member = 0; member < count; member++) {
    if (joins.has(member)) continue;
    const atMs = dice.below(3_000);
    actions.push({ atMs, action: { type: "join", member } });
  }
  actions.push(
    ...changed.map(({ atMs }, at): TimedAction => ({
      atMs,
      action: { type: "reach", reach: order[at]! },
    })),
  );
  // By turns, so that each comes soon.
  const turn = 2 * (seed >> 1);
  const some = [turn, turn + 1].map((at) =>
    CROOKED_WAYS[at % CROOKED_WAYS.length]!
  );
  const crooked = Array.from(
    { length: count },
    () => dice.chance(CROOKED) ? dice.pick(some) : undefined,
  );
  return {
    ...base,
    seed,
    members: membersOf(last, dice),
    liars: 0,
    actions: actions.sort((a, b) => a.atMs - b.atMs),
    reach: {
      kind,
      reach: first,
      unreached: dice.chance(0.5) ? "dropped" : "refused",
      crooked: seed % 2 === 0 ? crooked : crooked.map(() => undefined),
    },
  };
}

/** Moves would change who can be dialed where, and liars reach everybody. */
function fit(action: Action, count: number): Action | undefined {
  if (action.type === "lie") return undefined;
  if (action.type === "partition") {
    const { sides } = action;
    return {
      ...action,
      sides: Array.from({ length: count }, (_, i) => sides[i % sides.length]!),
    };
  }
  if ("member" in action && action.member >= count) return undefined;
  if ("other" in action && action.other >= count) return undefined;
  if ("to" in action && action.to !== "all" && action.to >= count) {
    return undefined;
  }
  return action.type === "restart" ? { ...action, move: "stay" } : action;
}

/** Each is told of its neighbours in a tree that spans the graph, as far as it can dial them. */
function membersOf(reach: Reach, dice: Dice): MemberPlan[] {
  const count = reach.length;
  const connect = Array.from({ length: count }, () => new Set<number>());
  const joined = [dice.below(count)];
  while (joined.length < count) {
    const edges = joined.flatMap((from) =>
      Array.from({ length: count }, (_, to) => [from, to] as const)
        .filter(([from, to]) =>
          !joined.includes(to) && (reach[from]![to] || reach[to]![from])
        )
    );
    const [from, to] = dice.pick(edges);
    if (reach[to]![from]) connect[to]!.add(from);
    else connect[from]!.add(to);
    joined.push(to);
  }
  return connect.map((targets) => ({
    ephemeral: dice.chance(0.15),
    connect: [...targets].map((member) => ({
      member,
      pinned: dice.chance(0.2),
    })),
    returns: true,
  }));
}

/** A graph that is connected, if directions do not count. */
export function graph(kind: Shape, count: number, dice: Dice): Reach {
  const reach = Array.from(
    { length: count },
    () => Array.from({ length: count }, () => false),
  );
  const link = (a: number, b: number, oneWay = false) => {
    reach[a]![b] = true;
    if (!oneWay) reach[b]![a] = true;
  };
  const all = (members: readonly number[]) => {
    for (const a of members) for (const b of members) if (a !== b) link(a, b);
  };
  const order = shuffled(Array.from({ length: count }, (_, i) => i), dice);
  switch (kind) {
    case "all":
      all(order);
      break;
    case "firewall": {
      all(order);
      // Pairs without a common member.
      for (let at = 0; at + 2 < count; at += 2) {
        const [a, b] = [order[at]!, order[at + 1]!];
        reach[a]![b] = reach[b]![a] = false;
      }
      break;
    }
    case "nat": {
      const open = 1 + dice.below(Math.max(1, count - 2));
      for (const from of order) {
        for (const to of order.slice(0, open)) {
          if (from !== to) link(from, to, true);
        }
      }
      break;
    }
    case "chain":
    case "ring":
      for (let at = 1; at < count; at++) link(order[at - 1]!, order[at]!);
      if (kind === "ring") link(order[0]!, order.at(-1)!);
      break;
    case "star":
      for (const leaf of order.slice(1)) {
        link(order[0]!, leaf, dice.chance(0.5));
      }
      break;
    case "cliques": {
      const middle = Math.floor(count / 2);
      all(order.slice(0, middle + 1));
      all(order.slice(middle));
      break;
    }
    case "random":
    case "directed":
      for (let at = 1; at < count; at++) {
        const [a, b] = shuffled([order[dice.below(at)]!, order[at]!], dice);
        link(a!, b!, kind === "directed");
      }
      for (let i = dice.below(count); i > 0; i--) {
        const [a, b] = [dice.below(count), dice.below(count)];
        if (a !== b) link(a, b, kind === "directed");
      }
      break;
    default:
      kind satisfies never;
  }
  return reach;
}

function shuffled<T>(items: readonly T[], dice: Dice): T[] {
  const left = [...items];
  return items.map(() => left.splice(dice.below(left.length), 1)[0]!);
}

/** A mesh with a graph in which nothing goes wrong: all nodes start at once. */
export function quietReachSchedule(
  kind: Shape,
  count: number,
  seed: number,
): Schedule {
  const dice = new Dice(seed);
  const reach = graph(kind, count, dice);
  return {
    seed,
    members: membersOf(reach, dice),
    liars: 0,
    latencyMs: 5,
    jitterMs: 10,
    heartbeatMs: 1_000,
    peerExchangeMs: 30_000,
    actions: Array.from({ length: count }, (_, member) => ({
      atMs: 0,
      action: { type: "join", member },
    })),
    calmAtMs: 1,
    abruptEnd: false,
    reach: {
      kind,
      reach,
      unreached: seed % 2 === 0 ? "dropped" : "refused",
      crooked: [],
    },
  };
}
