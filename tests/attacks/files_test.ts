/**
 * Peers that lie about files: their names, sizes, bytes and hashes, on real nodes. Nothing is
 * put under a name that was not verified, nothing outside the folder, and the next honest
 * transfer succeeds.
 */
import { assert, assertEquals } from "@std/assert";
import type { Entry } from "../../src/services/files/file_messages.ts";
import {
  FILE_WINDOW,
  TRANSFER_IDLE_MS,
} from "../../src/services/files/files_limits.ts";
import { startReceiving } from "../../src/services/files/receive_files.ts";
import type { FileOffer } from "../../src/services/mod.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { assertFails } from "../helpers/assert_fails.ts";
import {
  FileScene,
  filesIn,
  partsIn,
  patternBytes,
  ProgressLog,
} from "../helpers/file_transfers.ts";
import { startMesh } from "../helpers/nodes.ts";
import {
  entryOf,
  offerOf,
  RawFileEnd,
  sha256,
} from "../helpers/raw_file_end.ts";
import { until } from "../helpers/until.ts";

const FOUR = new Uint8Array([1, 2, 3, 4]);

/** Opens a stream and makes an offer, which is accepted. */
async function attack(
  scene: FileScene,
  offer = offerOf(),
): Promise<RawFileEnd> {
  const end = await RawFileEnd.open(scene.sender, scene.receiver.identity.id);
  await end.send(offer);
  assertEquals((await end.answer())?.type, "accept");
  return end;
}

/** Neither a file nor a part of one is there. */
function assertNothingKept(scene: FileScene): void {
  assertEquals([filesIn(scene.in("")), partsIn(scene.in(""))], [[], []]);
}

/** Control: an honest transfer goes through. */
async function assertServes(scene: FileScene): Promise<void> {
  await Deno.writeTextFile(scene.out("honest"), "honest bytes");
  const sent = await scene.send(scene.out("honest"));
  assertEquals(sent.at(-1)?.done, 1);
  const name = sent.at(-2)?.savedAs ?? "honest";
  assertEquals(await Deno.readTextFile(scene.in(name)), "honest bytes");
}

Deno.test("a wrong hash: the file appears nowhere, and both ends are told", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  await using end = await attack(scene);
  await end.send(entryOf());
  assertEquals((await end.answer())?.type, "from");
  await end.send({ type: "begin", index: 0, offset: 0 });
  await end.data(FOUR);
  await end.send({ type: "hash", index: 0, hash: await sha256(FOUR.slice(1)) });
  const answer = await end.answer();
  assert(answer?.type === "failed");
  assertEquals(answer.error.code, "wrong-hash");
  assertEquals((await log.waitFor("failed")).error?.code, "wrong-hash");
  assertNothingKept(scene);
  await assertServes(scene);
});

Deno.test("a large file with a wrong hash leaves no part", async () => {
  await using scene = await FileScene.start();
  await using _ = scene.receive();
  const size = 1_000_000;
  await using end = await attack(scene, offerOf({ bytes: size }));
  await end.send(entryOf({ size }));
  await end.answer();
  await end.send({ type: "begin", index: 0, offset: 0 });
  for (let at = 0; at < size; at += 100_000) {
    await end.data(new Uint8Array(100_000));
  }
  await end.send({ type: "hash", index: 0, hash: await sha256(FOUR) });
  const answer = await end.answer();
  assert(answer?.type === "failed");
  assertEquals(answer.error.code, "wrong-hash");
  assertNothingKept(scene);
});

Deno.test("fewer bytes than were announced: the file appears nowhere, and both ends are told", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  await using end = await attack(scene);
  await end.send(entryOf());
  await end.answer();
  await end.send({ type: "begin", index: 0, offset: 0 });
  await end.data(FOUR.slice(1));
  await end.send({ type: "hash", index: 0, hash: await sha256(FOUR.slice(1)) });
  const answer = await end.answer();
  assert(answer?.type === "failed");
  assertEquals(answer.error.code, "wrong-size");
  assertEquals((await log.waitFor("failed")).error?.code, "wrong-size");
  assertEquals(filesIn(scene.in("")), []);
});

