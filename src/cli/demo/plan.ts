/**
 * Who does what in the demo: a pure function of the number of nodes, so that the
 * same show is played every time. Playing it is left to `scenario.ts`.
 */

/** Names of the first nodes; further ones are `node-9` and so on. */
const NAMES = [
  "alice",
  "bob",
  "carol",
  "dave",
  "erin",
  "frank",
  "grace",
  "heidi",
] as const;

/** The one who wants in and may not; the usual name for that part. */
export const IMPOSTOR_NAME = "mallory";

/**
 * A node starts when the one it joins through listens. More generations would
 * only make the start of processes, about a second each, longer.
 */
const MAX_GENERATIONS = 2;

/** A member of the cast. */
export interface PlannedNode {
  readonly name: string;
  /** Through whom it joins; the first node joins through nobody. */
  readonly via: string | undefined;
}

/** The whole show. */
export interface DemoPlan {
  /** In the order in which they start. */
  readonly nodes: readonly PlannedNode[];
  /** Who is killed, and through whom it comes back: if possible not as before. */
  readonly victim: { readonly name: string; readonly returnsThrough: string };
  /** Whose certificate the impostor shows, and to whom. */
  readonly impostor: { readonly as: string; readonly to: string };
}

/**
 * Plans a demo.
 *
 * @param count Number of nodes.
 * @throws {RangeError} when there are fewer than two.
 */
export function planDemo(count: number): DemoPlan {
  if (!Number.isInteger(count) || count < 2) {
    throw new RangeError(
      `Cannot plan demo: there are ${count} nodes, must be 2 or more`,
    );
  }
  const pick = picker();
  const nodes: PlannedNode[] = [];
  const generations: number[] = [];
  for (let index = 0; index < count; index++) {
    const entrances = nodes.flatMap((_, i) =>
      (generations[i] ?? 0) < MAX_GENERATIONS ? [i] : []
    );
    const via = index === 0 ? undefined : pick(entrances);
    generations.push(via === undefined ? 0 : (generations[via] ?? 0) + 1);
    nodes.push({
      name: nameOf(index),
      via: via === undefined ? undefined : nodes[via]?.name,
    });
  }
  const names = nodes.map(({ name }) => name);
  const killed = Math.floor(count / 2);
  const before = nodes[killed]?.via;
  const others = names.filter((_, i) => i !== killed);
  const elsewhere = others.filter((name) => name !== before);
  const shown = nameOf(count - 1);
  return {
    nodes,
    victim: {
      name: nameOf(killed),
      returnsThrough: pick(elsewhere.length > 0 ? elsewhere : others),
    },
    impostor: { as: shown, to: pick(names.filter((name) => name !== shown)) },
  };
}

function nameOf(index: number): string {
  return NAMES[index] ?? `node-${index + 1}`;
}

/** Picks by a fixed sequence of numbers: a multiplicative generator (Lehmer). */
function picker(): <T>(items: readonly T[]) => T {
  let state = 20_260_801;
  return (items) => {
    state = (state * 48_271) % 0x7fff_ffff;
    return items[
      Math.floor(state / 0x7fff_ffff * items.length)
    ] as typeof items[
      number
    ];
  };
}
