/** Which message ids are remembered. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { SEEN_IDS_PER_SENDER } from "../../src/delivery/delivery_limits.ts";
import { MessageId, SeenIds } from "../../src/delivery/seen_ids.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";

Deno.test("a set of seen ids has those it was given and no others", () => {
  const ids = fc.array(fc.uint8Array({ minLength: 16, maxLength: 16 }));
  fc.assert(fc.property(ids, ids, fc.integer(), (given, others, salt) => {
    const seen = new SeenIds(salt);
    const known = new Set<string>();
    const check = (id: Uint8Array) =>
      assertEquals(seen.has(new MessageId(id)), known.has(id.toHex()));
    for (const id of given) {
      check(id);
      if (!known.has(id.toHex())) seen.add(new MessageId(id));
      known.add(id.toHex());
    }
    for (const id of [...given, ...others]) check(id);
  }));
});

Deno.test("a set of seen ids remembers the last 4,096 and forgets older ones, however many come", () => {
  const random = new SeededRandom(7);
  const seen = new SeenIds(3);
  const ids = Array.from(
    { length: 5 * SEEN_IDS_PER_SENDER },
    () => new MessageId(random.bytes(16)),
  );
  for (const [at, id] of ids.entries()) {
    seen.add(id);
    assert(seen.has(ids[Math.max(0, at - SEEN_IDS_PER_SENDER + 1)]!));
  }
  assert(!seen.has(ids[0]!));
  assert(seen.size <= 1.25 * SEEN_IDS_PER_SENDER);
});

Deno.test("an id is its 16 bytes", () => {
  const bytes = new SeededRandom(1).bytes(20);
  const id = new MessageId(bytes);
  assertEquals(id.toBytes(), bytes.slice(0, 16));
  assertEquals(`${id}`, bytes.slice(0, 16).toHex());
});
