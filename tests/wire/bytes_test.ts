/** Fields of a payload: read and written by one table, and what is refused. */
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../src/wire/bytes.ts";
import { assertVerackError } from "./frames.ts";

type Read = (bytes: ByteReader) => unknown;
type Write = (bytes: ByteWriter) => ByteWriter;

function reader(hex: string): ByteReader {
  return new ByteReader("test", Uint8Array.fromHex(hex));
}

/** Fields with their bytes: numbers are little-endian, ports big-endian. */
const FIELDS: readonly [hex: string, value: unknown, Read, Write][] = [
  ["ff", 255, (b) => b.u8("x"), (b) => b.u8(255)],
  ["01", true, (b) => b.bool("x"), (b) => b.u8(1)],
  ["208d", 8333, (b) => b.u16be("x"), (b) => b.u16be(8333)],
  ["01020304", 0x04030201, (b) => b.u32("x"), (b) => b.u32(0x04030201)],
  ["feffffff", -2, (b) => b.i32("x"), (b) => b.i32(-2)],
  [
    "ff".repeat(8),
    2n ** 64n - 1n,
    (b) => b.u64("x"),
    (b) => b.u64(2n ** 64n - 1n),
  ],
  ["fe" + "ff".repeat(7), -2n, (b) => b.i64("x"), (b) => b.i64(-2n)],
  ...[
    ["00", 0],
    ["fc", 252],
    ["fdfd00", 253],
    ["fdffff", 0xffff],
    ["fe00000100", 0x10000],
    ["fe00000002", 0x02000000],
  ].map(([hex, value]) =>
    [
      `${hex}`,
      value,
      (b: ByteReader) => b.compactSize("n"),
      (b: ByteWriter) => b.compactSize(Number(value)),
    ] as const
  ).map((it) => [...it] as [string, unknown, Read, Write]),
  [
    "ff0000000001000000",
    2n ** 32n,
    (b) => b.compactSizeBig("n"),
    (b) => b.compactSizeBig(2n ** 32n),
  ],
  [
    "ff".repeat(9),
    2n ** 64n - 1n,
    (b) => b.compactSizeBig("n"),
    (b) => b.compactSizeBig(2n ** 64n - 1n),
  ],
  ["0a0b0c", "0a0b0c", (b) => b.hex("x", 3), (b) => b.hex("x", "0a0b0c", 3)],
  [
    "0201020304",
    ["0102", "0304"],
    (b) => b.hexList("x", 2, 2),
    (b) => b.hexList("x", ["0102", "0304"], 2, 2),
  ],
  [
    "020102",
    Uint8Array.of(1, 2),
    (b) => b.varBytes("x", 2),
    (b) => b.varBytes("x", Uint8Array.of(1, 2), 2),
  ],
  // A byte order mark is kept.
  [
    "03efbbbf",
    "\ufeff",
    (b) => b.varString("x", 3),
    (b) => b.varString("x", "\ufeff", 3),
  ],
];

Deno.test("fields are read as they are written, wherever they stand, and refused when they are cut", () => {
  for (const [hex, value, read, write] of FIELDS) {
    for (let before = 0; before < 40; before++) {
      const written = write(new ByteWriter(0).bytes(new Uint8Array(before)));
      assertStrictEquals(written.length, before + hex.length / 2);
      const bytes = written.finish().subarray(before);
      assertStrictEquals(bytes.toHex(), hex);
      const back = new ByteReader("test", bytes);
      assertEquals(read(back), value);
      assertStrictEquals(back.offset, hex.length / 2);
      back.end();
    }
    for (let cut = 0; cut < hex.length; cut += 2) {
      assertVerackError(() => read(reader(hex.slice(0, cut))), "malformed");
    }
  }
});

Deno.test("ByteReader refuses what is no such field, and names message, field, offset and bound", () => {
  const table: [hex: string, read: Read, words: string][] = [
    [
      "0102030405",
      (b) => [b.u32("first"), b.u64("nonce")],
      "nonce at offset 4 has 1 bytes left, must have 8",
    ],
    ["02", (b) => b.bool("x"), "x at offset 1 is 2, must be 0 or 1"],
    // Not in the fewest bytes.
    ...[
      "fd0000",
      "fdfc00",
      "fe00000000",
      "feffff0000",
      "ff0100000000000000",
      "ffffffffff00000000",
    ].flatMap((hex): [string, Read, string][] => [
      [hex, (b) => b.compactSize("n"), "must be in the fewest bytes"],
      [hex, (b) => b.compactSizeBig("n"), "must be in the fewest bytes"],
    ]),
    ["fe01000002", (b) => b.compactSize("n"), "must be at most 33554432"],
    ["ff".repeat(9), (b) => b.compactSize("n"), "must be at most 33554432"],
    [
      "06",
      (b) => b.compactSize("n", 5),
      "n at offset 0 is 6, must be at most 5",
    ],
    // Before it looks for the bytes.
    [
      "fe00000002",
      (b) => b.varBytes("user agent", 256),
      "length of user agent at offset 0 is 33554432, must be at most 256",
    ],
    [
      "030000",
      (b) => b.count("entries", 5, 1),
      "entries at offset 1 is 3, must be at most 2 in this payload",
    ],
    ["02c328", (b) => b.varString("name", 64), "name at offset 0 is no UTF-8"],
    ["03eda080", (b) => b.varString("name", 64), "must be UTF-8"],
    [
      "0102",
      (b) => [b.u8("x"), b.end()],
      "payload at offset 1 is 2 bytes long, must be 1",
    ],
  ];
  for (const [hex, read, words] of table) {
    const error = assertVerackError(() => read(reader(hex)), "malformed");
    const message = `Cannot read test: ${words}`;
    const is = words.startsWith("must")
      ? error.message.endsWith(words)
      : error.message.startsWith(message);
    assertStrictEquals(is, true, error.message);
  }
});

Deno.test("ByteReader reads where its array stands in a larger one", () => {
  const all = Uint8Array.fromHex("aaaa0102aaaa");
  const bytes = new ByteReader("test", all.subarray(2, 4));
  assertStrictEquals(bytes.u16be("x"), 0x0102);
  assertStrictEquals(bytes.remaining, 0);
});

Deno.test("ByteWriter throws RangeError when a value does not fit its field", () => {
  const bad: Write[] = [
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
    (b) => b.hexList("x", ["00", "00"], 1, 1),
    (b) => b.count("x", 2, 1),
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
  assertStrictEquals(writer.finish().buffer.byteLength, 101);
});

Deno.test("ByteReader gives back any sequence of fields that ByteWriter was given", () => {
  const field = fc.constantFrom(...FIELDS);
  fc.assert(fc.property(fc.array(field), (fields) => {
    const writer = new ByteWriter();
    for (const [, , , write] of fields) write(writer);
    const bytes = new ByteReader("test", writer.finish());
    for (const [, value, read] of fields) assertEquals(read(bytes), value);
    bytes.end();
  }));
});
