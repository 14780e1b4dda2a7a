/** Transfers that are interrupted: by lost sessions, and by the death of either end. */
import { assert, assertEquals } from "@std/assert";
import type { Identity } from "../../../src/identity/identity.ts";
import { VerackError } from "../../../src/core/errors.ts";
import { Node } from "../../../src/mesh/node.ts";
import { partsOf } from "../../../src/mesh/node_parts.ts";
import { receiveFiles, sendFile } from "../../../src/services/mod.ts";
import type { FileProgress } from "../../../src/services/mod.ts";
import { assertFails } from "../../helpers/assert_fails.ts";
import { Child } from "../../helpers/child.ts";
import {
  FileScene,
  filesIn,
  partsIn,
  patternBytes,
  ProgressLog,
} from "../../helpers/file_transfers.ts";
import { lasting } from "../../helpers/identities.ts";
import { until } from "../../helpers/until.ts";

const CHILD = new URL("../children/file_end.ts", import.meta.url).pathname;

/** Long enough to be interrupted. */
const LARGE_BYTES = 200_000_000;

/** A file of so many bytes, which takes no room but for its ends. */
async function makeLarge(path: string, bytes = LARGE_BYTES): Promise<void> {
  await Deno.writeFile(path, patternBytes(1_000_000));
  await Deno.truncate(path, bytes);
}

async function sameFiles(a: string, b: string): Promise<boolean> {
  const { code } = await new Deno.Command("cmp", { args: ["-s", a, b] })
    .output();
  return code === 0;
}

function fileEnd(...args: string[]): Child {
  return new Child(Deno.execPath(), [
    "run",
    "-A",
    "--no-check",
    CHILD,
    ...args,
  ]);
}

function events(child: Child): FileProgress[] {
  return child.out.filter((line) => line.startsWith("{")).map((line) =>
    JSON.parse(line)
  );
}

/** Waits until a part has some megabytes. */
async function someOnDisk(scene: FileScene): Promise<void> {
  await until("some of it on disk", async () => {
    const [part] = partsIn(scene.in(""));
    if (part === undefined) return false;
    const info = await Deno.stat(scene.in(`.verack-parts/${part}`));
    return info.size >= 10_000_000;
  });
}

/** A peer with a lasting key that was connected once, and is absent. */
async function absentPeer(scene: FileScene): Promise<Identity> {
  const identity = await lasting();
  await using _ = await Node.start({
    identity,
    connect: [scene.sender.address],
  });
  await until(
    "the peer",
    () => scene.sender.peer(identity.id)?.connected ?? false,
  );
  return identity;
}

Deno.test("a transfer whose session is lost goes on at the same place by itself, and both ends say so", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  await makeLarge(scene.out("large"));
  const sending = scene.send(scene.out("large"));
  const { bytes } = await log.waitFor("progress");
  assert(bytes > 0);
  await someOnDisk(scene);
  for (const { channel } of partsOf(scene.receiver).sessions.all()) {
    channel.close(new VerackError("dead", "The test has cut it"));
  }
  const sent = await sending;
  await log.waitFor("end");
  for (const its of [sent, log.events]) {
    const [again] = its.filter(({ type }) => type === "retrying");
    assertEquals(again?.error?.code, "session-lost");
    const begins = its.filter(({ type }) => type === "begin");
    assertEquals(begins.length, 2);
    assert((begins[1]?.resumedAt ?? 0) >= 10_000_000);
    const done = its.find(({ type }) => type === "done");
    assertEquals(done?.resumedAt, begins[1]?.resumedAt);
    assertEquals(its.at(-1)?.done, 1);
  }
  assert(await sameFiles(scene.out("large"), scene.in("large")));
});

Deno.test("a receiving process that is killed and started again goes on with the part it has", async () => {
  await using scene = await FileScene.start();
  await makeLarge(scene.out("large"));
  const args = [
    "receive",
    `${scene.folder}/data`,
    scene.sender.address,
    scene.in(""),
  ];
  const log = await (async () => {
    await using child = fileEnd(...args);
    const peer = (await child.line((it) => it.startsWith("id "))).slice(3);
    await until("the peer", () => scene.sender.peer(peer)?.connected ?? false);
    const log = new ProgressLog(
      sendFile(scene.sender, peer, scene.out("large")),
    );
    await someOnDisk(scene);
    child.kill("SIGKILL");
    await child.code();
    assertEquals(filesIn(scene.in("")), []);
    return log;
  })();
  await using child = fileEnd(...args);
  await child.line((it) => it.includes('"end"'));
  await log.ended;
  assertEquals(log.events.at(-1)?.done, 1);
  const begin = events(child).find(({ type }) => type === "begin");
  assert((begin?.resumedAt ?? 0) > 0);
  assert(await sameFiles(scene.out("large"), scene.in("large")));
  assertEquals(partsIn(scene.in("")), []);
});

