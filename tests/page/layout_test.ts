/** Nodes have places in the picture of the mesh that stay, and labels that do not overlap. */
import { assert, assertEquals, assertFalse } from "@std/assert";
import fc from "fast-check";
import {
  curve,
  layOut,
  type Place,
  placeLabels,
  walk,
} from "../../src/page/layout.js";
import { SeededRandom } from "../../src/testing/seeded_random.ts";

const SIZES = [
  { width: 794, height: 340 },
  { width: 1200, height: 620 },
  { width: 340, height: 320 },
];

function idsOf(count: number, seed = 1): string[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, () => random.bytes(32).toHex());
}

function nearest(places: readonly Place[]): number {
  let least = Infinity;
  places.forEach((a, index) => {
    for (const b of places.slice(index + 1)) {
      least = Math.min(least, Math.hypot(a.x - b.x, a.y - b.y));
    }
  });
  return least;
}

Deno.test("places follow from the ids alone, in any order", () => {
  const ids = idsOf(60);
  for (const size of SIZES) {
    const places = layOut(ids, size).places;
    const others = layOut(ids.toReversed(), size).places;
    for (const id of ids) assertEquals(others.get(id), places.get(id));
  }
});

Deno.test("each node is inside the picture and away from the others, up to 200 peers", () => {
  for (const size of SIZES) {
    for (const count of [1, 2, 3, 8, 25, 50, 120, 200]) {
      const { places, radius, centre } = layOut(idsOf(count), size);
      const all = [...places.values()];
      assertEquals(all.length, count);
      for (const { x, y } of all) {
        assert(x >= radius && x <= size.width - radius);
        assert(y >= radius && y <= size.height - radius);
        assert(Math.hypot(x - centre.x, y - centre.y) > 3 * radius);
      }
      assert(nearest(all) >= 1.5 * radius, `${count} in ${size.width}`);
    }
  }
});

Deno.test("a peer more moves the others by less than their distance", () => {
  const [size] = SIZES;
  assert(size !== undefined);
  const ids = idsOf(31);
  const before = layOut(ids.slice(0, 30), size);
  const after = layOut(ids, size);
  const apart = nearest([...before.places.values()]);
  for (const [id, { x, y }] of before.places) {
    const now = after.places.get(id);
    assert(now !== undefined);
    assert(Math.hypot(now.x - x, now.y - y) < 1.5 * apart);
  }
});

Deno.test("arrow keys walk every peer once, around the middle", () => {
  const [size] = SIZES;
  assert(size !== undefined);
  const layout = layOut(idsOf(200), size);
  const order = walk(layout);
  assertEquals(new Set(order).size, 200);
  const rings = order.map((id) => layout.places.get(id)?.ring ?? -1);
  assertEquals(rings, rings.toSorted((a, b) => a - b));
});

Deno.test("a link between others passes the middle by", () => {
  const path = curve({ x: 0, y: 50 }, { x: 100, y: 50 }, { x: 50, y: 50 });
  const [, y] = /Q[\d.]+ ([\d.-]+) /.exec(path) ?? [];
  assert(Math.abs(Number(y) - 50) > 15, path);
  const [, below] = /Q[\d.]+ ([\d.-]+) /.exec(
    curve({ x: 0, y: 60 }, { x: 100, y: 60 }, { x: 50, y: 50 }),
  ) ?? [];
  const [, above] = /Q[\d.]+ ([\d.-]+) /.exec(
    curve({ x: 0, y: 40 }, { x: 100, y: 40 }, { x: 50, y: 50 }),
  ) ?? [];
  assert(Number(below) > 60 && Number(above) < 40);
  const chord = curve({ x: 0, y: 0 }, { x: 10, y: 0 }, { x: 5, y: 90 });
  assertEquals(chord, "M0.0 0.0Q5.0 0.0 10.0 0.0");
});

Deno.test("labels cover neither each other nor a node, and those that must be seen are there", () => {
  const counts = fc.constantFrom(3, 12, 30, 60, 200);
  fc.assert(
    fc.property(
      counts,
      fc.constantFrom(...SIZES),
      fc.integer({ min: 1, max: 500 }),
      (count, size, seed) => {
        const layout = layOut(idsOf(count, seed), size);
        const { radius } = layout;
        const wishes = [...layout.places].map(([id, place], index) => ({
          id,
          ...place,
          radius,
          width: 40 + (seed * 31 + index * 17) % 80,
          height: 14,
          must: index === 1,
          outwards: count > 24,
        }));
        const nodes = [...layout.places.values(), layout.centre];
        const found = placeLabels(wishes, nodes, radius, size);
        assert(found.has(wishes[1]?.id ?? ""));
        const boxes = wishes.flatMap(({ id, width, height }) => {
          const at = found.get(id);
          if (at === undefined || id === wishes[1]?.id) return [];
          const left = at.anchor === "start"
            ? at.x
            : at.anchor === "end"
            ? at.x - width
            : at.x - width / 2;
          return [{
            left,
            right: left + width,
            top: at.y - height / 2,
            bottom: at.y + height / 2,
          }];
        });
        boxes.forEach((a, index) => {
          for (const b of boxes.slice(index + 1)) {
            assertFalse(
              a.left < b.right && b.left < a.right && a.top < b.bottom &&
                b.top < a.bottom,
            );
          }
          for (const { x, y } of nodes) {
            assertFalse(x > a.left && x < a.right && y > a.top && y < a.bottom);
          }
        });
      },
    ),
    { numRuns: 60 },
  );
});
