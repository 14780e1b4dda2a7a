import { COMMAND } from "../../../src/wire/commands.ts";
import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  decodeLegacyReject,
  decodeReason,
  encodeReason,
  knownReason,
  REASON,
  reasonName,
} from "../../../src/wire/messages/reason.ts";
import payloads from "../../vectors/bitcoin_payloads.json" with {
  type: "json",
};

Deno.test("encodeReason() cuts a long text between two characters", () => {
  const text = "a" + "€".repeat(200);
  const read = decodeReason(encodeReason({ code: 1, text }));
  assertStrictEquals(read.text, "a" + "€".repeat(85));
});

Deno.test("decodeLegacyReject() reads a recorded BIP61 reject with and without its hash", () => {
  const { hex, reject } = payloads.find(({ command }) => command === "reject")!;
  const payload = Uint8Array.fromHex(hex);
  for (const bytes of [payload, payload.subarray(0, payload.length - 32)]) {
    const read = decodeLegacyReject(bytes);
    assertEquals<unknown>({
      command: new TextDecoder().decode(read.command),
      code: read.code,
      reason: new TextDecoder().decode(read.reason),
    }, reject);
  }
});

Deno.test("reasonName() names every code of the list and no two are the same", () => {
  const codes = Object.values(REASON);
  assertStrictEquals(new Set<number>(codes).size, codes.length);
  for (const [name, code] of Object.entries(REASON)) {
    assertStrictEquals(reasonName(code), name);
    assertStrictEquals(knownReason(code), name);
  }
});

Deno.test("reasonName() gives unknown (N) when the code is not on the list", () => {
  assertStrictEquals(reasonName(0), "unknown (0)");
  assertStrictEquals(reasonName(255), "unknown (255)");
  assertStrictEquals(knownReason(255), undefined);
});

Deno.test("REASON never changes the meaning of a code that was released", () => {
  assertEquals(REASON, {
    "protocol-error": 0x01,
    "bad-frame": 0x02,
    "early-message": 0x03,
    "timeout": 0x04,
    "too-many-frames": 0x05,
    "obsolete": 0x06,
    "wrong-network": 0x07,
    "bad-certificate": 0x10,
    "bad-proof": 0x11,
    "self": 0x12,
    "identity-in-use": 0x13,
    "demo-identity": 0x14,
    "denied": 0x15,
    "not-admitted": 0x16,
    "bad-secret": 0x17,
    "bad-invite": 0x18,
    "full": 0x20,
    "leaving": 0x40,
    "duplicate": 0x41,
    "slow": 0x42,
    "dead": 0x43,
    "flood": 0x44,
    "forgotten": 0x45,
  });
});

Deno.test("COMMAND names every command as it stands on the wire", () => {
  for (const [key, command] of Object.entries(COMMAND)) {
    assertStrictEquals(key, command);
    assertStrictEquals(/^[a-z0-9]{1,12}$/.test(command), true, command);
  }
});
