// The key that is made of a network's secret.
import {
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { scryptSync } from "node:crypto";
import { VerackError } from "../../src/core/errors.ts";
import { deriveNetworkKey } from "../../src/identity/shared_secret.ts";

const text = (value: string) => new TextEncoder().encode(value);

Deno.test("the key of a network is scrypt of its secret, salted with its name", async () => {
  const secret = text("correct horse battery staple");
  const key = await deriveNetworkKey(secret, "main");
  assertEquals(
    key,
    new Uint8Array(
      scryptSync(secret, text("verack/1 network secret\0main"), 32, {
        N: 32_768,
        r: 8,
        p: 1,
        maxmem: 2 ** 27,
      }),
    ),
  );
  assertNotEquals(key, await deriveNetworkKey(secret, "other"));
});

Deno.test("line ends at the end of a secret do not count, spaces do", async () => {
  const key = await deriveNetworkKey(text("0123456789abcdef"), "main");
  for (const end of ["\n", "\r\n", "\n\n"]) {
    assertEquals(
      await deriveNetworkKey(text(`0123456789abcdef${end}`), "main"),
      key,
    );
  }
  assertNotEquals(
    await deriveNetworkKey(text("0123456789abcdef "), "main"),
    key,
  );
});

Deno.test("a short secret is refused, and how to make one is said", async () => {
  for (const secret of ["", "\n\n", "hunter2", "0123456789abcde\n"]) {
    const error = await assertRejects(
      () => deriveNetworkKey(text(secret), "main"),
      VerackError,
    );
    assertEquals(error.code, "bad-secret");
    assertStringIncludes(error.message, "openssl rand -hex 32");
  }
});
