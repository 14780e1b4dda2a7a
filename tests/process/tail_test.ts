/** `verack tail`: what a node takes, watched from another shell. */
import { assert, assertEquals } from "@std/assert";
import { Node } from "../../src/mesh/node.ts";
import { verack } from "../helpers/child.ts";
import { NodeProcess } from "../helpers/process.ts";
import { until } from "../helpers/until.ts";

function permissions(directory: string): string[] {
  return [`--allow-read=${directory}`, `--allow-write=${directory}`];
}

Deno.test("tail follows a flood of 10,000 messages to the end, and says that the node has stopped", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await using node = await NodeProcess.start([`--data=${directory}`], {
      permissions: permissions(directory),
    });
    await using sender = await Node.start({ connect: [node.address] });
    await node.waitFor("peer:up");
    await using tail = verack(
      ["tail", "--topic=flood", "--json", `--data=${directory}`],
      { permissions: permissions(directory) },
    );
    // It watches once it shows the first.
    await until("the beginning", async () => {
      await sender.send(node.id, "first", { topic: "flood" });
      return tail.out.length > 0;
    });
    const count = 10_000;
    await Promise.all(
      Array.from(
        { length: count },
        (_, i) => sender.send(node.id, `${i}`, { topic: "flood" }),
      ),
    );
    await tail.line((line) => line.includes(`"text":"${count - 1}"`));
    assertEquals(await node.end("SIGTERM"), 143);
    assertEquals(await tail.code(), 0);
    assertEquals(tail.err, ["verack tail: the node has stopped"]);
    let next = 0;
    for (const event of tail.out.map((line) => JSON.parse(line))) {
      if (event.type === "overflow") next += event.dropped;
      if (event.type !== "message" || event.text === "first") continue;
      assertEquals(event.text, `${next}`);
      next++;
    }
    assertEquals(next, count);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("tail says so when the node is killed", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await using node = await NodeProcess.start([`--data=${directory}`], {
      permissions: permissions(directory),
    });
    await using tail = verack(["tail", "--all", `--data=${directory}`], {
      permissions: permissions(directory),
    });
    await tail.line((line) => line.includes("mesh"));
    await node.end("SIGKILL");
    assertEquals(await tail.code(), 1);
    const [line = "", ...more] = tail.err;
    assert(/^verack: Lost the node in .*without saying so$/.test(line), line);
    assertEquals(more, []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
