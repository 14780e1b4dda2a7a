/** What kind of mesh a fuzz run is in: open, with a network secret, or closed. */
import {
  deriveNetworkKey,
  networkSecret,
} from "../../src/identity/shared_secret.ts";
import type { SharedSecret } from "../../src/identity/shared_secret.ts";

/** Of the runs that have one. */
export const NETWORK_SECRET = "a secret that all but a few know";

/** What is asked of those who come. */
export interface Kind {
  readonly admission: "open" | "closed";
  readonly secret: SharedSecret | undefined;
}

/** The seed's choice, each in turn. */
export async function kindOf(seed: number): Promise<Kind> {
  const key = seed % 3 === 1
    ? await deriveNetworkKey(new TextEncoder().encode(NETWORK_SECRET), "main")
    : undefined;
  return {
    admission: seed % 3 === 2 ? "closed" : "open",
    secret: key && networkSecret(key),
  };
}
