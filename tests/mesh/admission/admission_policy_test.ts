// Who may come in, by table: every combination of facts has one answer.
import { assertEquals } from "@std/assert";
import {
  type AdmissionDecision,
  type AdmissionFacts,
  decideAdmission,
} from "../../../src/mesh/admission/admission_policy.ts";

const STRANGER: AdmissionFacts = {
  closed: true,
  rule: undefined,
  invite: "none",
  pinned: false,
  onRecord: false,
  attested: false,
};

const TABLE: readonly [string, Partial<AdmissionFacts>, AdmissionDecision][] = [
  ["a stranger at a closed node", {}, "pending"],
  ["a stranger at an open node", { closed: false }, "admit"],
  ["who is on record", { onRecord: true }, "admit"],
  ["whom a member vouches for", { attested: true }, "admit"],
  ["whom a person named to connect to", { pinned: true }, "admit"],
  ["whom a person allowed", { rule: "allowed" }, "admit"],
  ["a guest with an invite", { invite: "valid" }, "admit"],
  [
    "a guest with somebody else's invite",
    { invite: "invalid" },
    "bad-invite",
  ],
  [
    "a member with somebody else's invite",
    { invite: "invalid", onRecord: true, attested: true, pinned: true },
    "bad-invite",
  ],
  [
    "somebody with a bad invite at an open node",
    { invite: "invalid", closed: false },
    "bad-invite",
  ],
  ["who was forgotten", { rule: "forgotten" }, "pending"],
  [
    "who was forgotten, though a member vouches for it",
    { rule: "forgotten", attested: true, onRecord: true },
    "pending",
  ],
  [
    "who was forgotten, at an open node",
    { rule: "forgotten", closed: false },
    "admit",
  ],
  [
    "who was forgotten and is invited again",
    { rule: "forgotten", invite: "valid" },
    "admit",
  ],
  [
    "who was forgotten and is named by a person",
    { rule: "forgotten", pinned: true },
    "admit",
  ],
];

for (const [who, facts, decision] of TABLE) {
  Deno.test(`decideAdmission() says "${decision}" to ${who}`, () => {
    assertEquals(decideAdmission({ ...STRANGER, ...facts }), decision);
  });
}

Deno.test("decideAdmission() refuses a denied peer in spite of all other facts", () => {
  for (const closed of [true, false]) {
    for (const invite of ["valid", "invalid", "none"] as const) {
      for (const yes of [true, false]) {
        const facts: AdmissionFacts = {
          closed,
          rule: "denied",
          invite,
          pinned: yes,
          onRecord: yes,
          attested: yes,
        };
        assertEquals(decideAdmission(facts), "denied");
      }
    }
  }
});
