/** Names on the page are shown by the rules of the command line. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { PeerId } from "../../src/core/peer_id.ts";
import {
  isPeerName,
  peerLabel as nodeLabel,
  shownName as nodeName,
} from "../../src/identity/peer_name.ts";
import {
  isPlainName,
  namesWords,
  peerLabel,
  shownName,
} from "../../src/page/shown_name.js";

const ID = `d26d938b${"0".repeat(56)}` as PeerId;

const NAMES = [
  "alice",
  "élodie",
  "e\u0301lodie",
  "Алиса",
  "раураl",
  "АНЕ",
  "李雷",
  "d26d938b",
  "ali\u202eecila",
  "a\u200bb",
  "<img src=x onerror=alert(1)>",
  '"quoted"',
  "back\\slash",
  "\u001b[31mred",
  "half \ud800",
  "x".repeat(32),
  "x".repeat(33),
  "é".repeat(200),
  "",
];

Deno.test("a name is plain on the page if a user may give it, and is shown as the command line shows it", () => {
  for (const name of NAMES) {
    assertEquals(isPlainName(name), isPeerName(name), name);
    assertEquals(shownName(name), nodeName(name));
  }
});

Deno.test("that holds for any name", () => {
  const chars = fc.constantFrom(
    ...[
      "a",
      "B",
      "7",
      ".",
      "-",
      "é",
      "а",
      "о",
      "Ж",
      "α",
      "ب",
      "あ",
      "字",
      "한",
    ],
    ...["\u0301", "\u200d", "\u202e", "\ufe0f", "\\", '"', " ", "ﬁ", "😀"],
  );
  fc.assert(fc.property(
    fc.oneof(
      fc.array(chars, { maxLength: 40 }).map((them) => them.join("")),
      fc.string({ unit: "binary", maxLength: 80 }),
    ),
    (name) => {
      assertEquals(isPlainName(name), isPeerName(name));
      assertEquals(shownName(name), nodeName(name));
    },
  ));
});

Deno.test("a peer is shown with its short id, and with both names if they differ", () => {
  for (
    const [name, boundName] of [
      ["alice", undefined],
      [undefined, "alice"],
      ["Alice", "alice"],
      ["eve", "eva"],
      ["", undefined],
    ]
  ) {
    const names = { name, boundName };
    assertEquals(peerLabel(ID, names), nodeLabel(ID, name, boundName));
  }
  assertEquals(
    namesWords({ name: "eve", boundName: "eva" }),
    "eva (calls itself eve)",
  );
});
