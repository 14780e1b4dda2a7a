import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../src/wire/bytes.ts";
import { assertVerackError } from "./frames.ts";

function reader(hex: string): ByteReader {
  return new ByteReader("test", Uint8Array.fromHex(hex));
}

Deno.test("ByteReader reads numbers little-endian and ports big-endian", () => {
  const bytes = reader(
    "ff" + "208d" + "01020304" + "ffffffff" + "ffffffffffffffff" +
      "feffffffffffffff",
  );
  assertStrictEquals(bytes.u8("a"), 255);
  assertStrictEquals(bytes.u16be("b"), 8333);
  assertStrictEquals(bytes.u32("c"), 0x04030201);
  assertStrictEquals(bytes.i32("d"), -1);
  assertStrictEquals(bytes.u64("e"), 2n ** 64n - 1n);
  assertStrictEquals(bytes.i64("f"), -2n);
  assertStrictEquals(bytes.offset, 27);
  bytes.end();
});

Deno.test("ByteReader names message, field and offset when bytes are missing", () => {
  const bytes = reader("0102030405");
  bytes.u32("first");
  const error = assertVerackError(() => bytes.u64("nonce"), "malformed");
  assertStrictEquals(
    error.message,
    "Cannot read test: nonce at offset 4 has 1 bytes left, must have 8",
  );
});

Deno.test("ByteReader throws malformed when any field is cut at any offset", () => {
  const reads: [number, (bytes: ByteReader) => unknown][] = [
    [1, (b) => b.u8("x")],
    [2, (b) => b.u16be("x")],
    [4, (b) => b.u32("x")],
    [4, (b) => b.i32("x")],
    [8, (b) => b.u64("x")],
    [8, (b) => b.i64("x")],
    [5, (b) => b.bytes("x", 5)],
    [3, (b) => b.hex("x", 3)],
  ];
  for (const [size, read] of reads) {
    for (let length = 0; length < size; length++) {
      assertVerackError(() => read(reader("00".repeat(length))), "malformed");
    }
    read(reader("00".repeat(size)));
  }
});

Deno.test("ByteReader.compactSize() reads the shortest encoding and refuses every longer one", () => {
  const good: [string, number][] = [
    ["00", 0],
    ["fc", 252],
    ["fdfd00", 253],
    ["fdffff", 0xffff],
    ["fe00000100", 0x10000],
    ["fe00000002", 0x02000000],
  ];
  for (const [hex, value] of good) {
    assertStrictEquals(reader(hex).compactSize("n"), value);
  }
  const bad = [
    "fd0000",
    "fdfc00",
    "fe00000000",
    "feffff0000",
    "ff0100000000000000",
    "ffffffffff00000000",
  ];
  for (const hex of bad) {
    assertVerackError(() => reader(hex).compactSize("n"), "malformed");
    assertVerackError(() => reader(hex).compactSizeBig("n"), "malformed");
  }
});

Deno.test("ByteReader.compactSize() refuses what is above Core's MAX_SIZE or the limit given", () => {
  assertVerackError(() => reader("fe01000002").compactSize("n"), "malformed");
  assertVerackError(
    () => reader("ffffffffffffffffff").compactSize("n"),
    "malformed",
  );
  assertStrictEquals(reader("05").compactSize("n", 5), 5);
  const error = assertVerackError(
    () => reader("06").compactSize("n", 5),
    "malformed",
  );
  assertStrictEquals(
    error.message,
    "Cannot read test: n at offset 0 is 6, must be at most 5",
  );
});

Deno.test("ByteReader.compactSizeBig() reads all 64 bits", () => {
  assertStrictEquals(
    reader("ffffffffffffffffff").compactSizeBig("n"),
    2n ** 64n - 1n,
  );
  assertStrictEquals(
    reader("ff0000000001000000").compactSizeBig("n"),
    2n ** 32n,
  );
});

Deno.test("ByteReader.varBytes() refuses a length above the limit before it looks for the bytes", () => {
  const error = assertVerackError(
    () => reader("fe00000002").varBytes("user agent", 256),
    "malformed",
  );
  assertStrictEquals(
    error.message,
    "Cannot read test: length of user agent at offset 0 is 33554432, must be at most 256",
  );
  assertVerackError(() => reader("020a").varBytes("x", 256), "malformed");
});

