/** Identities for tests, made once: making a key and certificate takes milliseconds. */
import { Identity } from "../../src/identity/identity.ts";

const made: Identity[] = [];

/** The same `count` identities every time; their keys live in memory. */
export async function identities(count: number): Promise<Identity[]> {
  while (made.length < count) made.push(await Identity.generate());
  return made.slice(0, count);
}

/** Two identities, the one with the smaller id first. */
export async function orderedPair(): Promise<[Identity, Identity]> {
  const [a, b] = await identities(2);
  if (a === undefined || b === undefined) throw new TypeError("no identities");
  return a.id < b.id ? [a, b] : [b, a];
}

/** A new identity that lasts, as that of a node with a data directory does. */
export function lasting(): Promise<Identity> {
  return Identity.generate({ ephemeral: false });
}
