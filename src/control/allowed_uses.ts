/** What a node allows its peers beside messages, as its status reports it. */

/** A use of a node that some peers are allowed. */
export interface AllowedUse {
  /**
   * `forward`: the rules of `forwarding` that name no peer; `request`: methods that a program
   * answers; `message`: messages that start it; `file`: files that are received.
   */
  readonly use: "forward" | "request" | "message" | "file";
  /** The addresses, the methods, the topic if it is one only, or the folder. */
  readonly of: readonly string[];
  /** Every peer, those on this machine, or names and ids. */
  readonly from: "all" | "local" | readonly string[];
}

/** By the node. */
const uses = new WeakMap<object, readonly AllowedUse[]>();

/** Sets what the status of a node reports. */
export function reportAllowedUses(
  node: object,
  allowed: readonly AllowedUse[],
): void {
  uses.set(node, allowed);
}

/** What was set for a node. */
export function allowedUses(node: object): readonly AllowedUse[] {
  return uses.get(node) ?? [];
}