for (const size of [4, 100_000]) {
  Deno.test(`more bytes than the ${size} that were announced end the transfer, and both ends are told`, async () => {
    await using scene = await FileScene.start();
    await using log = scene.receive();
    await using end = await attack(scene, offerOf({ bytes: size }));
    await end.send(entryOf({ size }));
    await end.answer();
    await end.send({ type: "begin", index: 0, offset: 0 });
    await end.data(new Uint8Array(size));
    await end.data(FOUR);
    const answer = await end.answer();
    assert(answer?.type === "failed");
    assertEquals(answer.error.code, "wrong-size");
    await assertFails(() => end.answer(), "failed", "longer");
    assertEquals((await log.waitFor("failed")).error?.code, "wrong-size");
    assertEquals((await log.waitFor("end")).error?.code, "malformed");
    assertNothingKept(scene);
    await assertServes(scene);
  });
}

Deno.test("a transfer that ends before its files do leaves nothing under a name", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  await using end = await attack(scene);
  await end.send(entryOf());
  await end.answer();
  await end.send({ type: "begin", index: 0, offset: 0 });
  await end.data(FOUR);
  await end.stream.closeWrite();
  assert((await log.waitFor("end")).error !== undefined);
  assertEquals(filesIn(scene.in("")), []);
});

/** Names that must not be taken, and what must not appear. */
const BAD_NAMES = [
  "../escape",
  "..",
  ".",
  "",
  "/etc/escape",
  "a/../../escape",
  "a//b",
  "a/",
  "a/./b",
  "..\\escape",
  "C:\\escape",
  "nul\0byte",
  "line\nbreak",
  "\x1b[2Jclear",
  "photo\u202egpj.exe",
  "CON",
  "aux.txt",
  "folder/nul",
  "com1.log",
  "LPT\u00b9",
  "dot.",
  "space ",
  "folder./a",
  ".profile",
  ".ssh/authorized_keys",
  ".verack-parts/a",
  "folder/.verack-parts/a",
  "folder/.VERACK-parts/a",
  "a".repeat(250),
  "\u00e9".repeat(125),
  Array(65).fill("a").join("/"),
];

Deno.test("names that lead elsewhere, are reserved, cannot be shown or are too long are refused, each with its reason", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  const files = BAD_NAMES.length;
  await using end = await attack(scene, offerOf({ files, bytes: 4 * files }));
  for (const [index, path] of BAD_NAMES.entries()) {
    await end.send(entryOf({ index, path }));
    const answer = await end.answer();
    assert(answer?.type === "failed", `${JSON.stringify(path)} was taken`);
    assertEquals([answer.index, answer.error.code], [index, "bad-name"]);
  }
  await log.waitFor("failed", files);
  for (const { error, path } of log.of("failed")) {
    assertEquals(error?.code, "bad-name");
    // deno-lint-ignore no-control-regex
    assert(!/[\0-\x1f\u202e]/.test(path), "a name is shown as it is");
  }
  assertEquals(filesIn(scene.in("")), []);
  assertEquals(filesIn(`${scene.folder}/`), []);
  await assertServes(scene);
});

Deno.test("a folder may have a bad name as little as a file", async () => {
  await using scene = await FileScene.start();
  await using _ = scene.receive();
  await using end = await attack(scene);
  await end.send(entryOf({ kind: "folder", size: 0, path: "../escape" }));
  assertEquals((await end.answer())?.type, "failed");
  assertEquals([...Deno.readDirSync(scene.folder)].length, 2);
});

Deno.test("links in the folder are not followed out of it", async () => {
  await using scene = await FileScene.start();
  await using _ = scene.receive();
  const outside = `${scene.folder}/outside`;
  await Deno.mkdir(outside);
  await Deno.symlink(outside, scene.in("link"));
  await Deno.symlink(`${outside}/new`, scene.in("broken"));
  await using end = await attack(scene, offerOf({ files: 3, bytes: 12 }));
  await end.send(entryOf({ path: "link/a" }));
  const answer = await end.answer();
  assert(answer?.type === "failed");
  assertEquals(answer.error.code, "bad-name");
  await end.send(
    entryOf({ index: 1, kind: "folder", size: 0, path: "link/b" }),
  );
  assertEquals((await end.answer())?.type, "failed");
  // A link in the place of the file is left alone.
  await end.send(entryOf({ index: 2, path: "broken" }));
  assertEquals((await end.answer())?.type, "from");
  await end.send({ type: "begin", index: 2, offset: 0 });
  await end.data(FOUR);
  await end.send({ type: "hash", index: 2, hash: await sha256(FOUR) });
  const done = await end.answer();
  assert(done?.type === "done");
  assertEquals(done.path, "broken (1)");
  assertEquals([...Deno.readDirSync(outside)], []);
});

