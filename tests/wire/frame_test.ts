import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { createHash } from "node:crypto";
import {
  checksumWord,
  encodeFrame,
  frameChecksum,
  magicWord,
  networkMagic,
  writeChecksums,
  writeHeader,
} from "../../src/wire/frame.ts";
import vectors from "../vectors/bitcoin_frames.json" with { type: "json" };
import { drain, feed, frame, MAGIC, makeDecoder } from "./frames.ts";

Deno.test("encodeFrame() gives the recorded bytes when fed the recorded payloads", () => {
  for (const { hex, command } of vectors) {
    const payload = Uint8Array.fromHex(hex.slice(48));
    assertStrictEquals(encodeFrame(MAGIC, command, payload).toHex(), hex);
  }
});

Deno.test("FrameDecoder.next() reads the recorded frames without a fault", () => {
  for (const { hex, command } of vectors) {
    const decoder = makeDecoder();
    decoder.push(Uint8Array.fromHex(hex));
    assertEquals(drain(decoder), [{ command, payload: hex.slice(48) }]);
  }
});

Deno.test("encodeFrame() writes 5df6e0e2 as the checksum when the payload is empty", () => {
  assertStrictEquals(frame("verack").subarray(20).toHex(), "5df6e0e2");
  assertStrictEquals(frameChecksum(new Uint8Array(0)).toHex(), "5df6e0e2");
});

Deno.test("writeChecksums() makes frames that were encoded without checksums those with", () => {
  const encode = (checksum: boolean) =>
    [0, 1, 300].flatMap((size) => [
      ...encodeFrame(MAGIC, "message", new Uint8Array(size).fill(size), {
        checksum,
      }),
    ]);
  const frames = Uint8Array.from(encode(false));
  writeChecksums(frames);
  assertEquals([...frames], encode(true));
});

Deno.test("frameChecksum() hashes twice", () => {
  // en.bitcoin.it, Protocol documentation, Hashes: double SHA-256 of "hello".
  const sum = frameChecksum(new TextEncoder().encode("hello"));
  assertStrictEquals(sum.toHex(), "9595c9df");
});

Deno.test("a checksum is the double SHA-256 of node:crypto for every length up to 600 bytes", () => {
  const bytes = Uint8Array.from({ length: 600 }, (_, i) => i * 7 + 3);
  for (let length = 0; length <= bytes.length; length++) {
    const payload = bytes.subarray(0, length);
    const once = createHash("sha256").update(payload).digest();
    const sum = createHash("sha256").update(once).digest("hex").slice(0, 8);
    const frame = encodeFrame(MAGIC, "ping", payload);
    assertStrictEquals(frame.subarray(20, 24).toHex(), sum, `${length} bytes`);
  }
});

Deno.test("encodeFrame() writes a zero checksum when told to leave it out", () => {
  const bytes = encodeFrame(MAGIC, "ping", new Uint8Array(8), {
    checksum: false,
  });
  assertStrictEquals(bytes.subarray(20, 24).toHex(), "00000000");
});

Deno.test("encodeFrame() accepts a command of twelve characters without NUL", () => {
  const [read] = feed(makeDecoder(), frame("abcdefghijkl"));
  assertStrictEquals(read?.command, "abcdefghijkl");
});

Deno.test("encodeFrame() throws RangeError when the command cannot stand in twelve bytes of ASCII", () => {
  for (const command of ["", "abcdefghijklm", "a\0b", "é", "a\n", "a\x7f"]) {
    assertThrows(
      () => frame(command),
      RangeError,
      "must be 1 to 12 characters",
    );
  }
});

Deno.test("encodeFrame() throws RangeError when the payload is longer than 4,000,000 bytes", () => {
  assertStrictEquals(frame("tx", new Uint8Array(4_000_000)).length, 4_000_024);
  assertThrows(
    () => frame("tx", new Uint8Array(4_000_001)),
    RangeError,
    "payload has 4000001 bytes",
  );
});

Deno.test("encodeFrame() throws RangeError when the magic is not four bytes", () => {
  assertThrows(
    () => encodeFrame(MAGIC.subarray(1), "ping", new Uint8Array(8)),
    RangeError,
    "it has 3 bytes",
  );
});

Deno.test("writeHeader() writes 24 bytes at the offset and no others", () => {
  const target = new Uint8Array(40).fill(0xaa);
  const view = new DataView(target.buffer);
  const payload = new Uint8Array([1, 2, 3]);
  const sum = checksumWord(payload);
  writeHeader(view, 5, magicWord(MAGIC), "ping", payload.length, sum);
  assertEquals(
    target.subarray(5, 29),
    frame("ping", payload).subarray(0, 24),
  );
  writeHeader(view, 5, magicWord(MAGIC), "ping", payload.length, 0);
  assertStrictEquals(target.subarray(25, 29).toHex(), "00000000");
  assertEquals([target[4], target[29]], [0xaa, 0xaa]);
});

Deno.test("writeHeader() writes nothing when the command or the payload cannot be sent", () => {
  const target = new Uint8Array(24);
  const view = new DataView(target.buffer);
  for (const [command, bytes] of [["", 1], ["ping", 4_000_001]] as const) {
    assertThrows(
      () => writeHeader(view, 0, magicWord(MAGIC), command, bytes, 1),
      RangeError,
    );
  }
  assertEquals(target, new Uint8Array(24));
});

Deno.test("networkMagic() differs when the network names differ, and never changes for one", () => {
  assertStrictEquals(networkMagic("main").toHex(), "441d0157");
  assertStrictEquals(
    networkMagic("main").toHex() === networkMagic("Main").toHex(),
    false,
  );
  assertStrictEquals(networkMagic("").length, 4);
});

Deno.test("FrameDecoder.next() gives back what encodeFrame() was given", () => {
  const command = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((c) =>
      String.fromCharCode(c)
    ),
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(command, fc.uint8Array({ maxLength: 300 })), {
        maxLength: 8,
      }),
      fc.boolean(),
      fc.integer({ min: 1, max: 200 }),
      (messages, checksum, most) => {
        const decoder = makeDecoder({
          initialBytes: 32,
          verifyChecksum: checksum,
        });
        const read = messages.flatMap(([name, payload]) =>
          feed(decoder, encodeFrame(MAGIC, name, payload, { checksum }), most)
        );
        assertEquals(
          read,
          messages.map(([name, payload]) => ({
            command: name,
            payload: payload.toHex(),
          })),
        );
      },
    ),
  );
});
