// What a node announces is on record first.
import { assertEquals } from "@std/assert";
import { MemoryStore } from "../../../src/mesh/peers/memory_store.ts";
import { Node } from "../../../src/mesh/node.ts";
import { EventLog } from "../../helpers/nodes.ts";
import { until } from "../../helpers/until.ts";

/** A store whose disk takes as long as the test wants. */
class SlowStore extends MemoryStore {
  readonly disk = Promise.withResolvers<void>();

  override committed(): Promise<void> {
    return this.disk.promise;
  }
}

function types(log: EventLog): string[] {
  return log.events.map(({ type }) => type);
}

for (const fails of [false, true]) {
  Deno.test(`a peer is announced once it is on record${fails ? ", or cannot be put there" : ""}, in order, to each listener once`, async () => {
    const store = new SlowStore();
    await using node = await Node.start({ store });
    const early = new EventLog(node);
    await using peer = await Node.start({ connect: [node.address] });
    const other = new EventLog(peer);
    await until("the session", () => node.sessions().length === 1);
    await until("the peer to have it", () => other.of("peer:up").length === 1);
    const late = new EventLog(node);
    await peer.close();
    await until("the end", () => node.sessions().length === 0);
    assertEquals([types(early), types(late)], [["listening", "mesh"], []]);

    if (fails) store.disk.reject(new Error("full"));
    else store.disk.resolve();
    await until(
      "both",
      () =>
        [early, late].every((log) =>
          log.of("mesh").at(-1)?.nodes === 1 &&
          log.of("peer:down").length === 1
        ),
    );
    const seen = ["peer:up", "mesh", "peer:down", "mesh"];
    assertEquals(types(early), ["listening", "mesh", ...seen]);
    assertEquals(types(late), ["listening", ...seen]);
  });
}

Deno.test("a node that closes says all that waited before its last word", async () => {
  const store = new SlowStore();
  const node = await Node.start({ store });
  const log = new EventLog(node);
  await using peer = await Node.start({ connect: [node.address] });
  await until("the session", () => peer.sessions().length === 1);
  await until("both ends", () => node.sessions().length === 1);
  const closing = node.close();
  store.disk.resolve();
  await closing;
  await log.ended;
  assertEquals(log.of("peer:up").length, 1);
  assertEquals(types(log).at(-1), "stopped");
});