Deno.test("a link that takes the place of a folder while a file is received is not followed", async () => {
  await using scene = await FileScene.start();
  await using _ = scene.receive();
  const outside = `${scene.folder}/outside`;
  await Deno.mkdir(outside);
  await Deno.mkdir(scene.in("sub"));
  await using end = await attack(scene);
  await end.send(entryOf({ path: "sub/a" }));
  assertEquals((await end.answer())?.type, "from");
  await Deno.remove(scene.in("sub"));
  await Deno.symlink(outside, scene.in("sub"));
  await end.send({ type: "begin", index: 0, offset: 0 });
  await end.data(FOUR);
  await end.send({ type: "hash", index: 0, hash: await sha256(FOUR) });
  assertEquals((await end.answer())?.type, "failed");
  assertEquals([...Deno.readDirSync(outside)], []);
  assertEquals(partsIn(scene.in("")), []);
});

/** What no honest end sends, after an offer that was accepted. */
const SENSELESS: Record<string, (end: RawFileEnd) => Promise<void>> = {
  "a second offer": (end) => end.send(offerOf()),
  "a file that was not announced": (end) =>
    end.send({ type: "begin", index: 0, offset: 0 }),
  "data of no file": (end) => end.data(FOUR),
  "a hash of no file": (end) =>
    end.send({ type: "hash", index: 0, hash: new Uint8Array(32) }),
  "the end of no file": (end) =>
    end.send({
      type: "skip",
      index: 0,
      error: { code: "changed", message: "" },
    }),
  "an offset that was not asked for": async (end) => {
    await end.send(entryOf());
    await end.answer();
    await end.send({ type: "begin", index: 0, offset: 2 });
  },
  "a file twice": (end) => end.send(entryOf(), entryOf()),
  "more files than were offered": (end) =>
    end.send(entryOf({ size: 0 }), entryOf({ index: 1, path: "b", size: 0 })),
  "more bytes than were offered": (end) => end.send(entryOf({ size: 5 })),
  "an answer": (end) => end.send({ type: "accept" }),
  "another type": async (end) => {
    await end.stream.write(new Uint8Array([99, 0, 0, 0, 0]));
  },
  "a message that is too long": async (end) => {
    await end.stream.write(new Uint8Array([2, 255, 255, 255, 255]));
  },
  "data that is too long": async (end) => {
    await end.stream.write(new Uint8Array([4, 255, 255, 255, 0]));
  },
};

for (const [what, send] of Object.entries(SENSELESS)) {
  Deno.test(`${what} ends the transfer, with the reason at both ends`, async () => {
    await using scene = await FileScene.start();
    await using log = scene.receive();
    await using end = await attack(scene);
    await send(end);
    await assertFails(async () => {
      while (await end.answer() !== undefined);
    }, "failed");
    assertEquals((await log.waitFor("end")).error?.code, "malformed");
    assertNothingKept(scene);
    await assertServes(scene);
  });
}

Deno.test("more files announced ahead than an honest end announces end the transfer", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  await using end = await attack(scene, offerOf({ files: 1_000, bytes: 0 }));
  const announce = async () => {
    for (let index = 0; index <= FILE_WINDOW; index++) {
      await end.send(entryOf({ index, path: `${index}`, size: 0 }));
    }
  };
  await announce().catch(() => {});
  assertEquals((await log.waitFor("end")).error?.code, "malformed");
});

Deno.test("the same path twice in one transfer: the second is refused", async () => {
  await using scene = await FileScene.start();
  await using _ = scene.receive();
  await using end = await attack(scene, offerOf({ files: 2, bytes: 8 }));
  await end.send(entryOf());
  assertEquals((await end.answer())?.type, "from");
  await end.send(entryOf({ index: 1 }));
  const answer = await end.answer();
  assert(answer?.type === "failed");
  assertEquals(answer.error.code, "bad-name");
});

