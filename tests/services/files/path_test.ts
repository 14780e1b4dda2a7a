/** The rule of paths, the numbers in names, which parts go, and the bytes of messages. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { VerackError } from "../../../src/core/errors.ts";
import {
  decodeFileHeader,
  decodeReceiverMessage,
  decodeSenderMessage,
  encodeFileMessage,
  FILE_HEADER_BYTES,
} from "../../../src/services/files/file_codec.ts";
import type {
  ReceiverMessage,
  SenderMessage,
} from "../../../src/services/files/file_messages.ts";
import { stale } from "../../../src/services/files/file_parts.ts";
import {
  numberedPath,
  pathFault,
} from "../../../src/services/files/file_path.ts";
import {
  MAX_PARTS,
  MAX_PARTS_PER_PEER,
  PART_AGE_MS,
} from "../../../src/services/files/files_limits.ts";
import { entryOf, offerOf } from "../../helpers/raw_file_end.ts";

Deno.test("usual names of files are taken, in every script", () => {
  const names = [
    "a",
    "photo.jpg",
    'what? really: "yes".txt',
    "folder/.gitignore",
    "console.log",
    "aux-cable.txt",
    "\u05e7\u05d5\u05d1\u05e5.pdf",
    "\u5199\u771f/\u{1f600}.png",
    "a".repeat(249),
  ];
  for (const name of names) assertEquals(pathFault(name, "linux"), undefined);
});

Deno.test("lone surrogates are refused, and on Windows what is more than a letter there", () => {
  assert(pathFault("a\ud800") !== undefined);
  for (const name of ["a:b", "a?", "a*", "<a>", 'a"', "a|b"]) {
    assertEquals(pathFault(name, "linux"), undefined);
    assert(pathFault(name, "windows") !== undefined, name);
  }
});

Deno.test("a number stands before the extension of a name", () => {
  assertEquals(numberedPath("a/b.txt", 0), "a/b.txt");
  assertEquals(numberedPath("a/b.txt", 2), "a/b (2).txt");
  assertEquals(numberedPath("a.b/c", 1), "a.b/c (1)");
  assertEquals(numberedPath("a/.b", 1), "a/.b (1)");
});

Deno.test("of parts the old go, then the oldest of a peer that has too many, then the oldest of all", () => {
  const now = 10 * PART_AGE_MS;
  const part = (peer: number, changed: number) => ({
    name: `${peer.toString(16).padStart(16, "0")}-${changed}`,
    changed,
  });
  const old = part(1, now - PART_AGE_MS);
  const young = part(1, now - PART_AGE_MS + 1);
  assertEquals(stale([old, young], now), [old.name]);
  const ofOne = Array.from(
    { length: MAX_PARTS_PER_PEER + 1 },
    (_, i) => part(1, now - i),
  );
  assertEquals(stale(ofOne, now), [ofOne.at(-1)!.name]);
  const ofMany = Array.from(
    { length: MAX_PARTS + 2 },
    (_, i) => part(i, now - i),
  );
  assertEquals(stale(ofMany, now), ofMany.slice(-2).map(({ name }) => name));
});

const HASH = new Uint8Array(32).fill(7);

const SENT: SenderMessage[] = [
  offerOf({
    files: 3,
    done: 1,
    failed: 1,
    doneBytes: 2,
    paths: ["a", "\u00e9"],
  }),
  entryOf({ index: 99_999, mtime: -1, executable: true }),
  entryOf({ kind: "folder", size: 0 }),
  { type: "begin", index: 1, offset: 2 ** 40 },
  { type: "hash", index: 1, hash: HASH },
  { type: "skip", index: 1, error: { code: "changed", message: "text" } },
];

const ANSWERED: ReceiverMessage[] = [
  { type: "accept" },
  { type: "decline", error: { code: "declined", message: "" } },
  { type: "from", index: 2, offset: 5, hash: HASH },
  { type: "compare", index: 2 },
  { type: "done", index: 2, held: true, path: "a (1)" },
  { type: "failed", index: 2, error: { code: "disk-full", message: "text" } },
];

Deno.test("messages are read as they were written, and no shorter or longer", () => {
  for (const message of [...SENT, ...ANSWERED]) {
    const bytes = encodeFileMessage(message);
    const { length, type } = decodeFileHeader(
      bytes.subarray(0, FILE_HEADER_BYTES),
    );
    const payload = bytes.subarray(FILE_HEADER_BYTES);
    assertEquals([type, length], [message.type, payload.length]);
    const isSent = (SENT as unknown[]).includes(message);
    const decode = isSent ? decodeSenderMessage : decodeReceiverMessage;
    const other = isSent ? decodeReceiverMessage : decodeSenderMessage;
    assertEquals<unknown>(decode(type, payload), message);
    assertThrows(() => other(type, payload), VerackError);
    for (let end = 0; end < payload.length; end++) {
      assertThrows(() => decode(type, payload.subarray(0, end)), VerackError);
    }
    const longer = new Uint8Array(payload.length + 1);
    longer.set(payload);
    assertThrows(() => decode(type, longer), VerackError);
  }
});

Deno.test("values out of range are refused", () => {
  const refused = (message: SenderMessage) => {
    const bytes = encodeFileMessage(message);
    assertThrows(
      () =>
        decodeSenderMessage(message.type, bytes.subarray(FILE_HEADER_BYTES)),
      VerackError,
    );
  };
  refused(offerOf({ files: 0 }));
  refused(offerOf({ files: 100_001 }));
  refused(offerOf({ done: 1, failed: 1 }));
  refused(offerOf({ doneBytes: 5 }));
  refused(entryOf({ index: 100_000 }));
  refused(entryOf({ kind: "folder", size: 1 }));
  refused(entryOf({ mtime: 9_000_000_000_000_000 }));
  const error = { code: "changed", message: "x".repeat(300) } as const;
  const cut = encodeFileMessage({ type: "skip", index: 0, error });
  const { type } = decodeFileHeader(cut.subarray(0, FILE_HEADER_BYTES));
  const message = decodeSenderMessage(type, cut.subarray(FILE_HEADER_BYTES));
  assert(message.type === "skip");
  assertEquals(message.error.message.length, 256);
});
