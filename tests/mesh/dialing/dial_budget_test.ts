// How many dials there may be, and who pays for those in vain.
import type { PeerId } from "../../../src/core/peer_id.ts";
import { assert, assertEquals } from "@std/assert";
import {
  CONTESTED_DIAL_MS,
  GOSSIP_CREDIT,
  GOSSIP_CREDIT_PER_SOURCE,
  GOSSIP_CREDIT_PER_SOURCE_REFILL_MS,
  MAX_CONCURRENT_DIALS,
  MAX_GOSSIP_DIALS,
  MAX_GOSSIP_DIALS_PER_SOURCE,
} from "../../../src/mesh/dialing/dialing_limits.ts";
import { MAX_SESSIONS } from "../../../src/session/session_limits.ts";
import {
  DialBudget,
  type KnownShare,
} from "../../../src/mesh/dialing/dial_budget.ts";

/** The budget does not look into ids. */
function source(name: string): PeerId {
  return name as PeerId;
}

/** How many dials begin one after another until one may not. */
function begins(budget: DialBudget, from: PeerId, now = 0): number {
  let count = 0;
  while (count < 10_000 && budget.begin(from, now)) count++;
  return count;
}

/** The same of dials to peers we know. */
function beginsKnown(budget: DialBudget, share: KnownShare): number {
  let count = 0;
  while (count < 10_000 && budget.beginKnown(share)) count++;
  return count;
}

/** How many dials in vain a source can cause, one at a time. */
function wastes(budget: DialBudget, from: PeerId, now = 0): number {
  let count = 0;
  for (; count < 10_000 && budget.begin(from, now); count++) {
    budget.end(from, true);
  }
  return count;
}

Deno.test("one source of gossip leaves room for others, and all together for peers we know, and those for peers with standing", () => {
  const budget = new DialBudget();
  assertEquals(begins(budget, source("liar")), MAX_GOSSIP_DIALS_PER_SOURCE);
  assertEquals(
    begins(budget, source("other")),
    MAX_GOSSIP_DIALS - MAX_GOSSIP_DIALS_PER_SOURCE,
  );
  assertEquals(begins(budget, source("third")), 0);
  assertEquals(beginsKnown(budget, "verified"), MAX_CONCURRENT_DIALS);
  assertEquals(beginsKnown(budget, "standing"), MAX_CONCURRENT_DIALS);
  budget.end(source("liar"), false);
  budget.endKnown("verified");
  assertEquals(begins(budget, source("liar")), 1);
  assertEquals(beginsKnown(budget, "standing"), 0);
  assertEquals(beginsKnown(budget, "verified"), 1);
});

Deno.test("a source of false gossip runs out of credit, an honest one does not", () => {
  const budget = new DialBudget();
  for (let i = 0; i < 10_000; i++) {
    assert(budget.begin(source("honest"), 0));
    budget.end(source("honest"), false);
  }
  assertEquals(wastes(budget, source("liar")), GOSSIP_CREDIT_PER_SOURCE);
  assertEquals(
    wastes(budget, source("liar"), 10 * GOSSIP_CREDIT_PER_SOURCE_REFILL_MS),
    10,
  );
  assert(budget.begin(source("honest"), 0));
});

Deno.test("many names share one credit, and are not remembered without end", () => {
  const budget = new DialBudget();
  let wasted = 0;
  for (let i = 0; i < 2 * MAX_SESSIONS; i++) {
    wasted += wastes(budget, source(`liar ${i}`));
  }
  assertEquals(wasted, GOSSIP_CREDIT);
});

/** Fills the room for rumours: dials of each source, begun at `now`; the sources that gave way. */
function filled(
  budget: DialBudget,
  counts: Readonly<Record<string, number>>,
  now = 0,
): PeerId[] {
  const left: PeerId[] = [];
  for (const [name, count] of Object.entries(counts)) {
    const from = source(name);
    for (let i = 0; i < count; i++) {
      assert(budget.begin(from, now));
      const dial = {
        source: from,
        progressAt: now,
        giveWay: () => {
          left.push(from);
          budget.untrack(dial);
          budget.end(from, true);
        },
      };
      budget.track(dial);
    }
  }
  return left;
}

Deno.test("of sources that wait the one with the fewest dials is next, then the one that waited longest", () => {
  const budget = new DialBudget();
  filled(budget, { a: 3, b: 1, c: 1 });
  assertEquals(budget.next(["a", "b", "c"].map(source)), source("b"));
  assertEquals(budget.next(["a", "c"].map(source)), source("c"));
  assertEquals(budget.next(["a", "c", "new"].map(source)), source("new"));
  assertEquals(budget.next([]), undefined);
});

Deno.test("a dial of the source with the most gives way to one that has none, but not before its time", () => {
  const budget = new DialBudget();
  const left = filled(budget, { a: 20, b: MAX_GOSSIP_DIALS - 20 });
  assertEquals(budget.makeRoom(source("new"), 1_000), CONTESTED_DIAL_MS);
  assertEquals(left, []);
  budget.makeRoom(source("new"), CONTESTED_DIAL_MS);
  assertEquals(left, ["a"]);
  // There is room now.
  assertEquals(budget.makeRoom(source("new"), 60_000), Infinity);
  assert(budget.begin(source("new"), 60_000));
  assertEquals(left, ["a"]);
});

Deno.test("sources that have about as many dials do not take them from each other", () => {
  const budget = new DialBudget();
  const half = MAX_GOSSIP_DIALS / 2;
  const left = filled(budget, { a: half + 1, b: half - 1 });
  assertEquals(budget.makeRoom(source("a"), 60_000), Infinity);
  budget.makeRoom(source("b"), 60_000);
  assertEquals(left, ["a"]);
  assert(budget.begin(source("b"), 60_000));
  assertEquals(budget.makeRoom(source("b"), 60_000), Infinity);
  assertEquals(budget.makeRoom(source("a"), 60_000), Infinity);
  assertEquals(left, ["a"]);
});

Deno.test("one dial at a time gives way, and only when there is no room", () => {
  const budget = new DialBudget();
  let told = 0;
  for (let i = 0; i < MAX_GOSSIP_DIALS; i++) {
    assertEquals(budget.makeRoom(source("new"), 60_000), Infinity);
    const from = source(i < 20 ? "a" : "b");
    assert(budget.begin(from, 0));
    budget.track({ source: from, progressAt: 0, giveWay: () => told++ });
  }
  assertEquals(told, 0);
  budget.makeRoom(source("new"), 60_000);
  // It takes a moment to end.
  budget.makeRoom(source("new"), 60_000);
  assertEquals(told, 1);
});
