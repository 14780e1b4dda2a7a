// An application that opens streams for nothing, as fast as it can, does not lose its session.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import type { Node } from "../../src/mesh/node.ts";
import { startMesh } from "../helpers/nodes.ts";

/** More than the peer accepts. */
const MANY = 4_000;

const WAYS: Readonly<
  Record<string, (own: Node, peer: string) => Promise<void>>
> = {
  "opens a protocol that the peer does not handle": async (own, peer) => {
    const stream = await own.open(peer, "nothing/1");
    const error = await assertRejects(() => stream.closed, VerackError);
    assertEquals(error.code, "unknown-protocol");
  },
  "aborts each stream that it has opened": async (own, peer) => {
    const stream = await own.open(peer, "wait/1");
    stream.abort();
  },
};

for (const [what, once] of Object.entries(WAYS)) {
  Deno.test(`a program that ${what}, without end, gets full before the peer takes it for a flood`, async () => {
    await using mesh = await startMesh(2);
    const [alice, bob] = mesh.nodes;
    assert(alice !== undefined && bob !== undefined);
    bob.handle("wait/1", (stream) => stream.closed);
    bob.handle("echo/1", (stream) => stream.readable.pipeTo(stream.writable));
    const peer = bob.identity.id;
    const beside = await alice.open(peer, "echo/1");
    const full = await assertRejects(
      async () => {
        for (let at = 0; at < MANY; at++) await once(alice, peer);
      },
      VerackError,
      "given up or refused",
    );
    assertEquals(full.code, "full");
    await beside.write(new Uint8Array(3));
    await beside.closeWrite();
    const echoed = await new Response(beside.readable).bytes();
    assertEquals(echoed.length, 3);
  });
}
