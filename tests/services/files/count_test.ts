/** What both ends count of a transfer in which files fail. */
import { assertEquals } from "@std/assert";
import { FileScene, patternBytes } from "../../helpers/file_transfers.ts";

Deno.test("bytes of a file that failed in its middle do not count at either end", async () => {
  await using scene = await FileScene.start();
  await using log = scene.receive();
  const clash = scene.in(".verack-parts");
  await Deno.mkdir(scene.out("all"));
  await Deno.writeFile(scene.out("all/a"), patternBytes(5_000_000));
  await Deno.writeTextFile(scene.out("all/b"), "text");
  // Nothing can be made in it.
  await Deno.remove(clash);
  await Deno.writeTextFile(clash, "");
  const sent = await scene.send(scene.out("all"));
  await log.waitFor("end");
  for (const events of [sent, log.events]) {
    const end = events.at(-1);
    assertEquals([end?.type, end?.done, end?.failed], ["end", 0, 2]);
    assertEquals([end?.bytes, end?.allBytes], [0, 0]);
  }
});
