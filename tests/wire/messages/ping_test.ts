import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  decodeBitcoinPing,
  decodePing,
  decodePong,
  encodePing,
  encodePong,
} from "../../../src/wire/messages/ping.ts";
import frames from "../../vectors/bitcoin_frames.json" with { type: "json" };
import { assertVerackError } from "../frames.ts";

const NONCE = 0x0102030405060708n;

function ping(tail: string): Uint8Array {
  return Uint8Array.fromHex("0807060504030201" + tail);
}

Deno.test("decodePing() and decodePong() read the recorded nonces", () => {
  for (const { command, hex, nonce } of frames) {
    const payload = Uint8Array.fromHex(hex.slice(48));
    if (command === "ping") {
      assertEquals(decodePing(payload), { nonce: BigInt(nonce!) });
    }
    if (command === "pong") {
      assertEquals(decodePong(payload), { nonce: BigInt(nonce!) });
    }
  }
});

Deno.test("encodePong() repeats the eight bytes of a ping exactly", () => {
  const bytes = Uint8Array.fromHex("ffeeddccbbaa9988");
  assertEquals(encodePong({ nonce: decodePing(bytes).nonce! }), bytes);
});

Deno.test("encodePing() without text is Bitcoin's ping of eight bytes", () => {
  assertEquals(encodePing({ nonce: NONCE }), ping(""));
});

Deno.test("decodeBitcoinPing() gives no nonce when the ping is empty, as before BIP31", () => {
  assertEquals(decodeBitcoinPing(new Uint8Array(0)), {});
  assertVerackError(() => decodePing(new Uint8Array(0)), "malformed");
});

Deno.test("decodePing() throws malformed when there are 1 to 7 bytes", () => {
  for (let length = 1; length < 8; length++) {
    const payload = new Uint8Array(length);
    assertVerackError(() => decodePing(payload), "malformed");
    assertVerackError(() => decodeBitcoinPing(payload), "malformed");
    assertVerackError(() => decodePong(payload), "malformed");
  }
});

Deno.test("what follows the nonce must begin with a text in the mesh, and is ignored on the Bitcoin network", () => {
  const tails = [
    "02c328", // no UTF-8
    "0261", // cut short
    "fd0100" + "61", // length not in its shortest form
    "fd0101" + "61".repeat(257), // too long
    "ff", // length cut short
  ];
  for (const tail of tails) {
    assertVerackError(() => decodePing(ping(tail)), "malformed");
    assertEquals(decodeBitcoinPing(ping(tail)), { nonce: NONCE }, tail);
  }
  // Behind the text a later release may say more.
  const longer = ping("016162");
  assertEquals(decodePing(longer), { nonce: NONCE, text: "a" });
  assertEquals(decodeBitcoinPing(longer), { nonce: NONCE });
});

Deno.test("decodePong() ignores what follows the nonce", () => {
  assertEquals(decodePong(ping("0161")), { nonce: NONCE });
});

Deno.test("encodePing() allows 256 bytes of text and not one more", () => {
  const text = "ä".repeat(128);
  assertStrictEquals(decodePing(encodePing({ nonce: NONCE, text })).text, text);
  assertThrows(
    () => encodePing({ nonce: NONCE, text: `${text}a` }),
    RangeError,
    "it has 257 bytes",
  );
});

Deno.test("decodePing() gives back what encodePing() was given", () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.option(fc.string({ unit: "grapheme", maxLength: 20 }), {
        nil: undefined,
      }),
      (nonce, text) => {
        const message = text === undefined ? { nonce } : { nonce, text };
        assertEquals(decodePing(encodePing(message)), message);
        assertEquals(decodePong(encodePong({ nonce })), { nonce });
      },
    ),
  );
});