Deno.test("ByteReader.varString() refuses what is no UTF-8 and keeps a byte order mark", () => {
  assertVerackError(() => reader("02c328").varString("name", 64), "malformed");
  assertVerackError(
    () => reader("03eda080").varString("name", 64),
    "malformed",
  );
  assertStrictEquals(reader("03efbbbf").varString("name", 64), "\ufeff");
});

Deno.test("ByteReader.end() refuses bytes that are left", () => {
  const bytes = reader("0102");
  bytes.u8("x");
  const error = assertVerackError(() => bytes.end(), "malformed");
  assertStrictEquals(
    error.message,
    "Cannot read test: payload at offset 1 is 2 bytes long, must be 1",
  );
});

Deno.test("ByteReader reads where its array stands in a larger one", () => {
  const all = Uint8Array.fromHex("aaaa0102aaaa");
  const bytes = new ByteReader("test", all.subarray(2, 4));
  assertStrictEquals(bytes.u16be("x"), 0x0102);
  assertStrictEquals(bytes.remaining, 0);
});

Deno.test("ByteWriter throws RangeError when a value does not fit its field", () => {
  const bad: ((bytes: ByteWriter) => unknown)[] = [
    (b) => b.u8(256),
    (b) => b.u8(-1),
    (b) => b.u8(1.5),
    (b) => b.u16be(65_536),
    (b) => b.u32(2 ** 32),
    (b) => b.u32(NaN),
    (b) => b.i32(2 ** 31),
    (b) => b.i32(-(2 ** 31) - 1),
    (b) => b.u64(-1n),
    (b) => b.u64(2n ** 64n),
    (b) => b.i64(2n ** 63n),
    (b) => b.compactSize(0x02000001),
    (b) => b.compactSizeBig(-1n),
    (b) => b.compactSizeBig(2n ** 64n),
    (b) => b.fixedBytes("x", new Uint8Array(3), 4),
    (b) => b.varBytes("x", new Uint8Array(5), 4),
    (b) => b.varString("x", "äää", 5),
    (b) => b.hex("x", "0A", 1),
    (b) => b.hex("x", "0", 1),
    (b) => b.hex("x", "zz", 1),
  ];
  for (const write of bad) {
    assertThrows(() => write(new ByteWriter()), RangeError);
  }
});

Deno.test("ByteWriter.finish() gives an array of its own of exactly what was written", () => {
  const writer = new ByteWriter(1).u8(1);
  const first = writer.finish();
  writer.bytes(new Uint8Array(100).fill(7));
  assertEquals(first, new Uint8Array([1]));
  assertStrictEquals(writer.length, 101);
  assertStrictEquals(writer.finish().buffer.byteLength, 101);
});

Deno.test("ByteReader gives back what ByteWriter was given", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.integer({ min: 0, max: 0x02000000 }),
      fc.uint8Array({ maxLength: 300 }),
      fc.string({ unit: "grapheme", maxLength: 20 }),
      (i32, u64, i64, size, array, text) => {
        const bytes = new ByteWriter().i32(i32).u64(u64).i64(i64).compactSize(
          size,
        )
          .compactSizeBig(u64).varBytes("a", array, 300).varString(
            "t",
            text,
            999,
          )
          .finish();
        const back = new ByteReader("test", bytes);
        assertStrictEquals(back.i32("a"), i32);
        assertStrictEquals(back.u64("b"), u64);
        assertStrictEquals(back.i64("c"), i64);
        assertStrictEquals(back.compactSize("d"), size);
        assertStrictEquals(back.compactSizeBig("e"), u64);
        assertEquals(back.varBytes("f", 300), array);
        assertStrictEquals(back.varString("g", 999), text);
        back.end();
      },
    ),
  );
});

Deno.test("ByteWriter grows in the middle of any sequence of fields", () => {
  for (let before = 0; before < 40; before++) {
    const bytes = new ByteWriter(0).bytes(new Uint8Array(before)).u16be(1).u32(
      2,
    )
      .i32(3).u64(4n).i64(5n).compactSize(300).compactSizeBig(2n ** 40n).u8(6)
      .finish();
    assertStrictEquals(
      bytes.subarray(before).toHex(),
      "0001" + "02000000" + "03000000" + "0400000000000000" +
        "0500000000000000" +
        "fd2c01" + "ff0000000000010000" + "06",
    );
  }
});
