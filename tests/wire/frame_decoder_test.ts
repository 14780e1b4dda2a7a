import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { VerackError } from "../../src/core/errors.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import {
  assertVerackError,
  concat,
  drain,
  feed,
  frame,
  header,
  MAGIC,
  makeDecoder,
  pattern,
} from "./frames.ts";

const STREAM = concat(
  frame("version", pattern(100)),
  frame("verack"),
  frame("message", pattern(257)),
  frame("xyzzy", pattern(3)),
  frame("ping", pattern(8)),
);
const FRAMES = feed(makeDecoder(), STREAM);

Deno.test("FrameDecoder.next() finds every frame when they arrive in one piece", () => {
  assertEquals(FRAMES.map(({ command }) => command), [
    "version",
    "verack",
    "message",
    "xyzzy",
    "ping",
  ]);
  assertEquals(FRAMES[2], {
    command: "message",
    payload: pattern(257).toHex(),
  });
});

Deno.test("FrameDecoder.next() finds the same frames when the stream comes one byte at a time", () => {
  assertEquals(feed(makeDecoder(), STREAM, 1), FRAMES);
  assertEquals(feed(makeDecoder({ initialBytes: 24 }), STREAM, 1), FRAMES);
});

Deno.test("FrameDecoder.next() finds the same frames wherever the stream is split in two", () => {
  for (let at = 0; at <= STREAM.length; at++) {
    const decoder = makeDecoder({ initialBytes: 64 });
    const frames = [
      ...feed(decoder, STREAM.subarray(0, at)),
      ...feed(decoder, STREAM.subarray(at)),
    ];
    assertEquals(frames, FRAMES, `split at ${at}`);
    assertStrictEquals(decoder.buffered, 0);
  }
});

Deno.test("FrameDecoder.next() gives undefined when a frame is truncated at any offset", () => {
  const bytes = frame("ping", pattern(8));
  for (let length = 0; length < bytes.length; length++) {
    const decoder = makeDecoder();
    decoder.push(bytes.subarray(0, length));
    assertStrictEquals(decoder.next(), undefined);
    assertStrictEquals(decoder.buffered, length);
  }
});

Deno.test("FrameDecoder.next() knows every command of verack", () => {
  for (const command of Object.values(COMMAND)) {
    assertEquals(feed(makeDecoder(), frame(command)), [{
      command,
      payload: "",
    }]);
  }
});

Deno.test("FrameDecoder.next() tells commands apart that share their first bytes", () => {
  const names = ["getpeers", "getpeer", "getpeers2", "getpeersabcd", "get"];
  const stream = concat(...names.map((name) => frame(name)));
  assertEquals(feed(makeDecoder(), stream).map((f) => f.command), names);
});

Deno.test("FrameDecoder.next() gives an empty command when all twelve bytes are NUL, as Core does", () => {
  const bytes = frame("x");
  bytes[4] = 0;
  assertEquals(feed(makeDecoder(), bytes), [{ command: "", payload: "" }]);
});

Deno.test("FrameDecoder.next() throws bad-magic at the first byte that differs", () => {
  for (let at = 0; at < 4; at++) {
    const bytes = MAGIC.slice();
    bytes[at]! ^= 1;
    const decoder = makeDecoder();
    decoder.push(bytes.subarray(0, at));
    assertStrictEquals(decoder.next(), undefined);
    decoder.push(bytes.subarray(at, at + 1));
    const error = assertVerackError(() => decoder.next(), "bad-magic");
    assertStrictEquals(error.expected, MAGIC.toHex());
    assertStrictEquals(error.actual, bytes.subarray(0, at + 1).toHex());
    assertStrictEquals(
      error.message,
      `Cannot read frame: magic is ${
        bytes.subarray(0, at + 1).toHex()
      }, must be f9beb4d9`,
    );
  }
});

Deno.test("FrameDecoder.next() throws bad-magic when the magic is byte-swapped", () => {
  const bytes = frame("verack");
  bytes.subarray(0, 4).reverse();
  assertVerackError(() => feed(makeDecoder(), bytes), "bad-magic");
});

Deno.test("FrameDecoder.next() throws bad-magic when garbage follows a frame, after giving the frame", () => {
  const decoder = makeDecoder();
  decoder.push(concat(frame("verack"), new Uint8Array([0x16])));
  assertStrictEquals(decoder.next()?.command, "verack");
  assertVerackError(() => decoder.next(), "bad-magic");
});

Deno.test("FrameDecoder.next() allows a length of 4,000,000, unsigned, and refuses more at the header", () => {
  const allowed = makeDecoder();
  allowed.push(header("tx", 4_000_000));
  assertStrictEquals(allowed.next(), undefined);
  for (const length of [4_000_001, 0xffff_ffff, 0x8000_0000]) {
    const decoder = makeDecoder();
    decoder.push(header("tx", length));
    const error = assertVerackError(() => decoder.next(), "oversize");
    assertStrictEquals(
      error.message,
      `Cannot read frame: length is ${length}, must be at most 4000000`,
    );
    assertStrictEquals(error.expected, 4_000_000);
    assertStrictEquals(error.actual, length);
  }
});

Deno.test("FrameDecoder.next() reads a payload of 4,000,000 bytes", () => {
  const bytes = frame("tx", new Uint8Array(4_000_000).fill(7));
  const decoder = makeDecoder();
  const seen = feed(decoder, bytes, 65_536);
  assertStrictEquals(seen.length, 1);
  assertStrictEquals(seen[0]?.payload.length, 8_000_000);
  assertStrictEquals(seen[0]?.fault, undefined);
});

