import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  DER_TAG,
  DerReader,
  encodeDer,
  encodeOid,
  equalBytes,
  showOid,
} from "../../src/identity/der.ts";

class Refused extends Error {}
const fault = (detail: string) => new Refused(detail);
const reader = (...bytes: number[]) =>
  new DerReader(Uint8Array.from(bytes), fault);

Deno.test("DerReader reads back what encodeDer() writes, for every size of length", () => {
  for (const size of [0, 1, 127, 128, 255, 256, 65_535]) {
    const content = new Uint8Array(size).fill(7);
    const whole = encodeDer(DER_TAG.OCTET_STRING, content);
    const level = new DerReader(whole, fault);
    const element = level.expect(DER_TAG.OCTET_STRING, "it");
    assert(equalBytes(element.content, content));
    assert(equalBytes(element.whole, whole));
    assert(level.atEnd);
    level.end("it");
  }
  assertThrows(
    () => encodeDer(DER_TAG.OCTET_STRING, new Uint8Array(65_536)),
    RangeError,
  );
});

Deno.test("DerReader does not read past the level it was given", () => {
  const outer = reader(0x30, 3, 0x04, 2, 0xaa, 0xbb);
  const inner = outer.enter(DER_TAG.SEQUENCE, "outer");
  assertThrows(() => inner.read("inner"), Refused, "only 1 are left");
});

Deno.test("DerReader refuses lengths that are not DER", () => {
  assertThrows(() => reader(0x04, 0x81, 0x01, 0).read("it"), Refused, "short");
  assertThrows(() => reader(0x04, 0x82, 0, 0x80).read("it"), Refused, "short");
  assertThrows(() => reader(0x04, 0x80, 0, 0).read("it"), Refused, "indef");
  assertThrows(() => reader(0x04, 0x84, 1, 0, 0, 0).read("it"), Refused, "4");
  assertThrows(() => reader(0x04, 0xff).read("it"), Refused, "127");
  assertThrows(() => reader(0x1f, 0x81, 1, 0).read("it"), Refused, "tag of");
  assertThrows(() => reader(0x04).read("it"), Refused, "ends before it");
});

Deno.test("positiveInteger() gives the value without its sign byte", () => {
  const value = (
    ...bytes: number[]
  ) => [...reader(2, bytes.length, ...bytes).positiveInteger(2, "n")];
  assertEquals(value(1), [1]);
  assertEquals(value(0, 0x80), [0x80]);
  assertEquals(value(0, 0xff, 0xff), [0xff, 0xff]);
  assertThrows(() => value(), Refused, "empty");
  assertThrows(() => value(0), Refused, "zero");
  assertThrows(() => value(0, 0x7f), Refused, "shortest");
  assertThrows(() => value(0xff), Refused, "negative");
  assertThrows(() => value(1, 0, 0), Refused, "3 bytes, must be at most 2");
});

Deno.test("DerReader throws nothing but its fault for random bytes", () => {
  const walk = (level: DerReader): void => {
    while (!level.atEnd) {
      const element = level.read("an element");
      if (element.tag & 0x20) walk(new DerReader(element.content, fault));
    }
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        walk(new DerReader(Uint8Array.from(bytes), fault));
      } catch (error) {
        assert(error instanceof Refused, String(error));
      }
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("showOid() undoes encodeOid()", () => {
  for (
    const oid of [
      "1.2.840.10045.3.1.7",
      "2.5.4.3",
      "0.9.2342.19200300.100.1.1",
      "2.16.840.1.101.3.4.3.17",
      "1.3.6.1.4.1.11591.4.11",
    ]
  ) {
    assertEquals(showOid(encodeOid(oid).subarray(2)), oid);
  }
  assertEquals(
    encodeOid("1.2.840.10045.3.1.7").toHex(),
    "06082a8648ce3d030107",
  );
});

Deno.test("showOid() bounds what it shows of a hostile identifier", () => {
  assert(showOid(new Uint8Array(2_000).fill(0xff)).length < 100);
  assert(showOid(new Uint8Array(2_000).fill(1)).length < 100);
});
