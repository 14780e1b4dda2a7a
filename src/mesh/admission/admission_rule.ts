/**
 * Who may come in: a pure decision over facts. Where the facts come from, and what
 * follows, is in `membership.ts`.
 */
import type { AccessRule } from "../peers/node_store.ts";

/** How a node takes to those it does not know. */
export type AdmissionMode = "open" | "closed";

/** All that counts about a peer that has proven its key. */
export interface AdmissionFacts {
  /** Whether only those who are known may come in. */
  readonly closed: boolean;
  /** What a person decided about it. */
  readonly rule: AccessRule | undefined;
  /** The invite it showed: one of ours that it may use, another, or none. */
  readonly invite: "valid" | "invalid" | "none";
  /** A person named it, with its identity, as somebody to connect to. */
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