Deno.test("FrameDecoder.next() judges the length by the maxPayload of now", () => {
  const decoder = makeDecoder({ maxPayload: 10 });
  decoder.push(concat(frame("ping", pattern(8)), frame("tx", pattern(11))));
  assertStrictEquals(decoder.next()?.command, "ping");
  decoder.maxPayload = 11;
  assertStrictEquals(decoder.next()?.command, "tx");
  decoder.push(frame("tx", pattern(12)));
  assertVerackError(() => decoder.next(), "oversize");
});

Deno.test("FrameDecoder.next() throws the same error again once the stream is out of step", () => {
  const decoder = makeDecoder();
  decoder.push(new Uint8Array([0]));
  const first = assertThrows(() => decoder.next(), VerackError);
  decoder.push(frame("verack"));
  const second = assertThrows(() => decoder.next(), VerackError);
  assertStrictEquals(first, second);
});

Deno.test("FrameDecoder.next() reports a fault and goes on with the next frame, as Core does", () => {
  const ping = frame("ping", pattern(8));
  const changed = (at: number, byte: number) => ping.with(at, byte);
  const single = frame("verack");
  // The first bytes of SHA-256 of nothing, hashed once.
  single.set(Uint8Array.fromHex("e3b0c442"), 20);
  for (
    const [bytes, fault, command, payload] of [
      [changed(20, ping[20]! ^ 1), "bad-checksum", "ping", pattern(8)],
      [single, "bad-checksum", "verack", pattern(0)],
      [
        changed(5, 0x1b),
        "bad-command",
        "p\\x1bng" + "\\x00".repeat(8),
        pattern(8),
      ],
    ] as const
  ) {
    assertEquals(feed(makeDecoder(), concat(bytes, frame("verack"))), [
      { command, payload: payload.toHex(), fault },
      { command: "verack", payload: "" },
    ]);
  }
});

Deno.test("FrameDecoder.next() does not look at the checksum while verifyChecksum is false", () => {
  const broken = frame("ping", pattern(8));
  broken[20]! ^= 1;
  const decoder = makeDecoder({ verifyChecksum: false });
  assertStrictEquals(feed(decoder, broken)[0]?.fault, undefined);
  decoder.verifyChecksum = true;
  assertStrictEquals(feed(decoder, broken)[0]?.fault, "bad-checksum");
});

Deno.test("FrameDecoder.next() reports every byte outside 0x20 to 0x7e and no other", () => {
  for (let byte = 1; byte < 256; byte++) {
    const bytes = frame("ping");
    bytes[8] = byte;
    const legal = byte >= 0x20 && byte <= 0x7e;
    assertStrictEquals(
      feed(makeDecoder(), bytes)[0]?.fault,
      legal ? undefined : "bad-command",
      `byte ${byte}`,
    );
  }
});

Deno.test("FrameDecoder.next() reports a command that goes on after its first NUL, though the part before is known", () => {
  for (let at = 9; at < 16; at++) {
    const bytes = frame("ping");
    bytes[at] = 0x61;
    assertStrictEquals(feed(makeDecoder(), bytes)[0]?.fault, "bad-command");
  }
});

Deno.test("FrameDecoder.next() keeps payloads as they are until space() is called", () => {
  const decoder = makeDecoder({ initialBytes: 512 });
  const space = decoder.space();
  space.set(STREAM);
  decoder.commit(STREAM.length);
  const payloads: Uint8Array[] = [];
  for (let next; (next = decoder.next()) !== undefined;) {
    payloads.push(next.payload);
  }
  assertEquals(
    payloads.map((payload) => payload.toHex()),
    FRAMES.map(({ payload }) => payload),
  );
  // No copies: they stand in the room that was read into.
  for (const payload of payloads) {
    assertStrictEquals(payload.buffer, space.buffer);
  }
});

Deno.test("FrameDecoder.next() throws nothing but bad-magic and oversize when fed random bytes", () => {
  const chunk = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.uint8Array({ minLength: 20, maxLength: 60 }).map((tail) =>
      concat(MAGIC, tail)
    ),
    fc.uint8Array({ maxLength: 90 }).map((payload) => frame("inv", payload)),
    fc.tuple(fc.nat(300), fc.nat(255)).map(([at, byte]) => {
      const bytes = concat(frame("tx", pattern(250)), frame("verack"));
      bytes[at % bytes.length] = byte;
      return bytes;
    }),
  );
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 10 }), (chunks) => {
      const decoder = makeDecoder({ maxPayload: 1000, initialBytes: 40 });
      try {
        for (const bytes of chunks) {
          decoder.push(bytes);
          drain(decoder);
        }
      } catch (error) {
        assertStrictEquals(error instanceof VerackError, true);
        assertStrictEquals(
          ["bad-magic", "oversize"].includes((error as VerackError).code),
          true,
        );
      }
    }),
  );
});

Deno.test("FrameDecoder() throws RangeError when its settings make no sense", () => {
  assertThrows(() => makeDecoder({ magic: new Uint8Array(3) }), RangeError);
  assertThrows(() => makeDecoder({ initialBytes: 23 }), RangeError);
  assertThrows(() => makeDecoder({ initialBytes: 100.5 }), RangeError);
  assertThrows(() => makeDecoder({ maxPayload: 4_000_001 }), RangeError);
  assertThrows(() => makeDecoder({ maxPayload: NaN }), RangeError);
});

Deno.test("FrameDecoder() keeps its own copy of the magic", () => {
  const magic = MAGIC.slice();
  const decoder = makeDecoder({ magic });
  magic.fill(0);
  assertStrictEquals(feed(decoder, frame("verack"))[0]?.command, "verack");
});
