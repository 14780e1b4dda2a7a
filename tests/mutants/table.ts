/** All mutants. A check that is added to `src/` gets a line in one of these lists. */
import { CONNECTION_MUTANTS } from "./connection_mutants.ts";
import { IDENTITY_MUTANTS } from "./identity_mutants.ts";
import { MESH_MUTANTS } from "./mesh_mutants.ts";
import type { Mutant } from "./mutant.ts";
import { NODE_MUTANTS } from "./node_mutants.ts";

/** Every security check that is known to be held by a test. */
export const MUTANTS: readonly Mutant[] = [
  ...IDENTITY_MUTANTS,
  ...CONNECTION_MUTANTS,
  ...MESH_MUTANTS,
  ...NODE_MUTANTS,
];
