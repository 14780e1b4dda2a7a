// Memory that sessions share: whoever is the cause of its end goes.
import { assert, assertEquals } from "@std/assert";
import { LARGE_FRAME_GRACE_MS } from "../../src/budget_limits.ts";
import {
  FrameBudget,
  type FrameHolder,
  QueueBudget,
  type QueueMember,
} from "../../src/session/node_budget.ts";

class Queue implements QueueMember {
  queuedBytes = 0;
  isClosed = false;
  readonly #budget: QueueBudget;

  constructor(budget: QueueBudget) {
    this.#budget = budget;
    budget.join(this);
  }

  /** Queues, as a session does; false if it was closed for it. */
  push(bytes: number): boolean {
    this.#budget.makeRoom(bytes);
    if (this.isClosed) return false;
    this.queuedBytes += bytes;
    this.#budget.change(bytes);
    return true;
  }

  onEvict = () => {
    this.isClosed = true;
    this.#budget.change(-this.queuedBytes);
    this.queuedBytes = 0;
    this.#budget.detach(this);
  };
}

Deno.test("QueueBudget ends the longest queue when all together are too long", () => {
  const budget = new QueueBudget(1_000);
  const [short, long, other] = [1, 2, 3].map(() => new Queue(budget));
  assert(short!.push(100) && long!.push(700) && other!.push(200));
  assertEquals(budget.bytes, 1_000);
  assert(short!.push(50));
  assertEquals([short, long, other].map((q) => q!.isClosed), [
    false,
    true,
    false,
  ]);
  assertEquals(budget.bytes, 350);
  // The one who asks for room may be the longest itself.
  assert(other!.push(600));
  assert(!other!.push(100));
  assertEquals(budget.bytes, 150);
});

Deno.test("FrameBudget makes those wait who come late, and ends those who have had their time", () => {
  const budget = new FrameBudget(1_000);
  const ended: string[] = [];
  const holder = (name: string): FrameHolder => {
    const self: FrameHolder = {
      onEvict: () => {
        ended.push(name);
        budget.hold(self, 0, 0);
      },
    };
    return self;
  };
  const [a, b, c] = [holder("a"), holder("b"), holder("c")];
  assert(budget.hold(a, 400, 0));
  assert(budget.hold(b, 600, 100));
  assert(!budget.hold(c, 500, 200));
  assertEquals([budget.bytes, ended], [1_000, []]);
  // The oldest goes, and only as many as are needed.
  assert(!budget.hold(c, 500, LARGE_FRAME_GRACE_MS));
  assertEquals(ended, ["a"]);
  assert(budget.hold(c, 300, LARGE_FRAME_GRACE_MS));
  assert(budget.hold(b, 0, LARGE_FRAME_GRACE_MS));
  assertEquals([budget.bytes, ended], [300, ["a"]]);
  // One that grows does not end itself.
  assert(budget.hold(c, 1_000, 60_000));
  assert(!budget.hold(c, 1_001, 60_000));
  assertEquals([budget.bytes, ended], [1_000, ["a"]]);
});
