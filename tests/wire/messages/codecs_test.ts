/** What holds for every message: its bytes, its bounds, and whatever a peer sends in its place. */
import {
  assertEquals,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { VerackError } from "../../../src/core/errors.ts";
import { assertVerackError, concat, pattern } from "../frames.ts";
import { type Codec, CODECS } from "./codecs.ts";

const FOLDER = new URL("../../../src/wire/messages/", import.meta.url);

Deno.test("every decoder of src/wire/messages/ is put to the test here", () => {
  const declared = [...Deno.readDirSync(FOLDER)].flatMap(({ name }) => {
    const text = Deno.readTextFileSync(new URL(name, FOLDER));
    return [...text.matchAll(/^export (?:async )?function (decode\w+)/gm)]
      .map(([, decoder]) => decoder);
  });
  assertEquals(CODECS.map(({ decode }) => decode.name).sort(), declared.sort());
});

/** Runs a decoder and lets only `malformed` pass. */
function tryDecode(decode: Codec["decode"], payload: Uint8Array): void {
  try {
    decode(payload);
  } catch (error) {
    if (error instanceof VerackError && error.code === "malformed") return;
    throw error;
  }
}

for (const codec of CODECS) {
  const { decode, encode, example: [value, hex], any } = codec;
  const valid = Uint8Array.fromHex(hex);
  const name = decode.name.replace(/^decode/, "");

  Deno.test(`${name} has the bytes that docs/protocol.md says`, () => {
    assertEquals(decode(valid), value);
    if (encode !== undefined) assertStrictEquals(encode(value).toHex(), hex);
    for (const [bytes, expected] of codec.read ?? []) {
      assertEquals(decode(Uint8Array.fromHex(bytes)), expected);
    }
  });

  if (encode !== undefined && any !== undefined) {
    Deno.test(`${name} is read as it was written`, () => {
      fc.assert(fc.property(any, (it) => assertEquals(decode(encode(it)), it)));
    });
  }

  if (encode !== undefined && codec.unfit !== undefined) {
    Deno.test(`${name} is not written with a field that does not fit`, () => {
      for (const unfit of codec.unfit ?? []) {
        const isRecord = Object.getPrototypeOf(unfit) === Object.prototype;
        const wrong = isRecord ? Object.assign({}, value, unfit) : unfit;
        assertThrows(() => encode(wrong), RangeError);
      }
    });
  }

  Deno.test(`${name} is refused when it is cut or breaks a rule`, () => {
    const ends = [...codec.ends ?? [], valid.length];
    for (let length = 0; length < valid.length; length++) {
      const cut = valid.subarray(0, length);
      if (ends.includes(length)) decode(cut);
      else assertVerackError(() => decode(cut), "malformed");
    }
    for (const refused of codec.refused ?? []) {
      const [bytes, words] = [refused, ""].flat();
      const payload = Uint8Array.fromHex(bytes!);
      const { message } = assertVerackError(() => decode(payload), "malformed");
      assertStringIncludes(message, words!);
    }
  });

  Deno.test(`${name} throws nothing but malformed, whatever the bytes, and ignores what follows`, () => {
    for (const tail of [pattern(1), pattern(9), new Uint8Array(300)]) {
      if (codec.takesAll) tryDecode(decode, concat(valid, tail));
      else assertEquals(decode(concat(valid, tail)), value);
    }
    for (let at = 0; at < valid.length; at++) {
      for (const byte of [0, 1, 0x7f, 0xfc, 0xfd, 0xfe, 0xff]) {
        tryDecode(decode, valid.with(at, byte));
      }
    }
    const random = fc.uint8Array({ maxLength: 400 });
    const check = fc.property(random, (payload) => tryDecode(decode, payload));
    fc.assert(check, { numRuns: 300 });
  });

  if (codec.isView) continue;
  Deno.test(`${name} gives a result that outlives the buffer`, () => {
    // As a view into a larger buffer, as frames are.
    const buffer = concat(pattern(7), valid, pattern(7));
    const read = decode(buffer.subarray(7, 7 + valid.length));
    buffer.fill(0xee);
    assertEquals(read, value);
  });
}
