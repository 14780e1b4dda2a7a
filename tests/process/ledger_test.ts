/** The books of chaos runs: that they balance must mean something. */
import { assertEquals } from "@std/assert";
import { Ledger, type Told } from "./chaos/ledger.ts";

const kept = (key: string): Told => ({ type: "kept", key, to: "b", topic: "" });
const taken = (key: string, id = key): Told => ({
  type: "taken",
  key,
  from: "a",
  topic: "",
  id,
});

/** Faults of a ledger in which this was noted: by whom, in which life, what. */
function faults(...notes: readonly [string, number, Told][]): string[] {
  const ledger = new Ledger();
  for (const note of notes) ledger.note(...note);
  return ledger.faults();
}

Deno.test("messages that are kept and taken once balance the books", () => {
  assertEquals(
    faults(
      ["a", 1, kept("x.1")],
      ["b", 1, taken("x.1")],
      ["a", 1, { type: "acked", key: "x.1" }],
      // Killed before it could record that it took it.
      ["b", 2, taken("x.1")],
      ["b", 2, taken("x.2")],
    ),
    [],
  );
});

Deno.test("every way to break the promise is a fault of its own", () => {
  const lost = ["x.1 from a to b kept and lost"];
  assertEquals(faults(["a", 1, kept("x.1")]), lost);
  assertEquals(faults(["a", 1, { type: "acked", key: "x.1" }]), [
    "x.1 acknowledged, not taken",
  ]);
  assertEquals(faults(["b", 1, taken("x.1")], ["b", 1, taken("x.1")]), [
    "x.1 taken twice in a life",
  ]);
  assertEquals(
    faults(["b", 1, taken("x.1", "1")], ["b", 2, taken("x.1", "2")]),
    ["x.1 came again with another id"],
  );
  assertEquals(faults(["a", 1, kept("x.1")], ["c", 1, taken("x.1")]), [
    "x.1 went astray",
  ]);
  assertEquals(faults(["b", 1, taken("x.2")], ["b", 1, taken("x.1")]), [
    'from x to b in "": 1 after 2',
  ]);
  assertEquals(
    faults(["a", 1, { type: "failed", key: "x.1", reason: "too old" }]),
    ["given up: x.1: too old"],
  );
});
