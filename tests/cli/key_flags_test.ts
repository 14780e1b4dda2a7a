/** How passphrases are asked for, and that secrets from variables are read once and dropped. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { askPassphrase, passphraseSource } from "../../src/cli/key_flags.ts";
import { VerackError } from "../../src/core/errors.ts";

/** A keyboard on which `chunks` are typed, and what became of it. */
function terminal(...chunks: (string | Uint8Array)[]) {
  const log: string[] = [];
  const queue = chunks.map((it) =>
    typeof it === "string" ? new TextEncoder().encode(it) : it
  );
  const decoder = new TextDecoder();
  return {
    log,
    input: {
      read(buffer: Uint8Array): Promise<number | null> {
        const chunk = queue.shift();
        if (chunk === undefined) return Promise.resolve(null);
        buffer.set(chunk);
        return Promise.resolve(chunk.length);
      },
      setRaw: (raw: boolean) => void log.push(raw ? "raw" : "cooked"),
    },
    output: {
      writeSync(data: Uint8Array): number {
        log.push(decoder.decode(data));
        return data.length;
      },
    },
    exit(code: number): never {
      log.push(`exit ${code}`);
      throw new Error("exit");
    },
  };
}

Deno.test("askPassphrase() shows nothing but the question, with echo off before it", async () => {
  const at = terminal("sec", "ret\r");
  assertEquals(await askPassphrase("Passphrase: ", at), "secret");
  assertEquals(at.log, ["raw", "Passphrase: ", "cooked", "\n"]);
});

Deno.test("askPassphrase() takes Enter, the end of input, and characters in pieces", async () => {
  const [first, second] = [Uint8Array.of(0xc3), Uint8Array.of(0xa4)];
  const cases: readonly [(string | Uint8Array)[], string | undefined][] = [
    [["a b\tc\n"], "a b\tc"],
    [["no line end"], "no line end"],
    [["ö", first, second, "\r"], "öä"],
    [["\r"], ""],
    [["first\rsecond\r"], "first"],
    [["\x04"], undefined],
    [["a\x04b\r"], "a\x04b"],
    [[], undefined],
  ];
  for (const [typed, expected] of cases) {
    assertEquals(await askPassphrase("?", terminal(...typed)), expected);
  }
});

Deno.test("askPassphrase() lets mistakes be mended, one character at a time or all", async () => {
  const cases: readonly [string, string][] = [
    ["abd\x7fc\r", "abc"],
    ["abö\x7fc\r", "abc"],
    ["\b\bab\bc\r", "ac"],
    ["wrong\x15right\r", "right"],
  ];
  for (const [typed, expected] of cases) {
    assertEquals(await askPassphrase("?", terminal(typed)), expected);
  }
});

Deno.test("askPassphrase() keeps 1,024 characters and drops the rest", async () => {
  const chunks = Array.from({ length: 20 }, () => "x".repeat(100));
  const answer = await askPassphrase("?", terminal(...chunks, "\r"));
  assertEquals(answer, "x".repeat(1_024));
});

Deno.test("askPassphrase() ends the program at Ctrl-C, with the terminal as before", async () => {
  const at = terminal("sec\x03");
  await assertRejects(() => askPassphrase("?", at), Error, "exit");
  assertEquals(at.log, ["raw", "?", "cooked", "\n", "exit 130"]);
});

Deno.test("askPassphrase() leaves the terminal as before when reading fails", async () => {
  const at = terminal();
  at.input.read = () => Promise.reject(new Error("gone"));
  await assertRejects(() => askPassphrase("?", at), Error, "gone");
  assertEquals(at.log, ["raw", "?", "cooked", "\n"]);
});

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
