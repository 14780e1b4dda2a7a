// A member that is back where only gossip knows, and that only others can dial.
import { assert } from "@std/assert";
import { VerackError } from "../../../src/core/errors.ts";
import type { Transport } from "../../../src/transport/transport.ts";
import { type Member, MemoryMesh } from "../../helpers/memory_mesh.ts";

/** The network of `host`, which reaches no other but `reached`. */
function oneWayOut(mesh: MemoryMesh, host: string, reached: string): Transport {
  const inner = mesh.network.transport(host);
  const check = (to: string) => {
    if (to === reached) return;
    throw new VerackError(
      "connection-refused",
      `Cannot dial ${to}: no way out`,
    );
  };
  return {
    ...inner,
    dial: async (address, options) => {
      check(address.host);
      return await inner.dial(address, options);
    },
    fetchCertificate: async (address, options) => {
      check(address.host);
      return await inner.fetchCertificate(address, options);
    },
  };
}

function areMet({ node }: Member, other: Member): boolean {
  return node.sessions().some(({ id }) => id === other.node.identity.id);
}

for (const members of [3, 12]) {
  Deno.test(`of ${members} members the one that only a single other can dial is met within seconds of coming back elsewhere`, async () => {
    const delays: number[] = [];
    // At different moments of the hanging dials to where it was.
    for (const awayMs of [4_000, 9_000, 25_000, 100_000]) {
      await using mesh = new MemoryMesh(awayMs, members + 1);
      const alice = await mesh.start();
      for (let i = 1; i < members - 1; i++) await mesh.start([alice]);
      const bob = mesh.members[1]!;
      const carol = await mesh.start([alice]);
      await mesh.complete();
      mesh.network.crash(carol.host);
      const gone = carol.node.close({ abrupt: true });
      await mesh.clock.advance(awayMs);
      await gone;
      const host = `10.0.0.${members + 1}`;
      const startedMs = mesh.clock.monotonic();
      const back = await mesh.start([bob], {
        identity: carol.node.identity,
        transport: oneWayOut(mesh, host, bob.host),
      });
      const others = mesh.members.filter((it) => it !== carol && it !== back);
      await mesh.clock.runUntil(
        () => others.every((it) => areMet(it, back) && areMet(back, it)),
        { limitMs: 60_000 },
      );
      delays.push(mesh.clock.monotonic() - startedMs);
    }
    assert(delays.every((ms) => ms < 8_000), delays.join());
  });
}
