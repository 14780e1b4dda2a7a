/**
 * A look inside a node, for who tests what must hold there and not only at its
 * surface (`tests/simulation/`). No part of the library: `mod.ts` does not export it.
 */
import type { MeshContext } from "./context.ts";

const contexts = new WeakMap<object, MeshContext>();

/** Called once by each node. */
export function exposeInternals(node: object, context: MeshContext): void {
  contexts.set(node, context);
}

/** What the parts of a node share; not to be changed. */
export function internalsOf(node: object): MeshContext {
  const context = contexts.get(node);
  if (context === undefined) throw new TypeError("There is no such node");
  return context;
}
