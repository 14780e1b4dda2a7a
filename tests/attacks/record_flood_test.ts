// Identities cost nothing: so many come and go that a node cannot remember all, and
// those it knew before are to stay, with what waits for them.
import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { Identity } from "../../src/identity/identity.ts";
import { MAX_STRANGER_PEERS } from "../../src/mesh/mesh_limits.ts";
import { Node } from "../../src/mesh/node.ts";
import { SqliteStore } from "../../src/store/sqlite_store.ts";
import { MemorySiege } from "../helpers/memory_siege.ts";
import { until } from "../helpers/until.ts";

const CROWD = 4_200;
const AT_ONCE = 20;

/** So many fresh identities come from one host, and leave without a word. */
async function flood(siege: MemorySiege, count: number): Promise<void> {
  let left = count;
  const comeAndGo = async () => {
    while (left-- > 0) {
      const identity = await Identity.generate({ ephemeral: false });
      // Without an address: dials are another test's concern.
      const peer = await siege.open("10.9.9.9", { identity, addresses: [] });
      peer.close();
      await peer.ended;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, comeAndGo));
  await until("them to be gone", () => siege.victim.sessions().length === 0);
}

for (const crowd of [0, CROWD]) {
  Deno.test(`a friend and a peer that a message waits for are away while ${crowd} identities come and go: both stay on record and get their messages`, async () => {
    const directory = await Deno.makeTempDir();
    using store = SqliteStore.open(`${directory}/node.db`, {
      clock: systemClock,
    });
    const [own, friend, other, bystander] = await Promise.all(
      [1, 2, 3, 4].map(() => Identity.generate({ ephemeral: false })),
    );
    await using siege = await MemorySiege.start({ identity: own!, store });
    const { victim, network } = siege;
    const start = (identity: Identity, host: string) =>
      Node.start({
        identity,
        host,
        port: 8080,
        transport: network.transport(host),
        connect: [victim.address],
      });
    const places = [
      [friend!, "10.0.0.2"],
      [other!, "10.0.0.3"],
      // Nothing but where it came from keeps this one.
      [bystander!, "10.0.0.4"],
    ] as const;
    const ids = places.map(([{ id }]) => id);
    for (const [identity, host] of places) {
      const node = await start(identity, host);
      await until("it to be up", () => victim.sessions().length === 1);
      await node.close();
      await until("it to be away", () => victim.sessions().length === 0);
    }
    victim.admission.allow(friend!.id);
    const sent = victim.send(other!.id, "when you are back");
    const broadcast = await victim.broadcast("to all");
    assertEquals(broadcast.waiting.toSorted(), ids.toSorted());

    await flood(siege, crowd);

    const onRecord = new Set(victim.peers().map(({ id }) => id));
    for (const id of ids) assert(onRecord.has(id), `${id} is not on record`);
    assert(onRecord.size >= Math.min(crowd, MAX_STRANGER_PEERS));
    assert(onRecord.size <= MAX_STRANGER_PEERS + 1);
    const rows = store.peers().map(({ id }) => id);
    assertEquals(rows.toSorted(), [...onRecord].toSorted());
    assertEquals(siege.log.of("undelivered"), []);

    for (const [identity, host] of places) {
      await using node = await start(identity, host);
      const got: string[] = [];
      (async () => {
        for await (const one of node.messages()) got.push(one.text());
      })();
      const expected = identity === other
        ? ["to all", "when you are back"]
        : ["to all"];
      await until(
        "what waited for it",
        () => got.toSorted().join() === expected.join(),
      );
    }
    await sent;
  });
}
