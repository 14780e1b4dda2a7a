// The line that lets a guest in: what it says, and what is refused.
import { parsePeerId } from "../../src/core/peer_id.ts";
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import {
  formatInvite,
  INVITE_CODE_BYTES,
  inviteSecret,
  parseInvite,
} from "../../src/identity/invite.ts";

const HOST = parsePeerId("0123456789abcdef".repeat(4));

Deno.test("an invite reads back as it was written", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({
        minLength: INVITE_CODE_BYTES,
        maxLength: INVITE_CODE_BYTES,
      }),
      fc.constantFrom("127.0.0.1", "::1", "a.example"),
      (code, host) => {
        const invite = { host: HOST, address: { host, port: 8080 }, code };
        const line = formatInvite(invite);
        assert(/^[0-9a-f]{64}@\S+:8080#[a-z2-7]{32}$/.test(line), line);
        const read = parseInvite(` ${line}\n`);
        assertEquals(read, { ...invite, code: Uint8Array.from(code) });
      },
    ),
  );
});

Deno.test("an invite's code is base32 as RFC 4648 has it", () => {
  const code = new TextEncoder().encode("foobarfoobarfoobarfo");
  const address = { host: "127.0.0.1", port: 1 };
  assertEquals(
    formatInvite({ host: HOST, address, code }).split("#")[1],
    "mzxw6ytbojtg633cmfzgm33pmjqxeztp",
  );
});

Deno.test("a line that is no invite is refused, and its code is not shown", () => {
  const code = "a".repeat(32);
  for (
    const line of [
      "",
      HOST,
      `${HOST}@127.0.0.1:1`,
      `127.0.0.1:1#${code}`,
      `${HOST}@127.0.0.1#${code}`,
      `${HOST.slice(1)}@127.0.0.1:1#${code}`,
      `${HOST}@127.0.0.1:1#${code}a`,
      `${HOST}@127.0.0.1:1#${code.slice(1)}`,
      `${HOST}@127.0.0.1:1#${code.slice(1)}1`,
      `${HOST}@127.0.0.1:1#`,
    ]
  ) {
    const error = assertThrows(() => parseInvite(line), SyntaxError);
    assert(!error.message.includes(code.slice(2)), error.message);
  }
});

Deno.test("the key and the id of an invite tell nothing of each other", () => {
  const secret = inviteSecret(new Uint8Array(INVITE_CODE_BYTES).fill(1));
  const other = inviteSecret(new Uint8Array(INVITE_CODE_BYTES).fill(2));
  assertEquals(secret.key.length, 32);
  assertEquals(secret.id.length, 32);
  assertNotEquals(secret.key, other.key);
  assertNotEquals(secret.id, other.id);
  assert(!secret.key.toHex().includes(secret.id));
});
