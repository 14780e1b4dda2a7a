/** A disk that fills up while a file is received, on a small disk of its own. */
import { assert, assertEquals } from "@std/assert";
import { receiveFiles, sendFile } from "../../../src/services/mod.ts";
import { assertFails } from "../../helpers/assert_fails.ts";
import { Child } from "../../helpers/child.ts";
import {
  FileScene,
  filesIn,
  partsIn,
  patternBytes,
} from "../../helpers/file_transfers.ts";
import { CAN_MOUNT, onSmallDisk } from "../../helpers/small_disk.ts";
import { testIf } from "../../helpers/test_if.ts";

const CHILD = new URL("../children/file_end.ts", import.meta.url).pathname;

testIf(CAN_MOUNT)(
  "a disk that is full in the middle: nothing under the name, no part, the same error at both ends, and the next file goes on (needs the right to mount)",
  async () => {
    await using scene = await FileScene.start();
    await using child = new Child("unshare", [
      ...onSmallDisk(2_048, scene.in("")),
      Deno.execPath(),
      "run",
      "-A",
      "--no-check",
      CHILD,
      "receive",
      `${scene.folder}/data`,
      scene.sender.address,
      scene.in(""),
    ]);
    const id = (await child.line((it) => it.startsWith("id "))).slice(3);
    await Deno.mkdir(scene.out("all"));
    await Deno.writeFile(scene.out("all/1"), patternBytes(8_000_000));
    await Deno.writeFile(scene.out("all/2"), patternBytes(100_000));
    const sent = await Array.fromAsync(
      sendFile(scene.sender, id, scene.out("all")),
    );
    const failed = sent.find(({ type }) => type === "failed");
    assertEquals([failed?.path, failed?.error?.code], ["all/1", "disk-full"]);
    assertEquals([sent.at(-1)?.done, sent.at(-1)?.failed], [1, 1]);
    await child.line((it) => it.includes('"end"'));
    const told = JSON.parse(await child.line((it) => it.includes('"failed"')));
    assertEquals(told.error, failed?.error);
    // The disk as that process sees it.
    const disk = `/proc/${child.pid}/root${scene.in("")}`;
    assertEquals([filesIn(disk), partsIn(disk)], [["all/2"], []]);
  },
);

Deno.test("a folder that cannot be written: both ends say so, and go on with others", async () => {
  await using scene = await FileScene.start();
  await using _ = scene.receive();
  await Deno.mkdir(scene.out("all/sub"), { recursive: true });
  await Deno.writeTextFile(scene.out("all/sub/a"), "text");
  await Deno.writeTextFile(scene.out("all/z"), "text");
  // Where a folder is wanted there is a file.
  await Deno.mkdir(scene.in("all"));
  await Deno.writeTextFile(scene.in("all/sub"), "a file");
  const sent = await scene.send(scene.out("all"));
  const failed = sent.find(({ type }) => type === "failed");
  assertEquals([failed?.path, failed?.error?.code], ["all/sub/a", "bad-name"]);
  assertEquals([sent.at(-1)?.done, sent.at(-1)?.failed], [1, 1]);
  assertEquals(await Deno.readTextFile(scene.in("all/z")), "text");
});

Deno.test("a file that changes while it is sent is not received", async () => {
  await using scene = await FileScene.start();
  await using _ = scene.receive();
  const path = scene.out("growing");
  await Deno.writeFile(path, patternBytes(30_000_000));
  const { id } = scene.receiver.identity;
  const types: string[] = [];
  for await (const event of sendFile(scene.sender, id, path)) {
    types.push(`${event.type} ${event.error?.code ?? ""}`);
    if (event.type === "begin") {
      await Deno.writeTextFile(path, "more", { append: true });
    }
  }
  assert(types.includes("failed changed"), types.join());
  assertEquals([filesIn(scene.in("")), partsIn(scene.in(""))], [[], []]);
});

Deno.test("parts that were not resumed for a week are removed, younger ones are not", async () => {
  await using scene = await FileScene.start();
  const parts = scene.in(".verack-parts");
  await Deno.mkdir(parts);
  const old = `${"0".repeat(16)}-${"1".repeat(32)}`;
  const young = `${"0".repeat(16)}-${"2".repeat(32)}`;
  for (const name of [old, young, "something else"]) {
    await Deno.writeTextFile(`${parts}/${name}`, "part");
  }
  const then = new Date(Date.now() - 8 * 86_400_000);
  await Deno.utime(`${parts}/${old}`, then, then);
  await using log = scene.receive();
  await Deno.writeTextFile(scene.out("a"), "text");
  await scene.send(scene.out("a"));
  await log.waitFor("end");
  assertEquals(partsIn(scene.in("")).sort(), [young, "something else"]);
});

Deno.test("a file in the place of the folder is refused as such", async () => {
  await using scene = await FileScene.start();
  await Deno.writeTextFile(scene.in("a"), "text");
  for (const dir of [scene.in("a"), scene.in("a/b")]) {
    await assertFails(
      () => receiveFiles(scene.receiver, { dir, accept: () => true }).next(),
      "bad-data",
      "must be a folder",
    );
  }
});

Deno.test("a folder in which parts would be elsewhere is refused", async () => {
  await using scene = await FileScene.start();
  await Deno.mkdir(`${scene.folder}/outside`);
  await Deno.symlink(`${scene.folder}/outside`, scene.in(".verack-parts"));
  let code = "";
  try {
    receiveFiles(scene.receiver, { dir: scene.in(""), accept: () => true });
  } catch (error) {
    code = (error as { code: string }).code;
  }
  assertEquals(code, "bad-data");
});

Deno.test("parts may be deleted while nothing is received: the next file makes their folder again", async () => {
  await using scene = await FileScene.start();
  await using _ = scene.receive();
  await Deno.remove(scene.in(".verack-parts"));
  await Deno.writeFile(scene.out("a"), patternBytes(100_000));
  const sent = await scene.send(scene.out("a"));
  assertEquals([sent.at(-1)?.done, filesIn(scene.in(""))], [1, ["a"]]);
});
