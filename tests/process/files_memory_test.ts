/** A large file between two processes: what either of them takes of memory. */
import { assert, assertEquals } from "@std/assert";
import type { FileProgress } from "../../src/services/mod.ts";
import { Child } from "../helpers/child.ts";
import { FileScene } from "../helpers/file_transfers.ts";

const CHILD =
  new URL("../services/children/file_end.ts", import.meta.url).pathname;

/** Two gigabytes with VERACK_LARGE_FILES, else what takes a few seconds. */
const BYTES = Deno.env.has("VERACK_LARGE_FILES") ? 2_000_000_000 : 500_000_000;

/** Buffers, garbage and code that is compiled on the way; the file is five times as long. */
const MOST_GROWTH_BYTES = 100_000_000;

type Line = FileProgress & { readonly rss: number };

Deno.test("a large file takes constant memory at both ends", async () => {
  await using scene = await FileScene.start();
  const path = scene.out("large");
  await Deno.writeFile(path, new Uint8Array(0));
  // Sparse: it takes no room at the sending end.
  await Deno.truncate(path, BYTES);
  const child = (...args: string[]) =>
    new Child(Deno.execPath(), [
      "run",
      "-A",
      "--no-check",
      CHILD,
      args[0]!,
      `${scene.folder}/${args[0]}`,
      scene.sender.address,
      ...args.slice(1),
    ]);
  await using receiver = child("receive", scene.in(""));
  const id = (await receiver.line((it) => it.startsWith("id "))).slice(3);
  await using sender = child("send", id, path);
  const end = JSON.parse(await sender.line((it) => it.includes('"end"')));
  assertEquals([end.done, end.allBytes], [1, BYTES]);
  await receiver.line((it) => it.includes('"end"'));
  for (const { out } of [sender, receiver]) {
    const lines: Line[] = out.filter((it) => it.startsWith("{"))
      .map((it) => JSON.parse(it));
    // After the first tenth all that is needed is there.
    const begun = lines.filter(({ allBytes }) => allBytes > BYTES / 10);
    const memory = begun.map(({ rss }) => rss);
    const growth = Math.max(...memory) - memory[0]!;
    assert(growth < MOST_GROWTH_BYTES, `It grew by ${growth} bytes`);
  }
  assertEquals((await Deno.stat(scene.in("large"))).size, BYTES);
});
