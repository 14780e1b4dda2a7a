/**
 * Which peers are admitted: pure decisions over facts, for the gate, for gossip and for closing
 * a mesh. `membership.ts` gathers the facts.
 */
import { keepsOut } from "../peers/access_rules.ts";
import type { AccessRule } from "../peers/node_store.ts";

/** Whether a node admits unknown peers. */
export type AdmissionMode = "open" | "closed";

/** The facts about a peer that has proven its key. */
export interface AdmissionFacts {
  /** Whether only known peers are admitted. */
  readonly closed: boolean;
  /** Its access rule. */
  readonly rule: AccessRule | undefined;
  /** The invite it showed: a valid one of ours, another, or none. */
  readonly invite: "valid" | "invalid" | "none";
  /** It was configured with its identity. */
  readonly pinned: boolean;
  /** It was admitted before. */
  readonly onRecord: boolean;
  /** It has an attestation by a member that this node has admitted. */
  readonly attested: boolean;
}

/** Admitted; listed as a join request; or refused with this reason. */
export type AdmissionDecision = "admit" | "pending" | "denied" | "bad-invite";

/**
 * Decides. Decisions of the user come first: `deny` overrides everything, an invite and a pin
 * override `forget`, and attestations override neither.
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

/** The facts about a peer that need not be connected. */
export type MemberFacts = Pick<
  AdmissionFacts,
  "rule" | "pinned" | "onRecord" | "attested"
>;

/** Whether it is a member of a closed mesh, which may be gossiped and may admit others. */
export function isMember(facts: MemberFacts): boolean {
  const { rule, pinned, onRecord, attested } = facts;
  if (keepsOut(rule)) return false;
  return rule === "allowed" || pinned || onRecord || attested;
}

/**
 * Whether it stays a member when an open mesh is closed. In an open mesh any stranger is put on
 * record, which in a closed one would admit it and all that it admits.
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
