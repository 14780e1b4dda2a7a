import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { median, medianRatio, percentile, wakefulMedian } from "./stats.ts";

const samples = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), {
  minLength: 1,
});

Deno.test("percentile() gives the nearest rank when samples are unsorted", () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  assertEquals(percentile(hundred, 0.5), 50);
  assertEquals(percentile(hundred, 0.99), 99);
  assertEquals(percentile(hundred, 1), 100);
  assertEquals(percentile(hundred, 0), 1);
});

Deno.test("percentile() compares numbers as numbers, not as text", () => {
  assertEquals(percentile([10, 9, 100], 1), 100);
  assertEquals(percentile([10, 9, 100], 0), 9);
});

Deno.test("percentile() gives a sample with enough samples at or below it, whatever they are", () => {
  fc.assert(fc.property(
    samples,
    fc.double({ noNaN: true, min: 0, max: 1 }),
    (values, share) => {
      const found = percentile(values, share);
      const below = values.filter((value) => value <= found).length;
      return values.includes(found) && below >= share * values.length;
    },
  ));
});

Deno.test("percentile() and median() leave their input as it was", () => {
  const values = [3, 1, 2];
  percentile(values, 0.5);
  median(values);
  assertEquals(values, [3, 1, 2]);
});

Deno.test("median() gives the middle sample, or the mean of both", () => {
  assertEquals(median([9, 1, 10]), 9);
  assertEquals(median([10, 1, 2, 9]), 5.5);
});

Deno.test("medianRatio() ignores a slow moment that hit both sides", () => {
  assertEquals(medianRatio([2, 20, 2], [4, 40, 4]), 0.5);
});

Deno.test("wakefulMedian() gives the median of slices that an awake processor answered", () => {
  const slice = (ms: number) => Array.from({ length: 100 }, () => ms);
  assertEquals(wakefulMedian([130, 35, 80, 130, 80].flatMap(slice)), 80);
  assertEquals(wakefulMedian([5, 7, 6]), 6);
});

Deno.test("statistics refuse what has no answer", () => {
  assertThrows(() => percentile([], 0.5), RangeError, "no samples");
  assertThrows(() => percentile([1], 1.5), RangeError, "share is 1.5");
  assertThrows(() => percentile([1], NaN), RangeError, "share is NaN");
  assertThrows(() => median([]), RangeError, "no samples");
  assertThrows(() => medianRatio([1], [1, 2]), RangeError, "1 rounds");
});