Deno.test("what was accepted covers no more, however often the peer comes again with it", async () => {
  await using scene = await FileScene.start();
  const offers: FileOffer[] = [];
  await using log = scene.receive({
    accept: (offer) => {
      offers.push(offer);
      return offer.bytes === 4;
    },
  });
  const sendOne = async (end: RawFileEnd, entry: Entry) => {
    await end.send(entry);
    if ((await end.answer())?.type !== "from") return false;
    await end.send({ type: "begin", index: entry.index, offset: 0 });
    await end.data(FOUR);
    const hash = await sha256(FOUR);
    await end.send({ type: "hash", index: entry.index, hash });
    return (await end.answer())?.type === "done";
  };
  {
    await using end = await attack(scene, offerOf({ files: 2 }));
    assert(await sendOne(end, entryOf()));
    // Its session is lost, so that it may come again.
    scene.mesh.nodes[0]!.close({ abrupt: true });
  }
  await log.waitFor("retrying");
  assertEquals(offers.length, 1);
  await using again = await startMesh(1, {
    connect: [scene.receiver.address],
  });
  await again.nodes[0]!.joined();
  await using end = await RawFileEnd.open(
    again.nodes[0]!,
    scene.receiver.identity.id,
  );
  await end.send(offerOf({ files: 2 }));
  assertEquals((await end.answer())?.type, "accept");
  assertEquals(offers.length, 1);
  // Another amount under the same id is another offer, which leaves this one alone.
  await using more = await RawFileEnd.open(
    again.nodes[0]!,
    scene.receiver.identity.id,
  );
  await more.send(offerOf({ files: 2, bytes: 5 }));
  assertEquals((await more.answer())?.type, "decline");
  assertEquals(offers.length, 2);
  await end.send(entryOf({ index: 1, path: "b" }));
  await assertFails(() => end.answer(), "failed", "more comes");
});

Deno.test("a part that another file of the sender left is not mixed into a new one", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  const size = 300_000;
  const bytes = patternBytes(size);
  {
    await using end = await attack(scene, offerOf({ bytes: size }));
    await end.send(entryOf({ size }));
    await end.answer();
    await end.send({ type: "begin", index: 0, offset: 0 });
    await end.data(bytes.slice(0, 200_000));
    await end.stream.closeWrite();
    await log.waitFor("end");
  }
  await using end = await attack(scene, offerOf({ bytes: size }));
  await end.send(entryOf({ size }));
  const from = await end.answer();
  assert(from?.type === "from");
  assertEquals(from.offset, 200_000);
  // It claims that the rest belongs to that, though its file is another one.
  await end.send({ type: "begin", index: 0, offset: 200_000 });
  const other = patternBytes(size, 7);
  await end.data(other.slice(200_000));
  await end.send({ type: "hash", index: 0, hash: await sha256(other) });
  const answer = await end.answer();
  assert(answer?.type === "failed");
  assertEquals(answer.error.code, "wrong-hash");
  assertNothingKept(scene);
});

