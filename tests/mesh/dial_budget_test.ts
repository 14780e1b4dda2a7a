// How many dials there may be, and who pays for those in vain.
import { assert, assertEquals } from "@std/assert";
import {
  MAX_CONCURRENT_DIALS,
  MAX_RUMOUR_DIALS,
  MAX_RUMOUR_DIALS_PER_SOURCE,
  MAX_SESSIONS,
  RUMOUR_CREDIT,
  RUMOUR_CREDIT_PER_SOURCE,
  RUMOUR_CREDIT_PER_SOURCE_REFILL_MS,
} from "../../src/limits.ts";
import { DialBudget } from "../../src/mesh/dial_budget.ts";

/** How many dials begin one after another until one may not. */
function begins(budget: DialBudget, source: string | undefined, now = 0) {
  let count = 0;
  while (count < 10_000 && budget.begin(source, now)) count++;
  return count;
}

/** How many dials in vain a source can cause, one at a time. */
function wastes(budget: DialBudget, source: string, now = 0): number {
  let count = 0;
  for (; count < 10_000 && budget.begin(source, now); count++) {
    budget.end(source, true);
  }
  return count;
}

Deno.test("one source of rumours leaves room for others, and all together for peers we know", () => {
  const budget = new DialBudget(0);
  assertEquals(begins(budget, "liar"), MAX_RUMOUR_DIALS_PER_SOURCE);
  assertEquals(
    begins(budget, "other"),
    MAX_RUMOUR_DIALS - MAX_RUMOUR_DIALS_PER_SOURCE,
  );
  assertEquals(begins(budget, "third"), 0);
  assertEquals(begins(budget, undefined), MAX_CONCURRENT_DIALS);
  budget.end("liar", false);
  budget.end(undefined, false);
  assertEquals([begins(budget, "liar"), begins(budget, undefined)], [1, 1]);
});

Deno.test("who sends us where nobody is runs out of credit, who tells the truth does not", () => {
  const budget = new DialBudget(0);
  for (let i = 0; i < 10_000; i++) {
    assert(budget.begin("honest", 0));
    budget.end("honest", false);
  }
  assertEquals(wastes(budget, "liar"), RUMOUR_CREDIT_PER_SOURCE);
  assertEquals(
    wastes(budget, "liar", 10 * RUMOUR_CREDIT_PER_SOURCE_REFILL_MS),
    10,
  );
  assert(budget.begin("honest", 0));
});

Deno.test("many names share one credit, and are not remembered without end", () => {
  const budget = new DialBudget(0);
  let wasted = 0;
  for (let i = 0; i < 2 * MAX_SESSIONS; i++) {
    wasted += wastes(budget, `liar ${i}`);
  }
  assertEquals(wasted, RUMOUR_CREDIT);
});
