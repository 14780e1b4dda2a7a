/** What the votes of peers about the reach of a node come to, whatever some of them say. */
import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { parsePeerId } from "../../../src/core/peer_id.ts";
import {
  reachVerdict,
  type ReachVote,
} from "../../../src/mesh/discovery/reach_verdict.ts";

/** Votes as `t+`, trusted and reached, or `1-`, a stranger of source 1 that did not. */
function votes(text: string): ReachVote[] {
  return text.split(" ").filter((it) => it !== "").map((it, at) => ({
    id: parsePeerId(`${at}`.padStart(64, "0")),
    source: it.slice(0, -1),
    hasStanding: it.startsWith("t"),
    reached: it.endsWith("+"),
  }));
}

const verdict = (text: string) => reachVerdict(votes(text));

Deno.test("peers with standing decide by majority, and strangers only where these are too few", () => {
  assertEquals(verdict("t+ t+ t-"), true);
  assertEquals(verdict("t- t- t+"), false);
  assertEquals(verdict("t+ t- 1- 2- 3- 4-"), undefined);
  assertEquals(verdict("t+ t+ 1- 2- 3- 4-"), true);
  assertEquals(verdict("t- 1- 2-"), false);
  assertEquals(verdict("t- 1+ 2+"), true);
});

Deno.test("one vote is enough only of a peer with standing that is alone, and a tie is unknown", () => {
  assertEquals(verdict(""), undefined);
  assertEquals(verdict("t-"), false);
  assertEquals(verdict("t+"), true);
  assertEquals(verdict("1-"), undefined);
  assertEquals(verdict("1+"), undefined);
  assertEquals(verdict("t- 1+"), undefined);
  assertEquals(verdict("1- 2+"), undefined);
});

Deno.test("any number of strangers of one source is one vote, the last", () => {
  assertEquals(verdict("1- 1- 1- 1-"), undefined);
  assertEquals(verdict("1- 1- 1- 2+ 3+"), true);
  assertEquals(verdict("1+ 1+ 1- 2-"), false);
});

Deno.test("among three peers or more no single one turns what the others say", () => {
  const kind = fc.constantFrom("t", "1", "2", "3", "4");
  fc.assert(
    fc.property(
      fc.uniqueArray(kind, { minLength: 3, selector: (it) => it }),
      fc.boolean(),
      fc.nat(),
      (kinds, truth, which) => {
        const liar = which % kinds.length;
        const text = kinds.map((it, at) =>
          it + ((at === liar) === truth ? "-" : "+")
        ).join(" ");
        assert(verdict(text) === truth, text);
      },
    ),
  );
});
