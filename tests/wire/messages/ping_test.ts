import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  decodePing,
  decodePong,
  encodePing,
  encodePong,
} from "../../../src/wire/messages/ping.ts";
import frames from "../../vectors/bitcoin_frames.json" with { type: "json" };

const NONCE = 0x0102030405060708n;

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

Deno.test("encodePing() allows 256 bytes of text and not one more", () => {
  const text = "ä".repeat(128);
  assertStrictEquals(decodePing(encodePing({ nonce: NONCE, text })).text, text);
  assertThrows(
    () => encodePing({ nonce: NONCE, text: `${text}a` }),
    RangeError,
    "it has 257 bytes",
  );
});
