/** Secrets from environment variables are read once and dropped. */
import { assertEquals, assertThrows } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { passphraseSource } from "../../src/cli/key_flags.ts";

const NAME = "VERACK_TEST_SECRET";

Deno.test("a passphrase is not in the environment any more once its flag was looked at, used or not", async () => {
  Deno.env.set(NAME, "open sesame");
  const flags = { passphraseFile: undefined, passphraseEnv: NAME };
  const source = passphraseSource(flags, "alice.key");
  assertEquals(Deno.env.get(NAME), undefined);
  assertEquals(NAME in Deno.env.toObject(), false);
  // Of --key and of the key in --data, each twice.
  const again = passphraseSource(flags, "data/node.key");
  for (const it of [source, again, source, again]) {
    assertEquals(typeof it === "function" ? await it() : it, "open sesame");
  }
});

Deno.test("a variable that is not set is an error only if a passphrase is needed", () => {
  for (const passphraseEnv of ["VERACK_TEST_UNSET", "A=B"]) {
    const flags = { passphraseFile: undefined, passphraseEnv };
    const source = passphraseSource(flags, "alice.key");
    assertThrows(
      () => typeof source === "function" && source(),
      VerackError,
      "the variable is not set",
    );
  }
});
