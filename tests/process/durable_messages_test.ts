/** Messages between nodes with data directories, either of which is killed at any moment. */
import { assert, assertEquals } from "@std/assert";
import { Child } from "../helpers/child.ts";
import { until } from "../helpers/until.ts";

const COURIER = new URL("children/courier.ts", import.meta.url).href;

/** Messages that a sender has on their way at once. */
const WINDOW = 32;

function courier(directory: string, ...args: string[]): Child {
  return new Child(Deno.execPath(), [
    "run",
    "--quiet",
    "--no-prompt",
    "--cached-only",
    "--allow-net",
    "--allow-env",
    `--allow-read=${directory}`,
    `--allow-write=${directory}`,
    COURIER,
    directory,
    ...args,
  ], { stdin: "open" });
}

/** Numbers said after a word, in order. */
function numbers(children: readonly Child[], word: string): number[] {
  return children.flatMap(({ out }) => out)
    .filter((line) => line.startsWith(`${word} `))
    .map((line) => Number(line.slice(word.length + 1)));
}

Deno.test("whichever end is killed, every message that was kept is consumed, in order, and none twice in one life", async (t) => {
  const root = await Deno.makeTempDir({ prefix: "verack-durable-" });
  const receivers: Child[] = [];
  const senders: Child[] = [];
  const identify = async (child: Child) => {
    const line = await child.line((it) => it.startsWith("is "));
    const [, id = "", address = ""] = line.split(" ");
    return { id, address };
  };
  try {
    const startReceiver = async (port = "0") => {
      const child = courier(`${root}/receiver`, port);
      receivers.push(child);
      return await identify(child);
    };
    const receiver = await startReceiver();
    const port = receiver.address.replace(/.*:/, "");
    const startSender = async () => {
      const first = String(Math.max(-1, ...numbers(senders, "sent")) + 1);
      const { id, address } = receiver;
      const child = courier(`${root}/sender`, "0", address, id, first);
      senders.push(child);
      await identify(child);
    };
    /** Waits until so many more are acknowledged to the sender that lives. */
    const progress = async (count: number) => {
      let seen = 0;
      await senders.at(-1)!.line((line) =>
        line.startsWith("acked ") && ++seen >= count
      );
    };
    const kill = async (child: Child | undefined) => {
      child?.kill("SIGKILL");
      await child?.code();
    };
    /** Waits until the sender has sent all it may, and kept it on disk. */
    const stuck = async () => {
      const sender = senders.at(-1)!;
      const count = (word: string) => numbers([sender], word).length;
      await until(
        "the sender to be stuck",
        () => count("sent") - count("acked") === WINDOW,
      );
      const newest = numbers([sender], "sent").at(-1);
      const text = new TextEncoder().encode(`number ${newest}!`).toHex();
      await until("its last message on disk", async () => {
        const log = await Deno.readFile(`${root}/sender/node.db-wal`);
        return log.toHex().includes(text);
      });
    };
    await startSender();
    for (let round = 0; round < 3; round++) {
      await progress(50);
      await kill(receivers.at(-1));
      await startReceiver(port);
      await progress(50);
      await kill(receivers.at(-1));
      await stuck();
      await kill(senders.at(-1));
      await startReceiver(port);
      await startSender();
    }
    await progress(50);
    const last = senders.at(-1)!;
    await last.write("x");
    await last.line((line) => line === "ended");
    await last.line((line) => line === "left 0");

    const sent = numbers(senders, "sent");
    const acked = numbers(senders, "acked");
    const taken = numbers(receivers, "took");
    const distinct = [...new Set(taken)].sort((a, b) => a - b);
    // Its sender was never killed before a message was on disk, so all are there.
    assertEquals(distinct, sent.toSorted((a, b) => a - b));
    assert(
      acked.length < sent.length,
      "no sender died with messages on the way",
    );
    for (const life of receivers) {
      const took = numbers([life], "took");
      assertEquals(
        took.length,
        new Set(took).size,
        "consumed twice in one life",
      );
      assertEquals(took, took.toSorted((a, b) => a - b), "out of order");
    }
    // What was consumed twice was not recorded before its consumer was killed, so it
    // had not been acknowledged; the few of one group of writes, a kill.
    const twice = taken.length - distinct.length;
    assert(twice <= 6 * WINDOW, `${twice} were consumed twice`);
    await t.step(
      `${sent.length} sent, ${acked.length} acknowledged, ${distinct.length} consumed, ${twice} of them twice, in ${receivers.length} and ${senders.length} lives`,
      () => {},
    );
  } finally {
    for (const child of [...receivers, ...senders]) {
      await child[Symbol.asyncDispose]();
    }
    await Deno.remove(root, { recursive: true });
  }
});
