/** The cast of the demo: a pure function of the number of nodes, so that every run is the same. */

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

/** The customary name of an attacker that tampers with the protocol. */
export const IMPOSTOR_NAME = "mallory";

/** A node of the demo. */
export interface PlannedNode {
  readonly name: string;
  /** The node it joins through; the first one starts alone. */
  readonly via: string | undefined;
}

/** The whole cast. */
export interface DemoPlan {
  /** In the order in which they start. */
  readonly nodes: readonly PlannedNode[];
  /** The node that is killed, and the one it returns through, if possible another one. */
  readonly victim: { readonly name: string; readonly returnsThrough: string };
  /** The node that the impostor has the certificate of, and the node it dials. */
  readonly impostor: { readonly as: string; readonly to: string };
}

/** Plans a demo of `count` nodes, at least two. */
export function planDemo(count: number): DemoPlan {
  if (!Number.isInteger(count) || count < 2) {
    throw new RangeError(
      `Cannot plan demo: there are ${count} nodes, must be 2 or more`,
    );
  }
  const nameAt = (index: number) => NAMES[index] ?? `node-${index + 1}`;
  // No node is more than two joins from the first: each join waits for a process to start.
  const viaOf = (index: number) => nameAt(index % 2 === 1 ? 0 : index - 1);
  const nodes = Array.from({ length: count }, (_, index) => ({
    name: nameAt(index),
    via: index === 0 ? undefined : viaOf(index),
  }));
  const killed = Math.floor(count / 2);
  const name = nameAt(killed);
  const via = viaOf(killed);
  const elsewhere = nodes.findLast((it) => it.name !== name && it.name !== via);
  return {
    nodes,
    victim: { name, returnsThrough: elsewhere?.name ?? via },
    impostor: {
      as: nameAt(count - 1),
      to: nameAt(Math.floor((count - 1) / 2)),
    },
  };
}
