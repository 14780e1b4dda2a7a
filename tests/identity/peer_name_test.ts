import { parsePeerId } from "../../src/core/peer_id.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  parsePeerName,
  peerLabel,
  sameName,
  shownName,
} from "../../src/identity/peer_name.ts";

const ID = parsePeerId("d26d938b".repeat(8));

Deno.test("parsePeerName() takes names of one alphabet in any language", () => {
  for (
    const name of [
      "alice",
      "Bob-2",
      "build.server_7",
      "1",
      "Zoë",
      "Łukasz",
      "ẹ́mi",
      "Борис",
      "Ωμέγα",
      "太郎さん",
      "ヨーロッパ",
      "김철수",
      "שלום",
      "مريم",
      "नमस्ते",
    ]
  ) assertEquals(parsePeerName(name), name);
});

Deno.test("parsePeerName() brings names into normal form C", () => {
  assertEquals(parsePeerName("e\u0301ric"), "\u00e9ric");
});

Deno.test("parsePeerName() says what is wrong with a name", () => {
  const cases: readonly (readonly [name: string, why: string])[] = [
    ["", "it has 0 characters, must have 1 to 32"],
    ["a".repeat(33), "it has 33 characters"],
    ["日".repeat(30), "it has 90 bytes, must have at most 64"],
    ["a b", "a space or an invisible character"],
    ["adm\u200bin", "a space or an invisible character"],
    ["\u202enimda", "a space or an invisible character"],
    ["\u3164", "a space or an invisible character"],
    ["a\x1b[2J", "a space or an invisible character"],
    ["\u0430dmin", "letters of one alphabet"],
    ["\u0251dmin", "letters of one alphabet"],
    ["o'neil", "letters of one alphabet"],
    ["-rf", "begin with a letter or digit"],
    ["../x", "letters of one alphabet"],
    ["a\u0338b", "letters of one alphabet"],
    ["\uff41dmin", "stand for others"],
    ["\ufb01le", "stand for others"],
    ["\u0441\u043e\u0441\u043e", "looks like a name in Latin letters"],
    ["\u0391\u0392\u0395", "looks like a name in Latin letters"],
    ["deadbeef", "reads like an identity"],
    ["DEADBEEF01", "reads like an identity"],
  ];
  for (const [name, why] of cases) {
    assertThrows(() => parsePeerName(name), RangeError, why);
  }
});

Deno.test("a name that could be taken for another is shown in quotes, all of it in ASCII", () => {
  assertEquals(peerLabel(ID, "alice"), "alice (d26d938b)");
  assertEquals(peerLabel(ID, ""), "d26d938b");
  assertEquals(peerLabel(ID, "eve", "eva"), "eva (calls itself eve, d26d938b)");
  assertEquals(peerLabel(ID, "Eva", "eva"), "Eva (d26d938b)");
  assertEquals(peerLabel(ID, undefined, "eva"), "eva (d26d938b)");
  assertEquals(peerLabel(ID, undefined), "d26d938b");
  assertEquals(peerLabel(ID, "\u0430dmin"), '"\\u{430}dmin" (d26d938b)');
  assertEquals(
    peerLabel(ID, 'x" (00000000): \x1b[2J'),
    '"x\\" (00000000): \\u{1b}[2J" (d26d938b)',
  );
});

Deno.test("no text at all looks like a name that may be given, unless it is one", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const shown = shownName(text);
      let isName = true;
      try {
        isName = parsePeerName(text) === text;
      } catch {
        isName = false;
      }
      assertEquals(shown.startsWith('"'), !isName);
      assert(/^[^\p{C}\p{Zl}\p{Zp}]*$/u.test(shown), JSON.stringify(shown));
      if (!isName) assert(/^[ -~…]*$/.test(shown), shown);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("names are the same whatever their case and composition", () => {
  assert(sameName("Alice", "aLICE"));
  assert(sameName("e\u0301ric", "\u00c9ric"));
  assert(!sameName("alice", "al\u0456ce"));
});
