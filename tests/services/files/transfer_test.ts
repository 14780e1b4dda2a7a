/** Files and folders between two real nodes. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { receiveFiles, sendFile } from "../../../src/services/mod.ts";
import type { FileOffer } from "../../../src/services/mod.ts";
import { assertFails } from "../../helpers/assert_fails.ts";
import {
  FileScene,
  filesIn,
  partsIn,
  patternBytes,
} from "../../helpers/file_transfers.ts";
import { testIf } from "../../helpers/test_if.ts";

Deno.test("a file arrives with its bytes and its time, and both ends tell the same", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  const bytes = patternBytes(3_000_000);
  await Deno.writeFile(scene.out("photo.jpg"), bytes);
  const then = new Date("2001-02-03T04:05:06Z");
  await Deno.utime(scene.out("photo.jpg"), then, then);

  const sent = await scene.send(scene.out("photo.jpg"));

  assertEquals(await Deno.readFile(scene.in("photo.jpg")), bytes);
  assertEquals((await Deno.stat(scene.in("photo.jpg"))).mtime, then);
  assertEquals(partsIn(scene.in("")), []);
  await log.waitFor("end");
  for (const events of [sent, log.events]) {
    const types = events.map(({ type }) => type);
    assertEquals([types[0], types[1], ...types.slice(-2)], [
      "offer",
      "begin",
      "done",
      "end",
    ]);
    const { type: _, transfer, peer: __, ...end } = events.at(-1)!;
    assertEquals(transfer, sent[0]?.transfer);
    assertEquals(end, {
      path: "",
      file: 0,
      files: 1,
      bytes: 3_000_000,
      total: 3_000_000,
      allBytes: 3_000_000,
      allTotal: 3_000_000,
      done: 1,
      failed: 0,
    });
  }
  assertEquals(sent.at(-1)?.peer, scene.receiver.identity.id);
  assertEquals(log.events.at(-1)?.peer, scene.sender.identity.id);
});

Deno.test("a folder arrives with its folders, empty files and empty folders; links in it are skipped", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  await Deno.mkdir(scene.out("album/one/two"), { recursive: true });
  await Deno.mkdir(scene.out("album/empty"));
  await Deno.writeTextFile(scene.out("album/.hidden"), "dot");
  await Deno.writeTextFile(scene.out("album/one/two/deep.txt"), "deep");
  await Deno.writeTextFile(scene.out("album/nothing"), "");
  await Deno.symlink("/etc", scene.out("album/link"));

  const sent = await scene.send(scene.out("album"));

  assertEquals(filesIn(scene.in("")), [
    "album/.hidden",
    "album/nothing",
    "album/one/two/deep.txt",
  ]);
  assert((await Deno.stat(scene.in("album/empty"))).isDirectory);
  assertEquals(
    sent.filter(({ type }) => type === "skipped").map(({ path, error }) => [
      path,
      error?.message,
    ]),
    [["album/link", "it is a symbolic link"]],
  );
  const end = await log.waitFor("end");
  assertEquals([end.done, end.failed], [4, 0]);
});

Deno.test("folders with nothing but links are an error, after the links were listed", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  await Deno.mkdir(scene.out("album"));
  await Deno.symlink("/etc", scene.out("album/link"));
  const { id } = scene.receiver.identity;
  const steps = sendFile(scene.sender, id, scene.out("album"));
  assertEquals((await steps.next()).value?.type, "skipped");
  await assertFails(() => steps.next(), "no-file", "only symbolic links");
  assertEquals(log.events, []);
});

testIf(Deno.build.os === "linux")(
  "what is in a folder and cannot be sent has failed at both ends, the rest arrives",
  async () => {
    await using scene = await FileScene.start();
    await using log = scene.receive();
    const long = "x".repeat(240);
    const deep = scene.out(`album/${Array(5).fill(long).join("/")}`);
    await Deno.mkdir(deep, { recursive: true });
    await Deno.writeTextFile(`${deep}/a`, "deep");
    await Deno.writeTextFile(scene.out("album/b"), "text");
    const { success } = await new Deno.Command("sh", {
      args: ["-c", `printf '' > "$0/$(printf 'no\\377')"`, scene.out("album")],
    }).output();
    assert(success);

    const sent = await scene.send(scene.out("album"));

    await log.waitFor("end");
    for (const events of [sent, log.events]) {
      const failed = events.filter(({ type }) => type === "failed");
      assertEquals(
        failed.map(({ path, error }) => [path.slice(0, 8), error])
          .toSorted(),
        [
          ["album/no", {
            code: "unreadable",
            message: "Its name at the sending end is not Unicode",
          }],
          ["album/xx", {
            code: "bad-name",
            message: "Its path has more than 1024 bytes",
          }],
        ],
      );
      assertEquals([events.at(-1)?.done, events.at(-1)?.failed], [1, 2]);
    }
    assertEquals(filesIn(scene.in("")), ["album/b"]);
  },
);

Deno.test("several files go in one transfer, each under the last part of its path", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  await Deno.writeTextFile(scene.out("a"), "first");
  await Deno.writeTextFile(scene.out("b"), "second");
  const sent = await scene.send([scene.out("a"), scene.out("b")]);
  assertEquals(sent.at(-1)?.done, 2);
  assertEquals(await Deno.readTextFile(scene.in("b")), "second");
  assertEquals((await log.waitFor("end")).done, 2);
});

Deno.test("nothing is overwritten: another file of that name gets a number, the same file stays as it is", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  await Deno.writeTextFile(scene.out("note.txt"), "mine");
  await Deno.writeTextFile(scene.in("note.txt"), "theirs");

  const first = await scene.send(scene.out("note.txt"));
  assertEquals(first.at(-2)?.savedAs, "note (1).txt");
  assertEquals(await Deno.readTextFile(scene.in("note.txt")), "theirs");
  assertEquals(await Deno.readTextFile(scene.in("note (1).txt")), "mine");

  const again = await scene.send(scene.out("note.txt"));
  const done = again.at(-2);
  assertEquals([done?.type, done?.resumedAt], ["done", 4]);
  assertEquals(filesIn(scene.in("")), ["note (1).txt", "note.txt"]);
  // The same size and time are not enough.
  const { mtime } = await Deno.stat(scene.out("note.txt"));
  await Deno.writeTextFile(scene.out("note.txt"), "MINE");
  await Deno.utime(scene.out("note.txt"), mtime!, mtime!);
  const third = await scene.send(scene.out("note.txt"));
  assertEquals(third.at(-2)?.savedAs, "note (2).txt");
  assertEquals(await Deno.readTextFile(scene.in("note (2).txt")), "MINE");
  await log.waitFor("end", 3);
  assertEquals(
    log.of("done").map(({ savedAs }) => savedAs),
    ["note (1).txt", "note (1).txt", "note (2).txt"],
  );
});

Deno.test("a file that changed within the slack of file times, sent again, is there already", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  const path = scene.out("note.txt");
  const write = async (text: string, time: number) => {
    await Deno.writeTextFile(path, text);
    await Deno.utime(path, new Date(time), new Date(time));
  };
  const time = Date.parse("2026-05-01T12:00:00Z");
  await write("one", time);
  await scene.send(path);
  await write("two", time + 10);
  await scene.send(path);
  for (const text of ["two", "one"]) {
    await write(text, text === "one" ? time : time + 10);
    const again = await scene.send(path);
    assertEquals([again.at(-2)?.type, again.at(-2)?.resumedAt], ["done", 3]);
  }
  assertEquals(filesIn(scene.in("")), ["note (1).txt", "note.txt"]);
  await log.waitFor("end", 4);
});

Deno.test("a node that was not told from which peers to receive declines everything", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive({ accept: undefined! });
  await Deno.writeTextFile(scene.out("a"), "text");
  const sent = await scene.send(scene.out("a"));
  assertEquals(sent.map(({ type }) => type), ["offer", "declined", "end"]);
  assertEquals(sent[1]?.error?.code, "declined");
  assertEquals(filesIn(scene.in("")), []);
  assertEquals(log.events, []);
});

Deno.test("with a list of peers others are declined, and not even asked about", async () => {
  await using scene = await FileScene.start();
  const other = scene.receiver.identity.id;
  await using log = scene.receive({ from: [other, "nobody"] });
  await Deno.writeTextFile(scene.out("a"), "text");
  const sent = await scene.send(scene.out("a"));
  assertEquals(sent[1]?.type, "declined");
  assertEquals(log.events, []);
});

Deno.test("a listed peer is received from without a question", async () => {
  await using scene = await FileScene.start();
  const { id } = scene.sender.identity;
  await using _ = scene.receive({ from: [id], accept: undefined! });
  await Deno.writeTextFile(scene.out("a"), "text");
  assertEquals((await scene.send(scene.out("a"))).at(-1)?.done, 1);
});

Deno.test("an offer shows what it is about, and may be declined", async () => {
  await using scene = await FileScene.start();
  const offers: FileOffer[] = [];
  await using log = scene.receive({
    accept: (offer) => {
      offers.push(offer);
      return false;
    },
  });
  await Deno.mkdir(scene.out("many"));
  for (let i = 0; i < 12; i++) {
    await Deno.writeTextFile(scene.out(`many/${10 + i}\u202e.txt`), "1234");
  }
  const sent = await scene.send(scene.out("many"));
  assertEquals(sent.map(({ type }) => type), ["offer", "declined", "end"]);
  await log.waitFor("end");
  assertEquals(log.events.map(({ type }) => type), [
    "offer",
    "declined",
    "end",
  ]);
  const [offer] = offers;
  assertEquals(
    [offer?.peer, offer?.transfer, offer?.files, offer?.bytes],
    [scene.sender.identity.id, sent[0]?.transfer, 12, 48],
  );
  assertEquals(offer?.paths.length, 8);
  assertEquals(offer?.paths[0], "many/10\\u{202e}.txt");
});

Deno.test("files are made executable only if the receiving end says so", async () => {
  await using scene = await FileScene.start();
  const run = scene.out("run.sh");
  await Deno.writeTextFile(run, "#!/bin/sh\n");
  await Deno.chmod(run, 0o755);
  {
    await using _ = scene.receive();
    await scene.send(run);
  }
  assertEquals((await Deno.stat(scene.in("run.sh"))).mode! & 0o111, 0);
  await Deno.remove(scene.in("run.sh"));
  await using _ = scene.receive({ executable: true });
  await scene.send(run);
  assert((await Deno.stat(scene.in("run.sh"))).mode! & 0o100);
});

Deno.test("10,000 files of a folder arrive", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  await Deno.mkdir(scene.out("many"));
  for (let i = 0; i < 10_000; i++) {
    Deno.writeTextFileSync(scene.out(`many/${i}`), `number ${i}`);
  }
  const sent = await scene.send(scene.out("many"));
  assertEquals([sent.at(-1)?.done, sent.at(-1)?.failed], [10_000, 0]);
  const end = await log.waitFor("end");
  assertEquals([end.done, end.failed], [10_000, 0]);
  assertEquals(await Deno.readTextFile(scene.in("many/9999")), "number 9999");
  assertEquals(partsIn(scene.in("")), []);
});

Deno.test("two transfers of the same file at the same time both end well", async () => {
  await using scene = await FileScene.start();
  await using _ = scene.receive();
  await Deno.writeFile(scene.out("large"), patternBytes(2_000_000));
  const results = await Promise.all([
    scene.send(scene.out("large")),
    scene.send(scene.out("large")),
  ]);
  for (const events of results) assertEquals(events.at(-1)?.done, 1);
  const want = await Deno.readFile(scene.out("large"));
  for (const path of filesIn(scene.in(""))) {
    assertEquals(await Deno.readFile(scene.in(path)), want);
  }
});

Deno.test("progress grows to the size of the file, and the whole is counted besides", async () => {
  await using scene = await FileScene.start();
  await using _ = scene.receive();
  await Deno.writeFile(scene.out("a"), patternBytes(1_000));
  await Deno.writeFile(scene.out("b"), patternBytes(20_000_000));
  const sent = await scene.send([scene.out("a"), scene.out("b")]);
  const ofB = sent.filter(({ file }) => file === 2);
  assertEquals(ofB[0]?.type, "begin");
  assertEquals(
    ofB.map(({ bytes }) => bytes),
    ofB.map(({ bytes }) => bytes).toSorted((a, b) => a - b),
  );
  for (const event of ofB) {
    assertEquals([event.total, event.allTotal], [20_000_000, 20_001_000]);
    assert(event.allBytes >= event.bytes && event.allBytes <= event.allTotal);
  }
});

Deno.test("a path that cannot be sent is an error that names it; misuse is told at once", async () => {
  await using scene = await FileScene.start();
  const { id } = scene.receiver.identity;
  const none = scene.out("none");
  await assertFails(() => scene.send(none), "no-file", none);
  await assertFails(() => scene.send("/dev/null"), "no-file", "neither");
  await assertFails(
    () => Array.fromAsync(sendFile(scene.sender, "carol", none)),
    "unknown-peer",
  );
  assertThrows(() => sendFile(scene.sender, id, []), TypeError);
  assertThrows(() => sendFile(scene.sender, id, ["a/x", "b/x"]), TypeError);
  assertThrows(
    () => sendFile(scene.sender, id, none, { timeoutMs: -1 }),
    RangeError,
  );
  await using log = scene.receive();
  assertThrows(
    () => receiveFiles(scene.receiver, { dir: scene.in("") }),
    TypeError,
    "handler",
  );
  await Deno.writeTextFile(scene.in("file"), "");
  await assertFails(
    () => receiveFiles(scene.sender, { dir: scene.in("file") }),
    "bad-data",
  );
  assertEquals(log.events, []);
});

Deno.test("an error of the function that is asked ends the iteration", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive({
    accept: () => {
      throw new Error("No such question");
    },
  });
  await Deno.writeTextFile(scene.out("a"), "text");
  const sending = scene.send(scene.out("a"), { timeoutMs: 500 });
  await assertFails(() => sending, "timeout");
  let message = "";
  await log.ended.catch((error) => message = error.message);
  assertEquals(message, "No such question");
});
