// Forwarded connections leave file descriptors to the rest of a node.
import { assertEquals } from "@std/assert";
import { SpareDescriptors } from "../../src/services/forwarding/spare_descriptors.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

/**
 * How many of `tries` may be taken of so many, of which each that is taken is held; at once, or
 * only later than all are taken.
 */
function takenOf(
  total: number | undefined,
  tries: number,
  isLate = false,
): { readonly taken: number; readonly counts: number } {
  let taken = 0;
  let counts = 0;
  const spare = new SpareDescriptors({
    clock: new VirtualClock(),
    descriptors: {
      free(most = Infinity) {
        counts++;
        if (total === undefined) return undefined;
        const free = isLate ? total : total - taken;
        return free >= most ? Infinity : free;
      },
    },
    held: () => taken,
    pending: () => isLate ? taken : 0,
  });
  for (let i = 0; i < tries; i++) if (spare.take()) taken++;
  return { taken, counts };
}

Deno.test("of few descriptors forwarded connections leave 64, or half if that is less", () => {
  assertEquals(takenOf(200, 500).taken, 200 - 64);
  assertEquals(takenOf(100, 500).taken, 50);
});

Deno.test("as many are left where all are taken before the first is in use", () => {
  assertEquals(takenOf(200, 500, true).taken, 200 - 64);
  assertEquals(takenOf(100, 500, true).taken, 50);
  assertEquals(takenOf(undefined, 1_000, true).taken, 1_000);
});

Deno.test("descriptors are not counted for few connections, and now and then for many", () => {
  assertEquals(takenOf(10_000, 16), { taken: 16, counts: 0 });
  assertEquals(takenOf(10_000, 1_000), { taken: 1_000, counts: 11 });
});

Deno.test("where descriptors cannot be counted, forwarded connections have their other bounds only", () => {
  assertEquals(takenOf(undefined, 1_000).taken, 1_000);
});
