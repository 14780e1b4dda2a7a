/** `feature` (BIP434) and Bitcoin's own `reject` (BIP61), written and read. */
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  decodeFeature,
  encodeFeature,
} from "../../../src/wire/messages/bitcoin_messages.ts";
import {
  decodeLegacyReject,
  encodeLegacyReject,
} from "../../../src/wire/messages/reason.ts";
import { assertVerackError, concat, pattern } from "../frames.ts";

Deno.test("encodeFeature() writes name and data, each with its length", () => {
  const id = new TextEncoder().encode("bip9");
  assertEquals(
    encodeFeature({ id, data: Uint8Array.of(1, 2) }).toHex(),
    "04626970390201" + "02",
  );
});

Deno.test("decodeFeature() gives back what encodeFeature() was given", () => {
  const id = fc.uint8Array({ minLength: 4, maxLength: 80 });
  const data = fc.uint8Array({ maxLength: 512 });
  fc.assert(fc.property(id, data, (id, data) => {
    assertEquals(decodeFeature(encodeFeature({ id, data })), { id, data });
  }));
});

Deno.test("decodeFeature() allows names of 4 to 80 bytes and data of 512, and not one more", () => {
  const feature = (id: number, data: number) =>
    concat(
      Uint8Array.of(id),
      pattern(id),
      data < 0xfd
        ? Uint8Array.of(data)
        : Uint8Array.of(0xfd, data & 255, data >> 8),
      pattern(data),
    );
  for (const [id, data] of [[4, 0], [80, 512]] as const) {
    assertEquals(decodeFeature(feature(id, data)).data.length, data);
  }
  for (const [id, data] of [[3, 0], [0, 0], [81, 0], [4, 513]] as const) {
    assertVerackError(() => decodeFeature(feature(id, data)), "malformed");
  }
});

Deno.test("decodeFeature() ignores what follows the data", () => {
  const payload = encodeFeature({ id: pattern(4), data: pattern(1) });
  assertEquals(decodeFeature(concat(payload, pattern(9))).data, pattern(1));
});

Deno.test("encodeFeature() throws RangeError when a field does not fit", () => {
  for (const [id, data] of [[3, 0], [81, 0], [4, 513]] as const) {
    const feature = { id: pattern(id), data: pattern(data) };
    assertThrows(() => encodeFeature(feature), RangeError);
  }
});

Deno.test("decodeLegacyReject() gives back what encodeLegacyReject() was given", () => {
  const command = fc.uint8Array({ maxLength: 12 });
  const reason = fc.uint8Array({ maxLength: 256 });
  const code = fc.nat(255);
  fc.assert(fc.property(command, code, reason, (command, code, reason) => {
    const reject = { command, code, reason };
    assertEquals(decodeLegacyReject(encodeLegacyReject(reject)), reject);
  }));
});

Deno.test("encodeLegacyReject() throws RangeError when a field does not fit", () => {
  const good = { command: pattern(1), code: 1, reason: pattern(1) };
  const wrong = [{ command: pattern(13) }, { code: 256 }, {
    reason: pattern(257),
  }];
  for (const field of wrong) {
    assertThrows(() => encodeLegacyReject({ ...good, ...field }), RangeError);
  }
});
