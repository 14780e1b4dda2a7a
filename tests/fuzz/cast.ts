/** Who takes part in a fuzz run: the same identities for the same seed. */
import type { Identity } from "../../src/identity/identity.ts";
import { numberedIdentity } from "../simulation/keys.ts";

/** Keys to draw from; who has the smaller identity decides much. */
const KEYS = 40;

/** Everybody in a run. */
export interface Cast {
  /** Who is fuzzed. */
  readonly node: Identity;
  /** An honest peer that is there all the time. */
  readonly witness: Identity;
  /** Honest peers that come and go. */
  readonly guests: readonly Identity[];
  /** Who dials the node; some of them are dialed too. */
  readonly dialing: readonly Identity[];
  /** Who is dialed by it, one at each of `hosts`. */
  readonly dialed: readonly Identity[];
  readonly hosts: readonly string[];
  /** Whom others claim to be, and nobody is. */
  readonly victim: Identity;
  /** Who may come in, where not everybody may: all but some of those who dial. */
  readonly allowed: readonly Identity[];
  /** Whom peer lists speak of: all of the above, and some that nobody has met. */
  readonly spokenOf: readonly Identity[];
}

/** Assigns the roles of a run. */
export async function gather(seed: number): Promise<Cast> {
  const number = (i: number) => (seed * 7 + i) % KEYS;
  const keys = (first: number, count: number, ephemeral = false) =>
    Promise.all(
      Array.from(
        { length: count },
        (_, i) => numberedIdentity(number(first + i), { ephemeral }),
      ),
    );
  const [node, witness, victim] = await keys(0, 3);
  if (!node || !witness || !victim) throw new TypeError("no identities");
  const guests = await keys(3, 3, true);
  const dialed = await keys(6, 6);
  const dialing = [
    ...dialed.slice(0, 3),
    ...await keys(12, 6),
    ...await keys(18, 6, true),
  ];
  const strangers = await keys(24, 8);
  return {
    node,
    witness,
    guests,
    dialing,
    dialed,
    hosts: dialed.map((_, i) => `10.66.0.${i + 1}`),
    victim,
    allowed: [witness, ...guests, ...dialed, ...dialing.slice(0, 8)],
    spokenOf: [node, witness, victim, ...dialing, ...dialed, ...strangers],
  };
}
