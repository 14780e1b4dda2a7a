// Memory that sessions share: whoever is the cause of its end goes.
import { assert, assertEquals } from "@std/assert";
import { LARGE_FRAME_GRACE_MS } from "../../src/session/session_limits.ts";
import {
  FrameBudget,
  type FrameHolder,
  QueueBudget,
  type QueueMember,
} from "../../src/session/node_budget.ts";

class Queue implements QueueMember {
  queuedBytes = 0;
  isClosed = false;
  readonly hasStanding: boolean;
  readonly #budget: QueueBudget;

  constructor(budget: QueueBudget, hasStanding = true) {
    this.hasStanding = hasStanding;
    this.#budget = budget;
    budget.join(this);
  }

  /** Queues, as a session does; false if it was closed for it. */
  push(bytes: number): boolean {
    this.#budget.makeRoom(bytes, this);
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

Deno.test("FrameBudget makes late frames wait, and evicts those that have had their time", () => {
  const budget = new FrameBudget(1_000);
  const ended: string[] = [];
  const holder = (name: string): FrameHolder => {
    const self: FrameHolder = {
      hasStanding: true,
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

Deno.test("QueueBudget ends queues of peers without standing first, and none with it for one without", () => {
  const budget = new QueueBudget(1_000);
  const friend = new Queue(budget);
  const strangers = [1, 2, 3].map(() => new Queue(budget, false));
  assert(friend.push(600));
  for (const stranger of strangers) assert(stranger.push(100));
  const closed = () => strangers.map((it) => it.isClosed);
  // The control: all fit.
  assert(strangers[0]!.push(100));
  assertEquals([friend.isClosed, ...closed()], [false, false, false, false]);
  assert(friend.push(150));
  assertEquals([friend.isClosed, ...closed()], [false, true, false, false]);
  // Two strangers have fifty each left; the friend is not ended for one of them.
  assert(!strangers[1]!.push(900));
  assertEquals([friend.isClosed, ...closed()], [false, true, true, true]);
  const late = new Queue(budget, false);
  assert(!late.push(300));
  assert(late.isClosed && !friend.isClosed);
  assertEquals(budget.bytes, 750);
  // Among friends the longest goes.
  assert(new Queue(budget).push(300));
  assert(friend.isClosed);
});

Deno.test("FrameBudget gives strangers half, ends theirs first, and no friend's frame for one of theirs", () => {
  const budget = new FrameBudget(1_000);
  const ended: string[] = [];
  const holder = (name: string, hasStanding: boolean): FrameHolder => {
    const self: FrameHolder = {
      hasStanding,
      onEvict: () => {
        ended.push(name);
        budget.hold(self, 0, 0);
      },
    };
    return self;
  };
  const [friend, other] = [holder("friend", true), holder("other", true)];
  const [s1, s2] = [holder("s1", false), holder("s2", false)];
  assert(budget.hold(friend, 400, 0));
  assert(budget.hold(s1, 500, 10));
  assert(!budget.hold(s2, 100, 20));
  // Its time over, a stranger's makes room for a stranger's, and for a friend's.
  const later = LARGE_FRAME_GRACE_MS + 10;
  assert(budget.hold(s2, 100, later));
  assertEquals(ended.splice(0), ["s1"]);
  assert(budget.hold(other, 500, later));
  assertEquals([ended, budget.bytes], [[], 1_000]);
  // A friend's, though older, is left alone as long as a stranger's is there.
  assert(budget.hold(other, 600, 3 * later));
  assertEquals(ended.splice(0), ["s2"]);
  assert(!budget.hold(s1, 100, 9 * later));
  assertEquals([ended, budget.bytes], [[], 1_000]);
  assert(budget.hold(other, 700, 9 * later));
  assertEquals(ended, ["friend"]);
});
