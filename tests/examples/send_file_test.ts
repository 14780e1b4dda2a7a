/** The example that sends files, as two processes. */
import { assertEquals, assertMatch } from "@std/assert";
import { Child } from "../helpers/child.ts";

const PATH = new URL("../../examples/send_file.ts", import.meta.url).pathname;

function run(...args: string[]): Child {
  return new Child(Deno.execPath(), ["run", "-A", "-q", PATH, ...args]);
}

Deno.test("examples/send_file.ts sends a file and a folder by an invite", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/notes`);
    await Deno.writeTextFile(`${folder}/notes/a.txt`, "hello");
    await Deno.writeFile(`${folder}/photo.jpg`, new Uint8Array(300_000));
    await using receiver = run("receive", `${folder}/in`);
    const invite = await receiver.line(() => true);
    assertMatch(invite, /^[0-9a-f]{64}@127\.0\.0\.1:\d+#/);
    const paths = [`${folder}/photo.jpg`, `${folder}/notes`];
    await using sender = run("send", invite, ...paths);
    assertEquals([await sender.code(), sender.err], [0, []]);
    assertEquals([await receiver.code(), receiver.err], [0, []]);
    const lines = [
      "2 of 2 files",
      "notes/a.txt, 5 bytes",
      "photo.jpg, 300000 bytes",
    ];
    assertEquals(sender.out.toSorted(), lines);
    assertEquals(receiver.out.slice(1).toSorted(), lines);
    assertEquals(await Deno.readTextFile(`${folder}/in/notes/a.txt`), "hello");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