Deno.test("strangers that hold transfers open leave room to peers with standing", async () => {
  await using mesh = await startMesh(3);
  const [friend, receiver, stranger] = mesh.nodes;
  assert(friend && receiver && stranger);
  const folder = await Deno.makeTempDir({ prefix: "verack-files-" });
  try {
    await Deno.mkdir(`${folder}/in`);
    await using _ = new ProgressLog(
      startReceiving(
        receiver,
        { dir: `${folder}/in`, accept: () => true },
        new VirtualClock(),
      ),
    );
    const { id } = receiver.identity;
    const ends = await Promise.all(
      Array.from({ length: 80 }, () => RawFileEnd.open(stranger, id)),
    );
    let full = 0;
    for (const end of ends) {
      end.stream.closed.catch(({ code }) => full += code === "full" ? 1 : 0);
    }
    await until("some are refused", () => full >= 64);
    await Deno.writeTextFile(`${folder}/a`, "text");
    const { sendFile } = await import("../../src/services/mod.ts");
    const sent = await Array.fromAsync(sendFile(friend, id, `${folder}/a`));
    assertEquals(sent.at(-1)?.done, 1);
    for (const end of ends) await end[Symbol.asyncDispose]();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a peer that goes silent loses its transfer", async () => {
  await using scene = await FileScene.start();
  const clock = new VirtualClock();
  const options = { dir: scene.in(""), accept: () => true };
  await using log = new ProgressLog(
    startReceiving(scene.receiver, options, clock),
  );
  await using silent = await RawFileEnd.open(
    scene.sender,
    scene.receiver.identity.id,
  );
  await using end = await attack(scene);
  await end.send(entryOf());
  await end.answer();
  await end.send({ type: "begin", index: 0, offset: 0 });
  await log.waitFor("begin");
  await clock.advance(TRANSFER_IDLE_MS + 30_000);
  await assertFails(() => end.answer(), "reset", "Nothing came");
  await assertFails(() => silent.answer(), "reset", "Nothing came");
  assert((await log.waitFor("end")).error !== undefined);
});

/** What no honest receiving end answers to a transfer of one file of four bytes. */
const WRONG_ANSWERS: Record<string, (end: RawFileEnd) => Promise<void>> = {
  "that it has a file that was not sent": (end) =>
    end.send({ type: "accept" }, {
      type: "done",
      index: 0,
      held: false,
      path: "a",
    }),
  "with an offset behind the end": (end) =>
    end.send({ type: "accept" }, {
      type: "from",
      index: 0,
      offset: 5,
      hash: new Uint8Array(32),
    }),
  "about a file that was not announced": (end) =>
    end.send({ type: "accept" }, { type: "compare", index: 1 }),
  "twice": (end) =>
    end.send(
      { type: "accept" },
      { type: "compare", index: 0 },
      { type: "compare", index: 0 },
    ),
  "without having accepted": (end) => end.send({ type: "compare", index: 0 }),
  "with an offer": (end) => end.send(offerOf()),
};

for (const [what, answer] of Object.entries(WRONG_ANSWERS)) {
  Deno.test(`a receiving end that answers ${what} ends the transfer with an error`, async () => {
    await using scene = await FileScene.start();
    using _ = scene.receiver.handle("file/1", async (stream) => {
      const end = new RawFileEnd(stream);
      await end.message();
      await answer(end);
      while (await end.message() !== undefined);
    });
    await Deno.writeFile(scene.out("a"), FOUR);
    await assertFails(() => scene.send(scene.out("a")), "malformed");
  });
}

Deno.test("a receiving end that fails again and again is given up", async () => {
  await using scene = await FileScene.start();
  using _ = scene.receiver.handle("file/1", () => {
    throw new Error("out of order");
  });
  await Deno.writeFile(scene.out("a"), FOUR);
  await assertFails(() => scene.send(scene.out("a")), "failed", "out of order");
});

Deno.test("a receiving end that claims another beginning gets the whole file", async () => {
  await using scene = await FileScene.start();
  const begin = Promise.withResolvers<number>();
  using _ = scene.receiver.handle("file/1", async (stream) => {
    const end = new RawFileEnd(stream);
    await end.message();
    await end.send({ type: "accept" });
    await end.message();
    const hash = await sha256(FOUR);
    await end.send({ type: "from", index: 0, offset: 3, hash });
    const message = await end.message();
    if (message?.type === "begin") begin.resolve(message.offset);
    await end.message();
    await end.send({ type: "done", index: 0, held: false, path: "\x1b[2J" });
  });
  await Deno.writeFile(scene.out("a"), FOUR);
  const sent = await scene.send(scene.out("a"));
  assertEquals(await begin.promise, 0);
  assertEquals(sent.at(-2)?.savedAs, "\\u{1b}[2J");
});

Deno.test("several streams with one accepted transfer: one after the other has it, and together they get what was accepted", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  await using _ = await attack(scene);
  const { id } = scene.receiver.identity;
  const takeOver = async (index: number) => {
    await using end = await RawFileEnd.open(scene.sender, id);
    await end.send(offerOf());
    await end.answer();
    await end.send(entryOf({ index, path: `${index}` }));
    await end.answer();
    await end.send({ type: "begin", index, offset: 0 });
    await end.data(FOUR);
    await end.send({ type: "hash", index, hash: await sha256(FOUR) });
    const done = await end.answer();
    await end.stream.closeWrite();
    await end.answer();
    return done?.type;
  };
  const ended = await Promise.allSettled([0, 1, 2].map(takeOver));
  assertEquals(ended.filter(({ status }) => status === "fulfilled").length, 1);
  assertEquals(filesIn(scene.in("")).length, 1);
  // A stream that lost it to another one has not ended the transfer.
  assertEquals((await log.waitFor("end")).done, 1);
  assertEquals([log.of("offer").length, log.of("end").length], [1, 1]);
  assertEquals(log.events.at(-1)?.type, "end");
});