Deno.test("a sending process that is killed and started again goes on with what was received, and sends no file twice", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  await Deno.mkdir(scene.out("both"));
  await Deno.writeTextFile(scene.out("both/a"), "small");
  await makeLarge(scene.out("both/b"));
  const args = [
    "send",
    `${scene.folder}/data`,
    scene.receiver.address,
    scene.receiver.identity.id,
    scene.out("both"),
  ];
  {
    await using child = fileEnd(...args);
    await someOnDisk(scene);
    child.kill("SIGKILL");
    await child.code();
  }
  await log.waitFor("retrying");
  // Unless the receiving end had asked for the second one first.
  const hadFirst = log.of("done").some(({ path }) => path === "both/a");
  await using child = fileEnd(...args);
  const end = JSON.parse(await child.line((it) => it.includes('"end"')));
  assertEquals([end.done, end.failed], [2, 0]);
  await log.waitFor("end");
  const second = log.of("done").slice(-2);
  assertEquals(second.map(({ path, resumedAt }) => [path, resumedAt! > 0]), [
    ["both/a", hadFirst],
    ["both/b", true],
  ]);
  assertEquals(filesIn(scene.in("")), ["both/a", "both/b"]);
  assert(await sameFiles(scene.out("both/b"), scene.in("both/b")));
});

Deno.test("a part that is not the beginning of the file is dropped, and all is sent again", async () => {
  await using scene = await FileScene.start();
  await makeLarge(scene.out("large"), 30_000_000);
  {
    const stop = new AbortController();
    await using log = scene.receive({ signal: stop.signal });
    const failed = assertFails(
      () => scene.send(scene.out("large"), { timeoutMs: 0 }),
      "timeout",
      "no longer received",
    );
    await log.waitFor("progress");
    stop.abort();
    await log.ended;
    await failed;
  }
  const [part] = partsIn(scene.in(""));
  const path = scene.in(`.verack-parts/${part}`);
  using file = await Deno.open(path, { write: true });
  await file.write(new Uint8Array(1_000));
  await using _ = scene.receive();
  const sent = await scene.send(scene.out("large"));
  const [begin] = sent.filter(({ type }) => type === "begin");
  assertEquals(begin?.resumedAt, undefined);
  assert(await sameFiles(scene.out("large"), scene.in("large")));
});

Deno.test("a peer that is absent, or receives no files yet, is waited for", async () => {
  await using scene = await FileScene.start();
  await Deno.writeTextFile(scene.out("a"), "text");
  const identity = await absentPeer(scene);
  const events = new ProgressLog(
    sendFile(scene.sender, identity.id, scene.out("a")),
  );
  const retrying = await events.waitFor("retrying");
  assertEquals(retrying.error?.code, "not-connected");
  await using late = await Node.start({
    identity,
    connect: [scene.sender.address],
  });
  await until(
    "another reason",
    () =>
      events.of("retrying").some(({ error }) =>
        error?.code === "unknown-protocol"
      ),
  );
  await using _ = new ProgressLog(receiveFiles(late, {
    dir: scene.in(""),
    accept: () => true,
  }));
  await events.ended;
  assertEquals(events.events.at(-1)?.done, 1);
  assertEquals(await Deno.readTextFile(scene.in("a")), "text");
});

Deno.test("waiting for a peer that receives no files says so", async () => {
  await using scene = await FileScene.start();
  await Deno.writeTextFile(scene.out("a"), "text");
  await assertFails(
    () => scene.send(scene.out("a"), { timeoutMs: 0 }),
    "timeout",
    "receives no files now",
  );
});

Deno.test("waiting ends when its time is up, with the reason", async () => {
  await using scene = await FileScene.start();
  await Deno.writeTextFile(scene.out("a"), "text");
  const { id } = await absentPeer(scene);
  const sent: FileProgress[] = [];
  await assertFails(
    async () => {
      const sending = sendFile(scene.sender, id, scene.out("a"), {
        timeoutMs: 300,
      });
      for await (const event of sending) sent.push(event);
    },
    "timeout",
    "300 ms",
  );
  assertEquals([sent[0]?.type, sent[1]?.type], ["offer", "retrying"]);
});

Deno.test("a sending end that is aborted says so, and the receiving end keeps the part", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  await makeLarge(scene.out("large"));
  const stop = new AbortController();
  const sending = scene.send(scene.out("large"), { signal: stop.signal });
  await someOnDisk(scene);
  stop.abort();
  await assertFails(() => sending, "aborted");
  const end = await log.waitFor("end");
  assertEquals([end.done, end.failed, end.error?.code], [0, 0, "reset"]);
  assertEquals(partsIn(scene.in("")).length, 1);
  assertEquals(filesIn(scene.in("")), []);
});

Deno.test("leaving the loop of a sending end ends the transfer", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  await makeLarge(scene.out("large"));
  const { id } = scene.receiver.identity;
  for await (const { type } of sendFile(scene.sender, id, scene.out("large"))) {
    if (type === "progress") break;
  }
  assertEquals((await log.waitFor("end")).error?.code, "reset");
});

Deno.test("a node that stops ends what it sends and what it receives", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  await Deno.writeTextFile(scene.out("a"), "text");
  const { id } = await absentPeer(scene);
  const sending = sendFile(scene.sender, id, scene.out("a"));
  await sending.next();
  await sending.next();
  await scene.receiver.close();
  await log.ended;
  await scene.sender.close();
  await assertFails(async () => {
    for await (const _ of sending);
  }, "stopped");
});
