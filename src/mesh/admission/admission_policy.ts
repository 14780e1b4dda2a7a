/**
 * Which peers may come in: pure decisions over facts, for the gate, for gossip and for
 * what closing a mesh keeps. Where the facts come from is in `membership.ts`.
 */
import { keepsOut } from "../peers/access_rules.ts";
import type { AccessRule } from "../peers/node_store.ts";

/** How a node takes to peers that it does not know. */
export type AdmissionMode = "open" | "closed";

/** All that counts about a peer that has proven its key. */
export interface AdmissionFacts {
  /** Whether only peers that are known may come in. */
  readonly closed: boolean;
  /** What a person decided about it. */
  readonly rule: AccessRule | undefined;
  /** The invite it showed: one of ours that it may use, another, or none. */
  readonly invite: "valid" | "invalid" | "none";
  /** A person named it, with its identity, to connect to. */
  readonly pinned: boolean;
  /** It was let in before. */
  readonly onRecord: boolean;
  /** A member that we have admitted states that it admits it. */
  readonly attested: boolean;
}

/** Let in; listed for a person to decide; or turned away with this reason. */
export type AdmissionDecision = "admit" | "pending" | "denied" | "bad-invite";

/**
 * Decides. What a person said here comes first, in the order in which it is
 * hardest to take back: `deny` stands against everything, an invite and a pin stand
 * against having been forgotten, and others' word stands against neither.
 */
export function decideAdmission(facts: AdmissionFacts): AdmissionDecision {
  const { rule, invite } = facts;
  if (rule === "denied") return "denied";
  if (invite === "invalid") return "bad-invite";
  if (invite === "valid" || rule === "allowed" || facts.pinned) {
    return "admit";
  }
  if (!facts.closed) return "admit";
  if (rule === "forgotten") return "pending";
  return facts.onRecord || facts.attested ? "admit" : "pending";
}

/** What a closed node knows of a peer that need not be there. */
export type MemberFacts = Pick<
  AdmissionFacts,
  "rule" | "pinned" | "onRecord" | "attested"
>;

/** Whether it is a member of a closed mesh, which may be told of and may admit others. */
export function isMember(facts: MemberFacts): boolean {
  const { rule, pinned, onRecord, attested } = facts;
  if (keepsOut(rule)) return false;
  return rule === "allowed" || pinned || onRecord || attested;
}

/**
 * Whether it stays a member when an open mesh is closed. In an open mesh any stranger is
 * put on record, which in a closed one would admit it for good, and all that it admits.
 */
export function staysMember(
  { attested, isTrusted }: {
    readonly attested: boolean;
    /** See `standing.ts`. */
    readonly isTrusted: boolean;
  },
): boolean {
  return attested || isTrusted;
}
