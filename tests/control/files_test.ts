/** Files by the control API: two nodes, one of them with an API. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ControlClient } from "../../src/control/control_client.ts";
import type {
  AskRecord,
  FileRecord,
  ReceiveRecord,
} from "../../src/control/api/file_endpoints.ts";
import type { Node } from "../../src/mesh/node.ts";
import { sendFile } from "../../src/services/files/send_file.ts";
import { receiveFiles } from "../../src/services/files/receive_files.ts";
import { assertFails } from "../helpers/assert_fails.ts";
import { ControlScene } from "../helpers/control.ts";
import { until } from "../helpers/until.ts";

/** A node with an API, its client, a peer, and a folder. */
async function withPeer(
  use: (context: {
    readonly scene: ControlScene;
    readonly client: ControlClient;
    readonly peer: Node;
    readonly folder: string;
  }) => Promise<void>,
): Promise<void> {
  await using scene = await ControlScene.start({ name: "alice" });
  await using peer = await scene.peer({ name: "bob" });
  using client = await scene.client();
  const folder = await Deno.makeTempDir();
  try {
    await use({ scene, client, peer, folder });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Collects the records of an operation, and waits for one. */
class Records<T extends { readonly type: string }> {
  readonly all: T[] = [];
  readonly ended: Promise<unknown>;

  constructor(source: AsyncIterable<T>) {
    this.ended = (async () => {
      for await (const it of source) this.all.push(it);
    })().catch((error) => error);
  }

  async of<K extends T["type"]>(
    type: K,
  ): Promise<Extract<T, { readonly type: K }>> {
    const found = () => this.all.find((it) => it.type === type);
    await until(type, () => found() !== undefined);
    return found() as Extract<T, { readonly type: K }>;
  }
}

Deno.test("an offer waits until it is accepted by the ids of its record, and then comes", async () => {
  await withPeer(async ({ scene, client, peer, folder }) => {
    await Deno.writeTextFile(`${folder}/a.txt`, "hello");
    const abort = new AbortController();
    const received = new Records<ReceiveRecord>(
      client.receiveFiles(`${folder}/in`, {
        accept: "ask",
        signal: abort.signal,
      }),
    );
    await received.of("ready");
    const sent = Array.fromAsync(
      sendFile(peer, scene.node.identity.id, `${folder}/a.txt`),
    );
    const ask: AskRecord = await received.of("ask");
    assertEquals(
      [ask.peer, ask.name, ask.files, ask.bytes, ask.paths],
      [peer.identity.id, "bob", 1, 5, ["a.txt"]],
    );
    for (
      const [id, transfer] of [
        [scene.node.identity.id, ask.transfer],
        [ask.peer, "ab".repeat(16)],
      ] as const
    ) {
      await assertRejects(
        () => client.decideOffer(id, transfer, true),
        Error,
        "No offer",
      );
    }
    await client.decideOffer(ask.peer, ask.transfer, true);
    const last = (await sent).at(-1);
    assertEquals([last?.type, last?.done, last?.error], ["end", 1, undefined]);
    const end = await received.of("end");
    assertEquals([end.done, end.failed], [1, 0]);
    assertEquals(await Deno.readTextFile(`${folder}/in/a.txt`), "hello");
    await assertRejects(() => client.decideOffer(ask.peer, ask.transfer, true));
    abort.abort();
    await received.ended;
  });
});

Deno.test("an offer that is declined, or withdrawn, is over at both ends", async () => {
  await withPeer(async ({ scene, client, peer, folder }) => {
    await Deno.writeTextFile(`${folder}/a.txt`, "hello");
    const to = scene.node.identity.id;
    const abort = new AbortController();
    const received = new Records<ReceiveRecord>(
      client.receiveFiles(`${folder}/in`, {
        accept: "ask",
        signal: abort.signal,
      }),
    );
    await received.of("ready");
    const sent = Array.fromAsync(sendFile(peer, to, `${folder}/a.txt`));
    const ask = await received.of("ask");
    await client.decideOffer(ask.peer, ask.transfer, false);
    const types = (await sent).map(({ type }) => type);
    assertEquals(types, ["offer", "declined", "end"]);
    await received.of("declined");

    const leaving = new AbortController();
    const { signal } = leaving;
    const left = Array.fromAsync(
      sendFile(peer, to, `${folder}/a.txt`, { signal }),
    );
    left.catch(() => {});
    await until(
      "the second offer",
      () => received.all.filter(({ type }) => type === "ask").length === 2,
    );
    leaving.abort();
    const { transfer } = await received.of("withdrawn");
    await assertRejects(() =>
      client.decideOffer(peer.identity.id, transfer, true)
    );
    await assertRejects(() => left);
    abort.abort();
    await received.ended;
  });
});

Deno.test("a folder is sent by its absolute path, and the records end with its end", async () => {
  await withPeer(async ({ client, peer, folder }) => {
    await Deno.mkdir(`${folder}/out/empty`, { recursive: true });
    await Deno.writeTextFile(`${folder}/out/a.txt`, "hello");
    const received = receiveFiles(peer, {
      dir: `${folder}/in`,
      accept: () => true,
    });
    const taken = new Records(received);
    const records: FileRecord[] = await Array.fromAsync(
      client.sendFiles("bob", [`${folder}/out`]),
    );
    assertEquals(
      records.filter(({ type }) => type === "done").map(({ path }) => path)
        .toSorted(),
      ["out/a.txt", "out/empty"],
    );
    const last = records.at(-1);
    assertEquals([last?.type, last?.done, last?.failed], ["end", 2, 0]);
    assert((await Deno.stat(`${folder}/in/out/empty`)).isDirectory);
    await received.return?.();
    await taken.ended;
  });
});

Deno.test("wrong paths and peers are refused, each with its error", async () => {
  await withPeer(async ({ scene, client, folder }) => {
    const send = (to: string, ...paths: string[]) =>
      Array.fromAsync(client.sendFiles(to, paths));
    await assertRejects(() => send("bob"), RangeError, "at least one path");
    await assertRejects(() => send("bob", "a.txt"), RangeError, "absolute");
    await assertRejects(() => send("bob", "/a\0"), RangeError, "absolute");
    await assertFails(() => send("bob", `${folder}/none`), "no-file", "none");
    await assertFails(() => send("carol", folder), "unknown-peer", "carol");
    const many = Array.from({ length: 10_001 }, (_, i) => `${folder}/${i}`);
    await assertRejects(() => send("bob", ...many), RangeError, "10000 paths");
    // More than other requests may have.
    await assertFails(() => send("bob", ...many.slice(1)), "no-file", "/1");
    const receive = (dir: string) =>
      Array.fromAsync(client.receiveFiles(dir, { accept: "all" }));
    await assertRejects(() => receive("in"), RangeError, "absolute");
    const { error } = await scene.post("/v1/files/receive", {
      dir: folder,
      accept: "none",
    });
    assert(error.message.includes("must be all or ask"), error.message);
  });
});

Deno.test("a node receives into one folder at a time, and into another after that", async () => {
  await withPeer(async ({ client, folder }) => {
    const first = client.receiveFiles(`${folder}/a`, { accept: "all" });
    await first.next();
    const second = client.receiveFiles(`${folder}/b`, { accept: "all" });
    await assertFails(
      () => second.next(),
      "rejected",
      "receives files already",
    );
    await first.return(undefined);
    await until("the other folder", async () => {
      const again = client.receiveFiles(`${folder}/b`, { accept: "all" });
      try {
        return (await again.next()).value?.type === "ready";
      } catch {
        return false;
      } finally {
        await again.return(undefined);
      }
    });
  });
});
