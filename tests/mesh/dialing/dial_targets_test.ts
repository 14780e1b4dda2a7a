// How often one address is dialed in vain, over all peers that claim it.
import type { PeerId } from "../../../src/core/peer_id.ts";
import { assertEquals } from "@std/assert";
import {
  DIALS_PER_TARGET,
  DIALS_PER_TARGET_REFILL_MS,
} from "../../../src/mesh/mesh_limits.ts";
import { MAX_DIAL_TARGETS } from "../../../src/mesh/dialing/dialing_limits.ts";
import {
  type CountedDial,
  DialTargets,
} from "../../../src/mesh/dialing/dial_targets.ts";
import { parseAddress } from "../../../src/transport/address.ts";

function claimed(address: string, id = "mallory"): CountedDial {
  return { id: id as PeerId, endpoint: parseAddress(address), verified: false };
}

function verified(address: string): CountedDial {
  return { ...claimed(address), verified: true };
}

/** How many dials to it may begin now. */
function begins(
  targets: DialTargets,
  dial: CountedDial,
  now = 0,
): number {
  let count = 0;
  while (count < 1_000 && targets.begin(dial, now)) count++;
  return count;
}

Deno.test("one target is dialed in vain so often at once, then at a rate", () => {
  const targets = new DialTargets();
  const dial = claimed("203.0.113.1:443");
  assertEquals(begins(targets, dial), DIALS_PER_TARGET);
  assertEquals(begins(targets, dial, DIALS_PER_TARGET_REFILL_MS - 1), 0);
  assertEquals(begins(targets, dial, 3 * DIALS_PER_TARGET_REFILL_MS), 3);
});

Deno.test("a target that answers costs nothing", () => {
  const targets = new DialTargets();
  const dial = claimed("203.0.113.1:443");
  for (let i = 0; i < 1_000; i++) {
    assertEquals(targets.begin(dial, 0), true);
    targets.answered(dial);
  }
});

Deno.test("once a target has shown an identity, no other is looked for there for a while, and that one without limit", () => {
  const targets = new DialTargets();
  const [mallory, bob] = ["mallory", "bob"].map((id) =>
    claimed("203.0.113.1:443", id)
  );
  assertEquals(begins(targets, mallory!), DIALS_PER_TARGET);
  assertEquals(targets.otherAt(mallory!, 0), undefined);
  targets.shows(bob!.endpoint, "bob" as PeerId, 0);
  assertEquals(
    targets.otherAt(mallory!, DIALS_PER_TARGET_REFILL_MS - 1),
    "bob",
  );
  assertEquals(targets.otherAt(bob!, 0), undefined);
  assertEquals(targets.begin(bob!, 0), true);
  assertEquals(targets.begin(mallory!, 0), false);
  assertEquals(
    targets.otherAt(mallory!, DIALS_PER_TARGET_REFILL_MS),
    undefined,
  );
});

Deno.test("targets differ by port, and by whether the peer has answered there", () => {
  const targets = new DialTargets();
  assertEquals(begins(targets, claimed("203.0.113.1:443")), DIALS_PER_TARGET);
  for (
    const other of [
      claimed("203.0.113.1:444"),
      claimed("203.0.113.2:443"),
      verified("203.0.113.1:443"),
    ]
  ) assertEquals(begins(targets, other), DIALS_PER_TARGET);
});

for (
  const [kind, alias] of [
    ["mapped", "[::ffff:203.0.113.1]:443"],
    ["NAT64", "[64:ff9b::cb00:7101]:443"],
    ["6to4", "[2002:cb00:7101::1]:443"],
  ] as const
) {
  Deno.test(`a ${kind} IPv6 address is the same target as the IPv4 address in it`, () => {
    const targets = new DialTargets();
    assertEquals(begins(targets, claimed(alias)), DIALS_PER_TARGET);
    assertEquals(begins(targets, claimed("203.0.113.1:443")), 0);
  });
}

Deno.test("targets are not remembered without end, and the one dialed last is", () => {
  const targets = new DialTargets();
  for (let i = 0; i < 2 * MAX_DIAL_TARGETS; i++) {
    begins(targets, claimed(`203.0.${i >> 8}.${i & 255}:443`));
  }
  assertEquals(targets.size, MAX_DIAL_TARGETS);
  const last = 2 * MAX_DIAL_TARGETS - 1;
  const dial = claimed(`203.0.${last >> 8}.${last & 255}:443`);
  assertEquals(begins(targets, dial), 0);
});
