/**
 * The identities whose private keys are published in `certs/`. Whoever meets one
 * anywhere but on loopback meets nobody in particular; refusing them there is up
 * to `mesh/`.
 */

import type { PeerId } from "../core/peer_id.ts";

/** A published identity. */
export interface DemoIdentity {
  /** The name of its files in `certs/`, without extension. */
  readonly name: string;
  readonly id: PeerId;
}

/** Every identity whose key is public. A test holds it against the files. */
export const DEMO_IDENTITIES: readonly DemoIdentity[] = [
  {
    name: "alice",
    id: "3a1e1b52782b8e0f9850601aa3afa379c61e20b32247a66afd4a7be360ad63aa",
  },
  {
    name: "bob",
    id: "ab16cf1e85f4009636a878d611d09a3a9c886ef01ea1b00a9391b7535808b3bb",
  },
  {
    name: "carol",
    id: "bd620673740dfda4b1a951469b070289992fe7f37ee4893d9ad38f7aaa4a4610",
  },
];

const ids = new Set(DEMO_IDENTITIES.map(({ id }) => id));

/** Whether the key of this identity is public, so that anyone can pose as it. */
export function isDemoIdentity(id: PeerId): boolean {
  return ids.has(id);
}
