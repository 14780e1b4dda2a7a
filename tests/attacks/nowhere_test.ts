// A member that tells of made-up peers who are nowhere: whom nobody can dial, nobody
// would ever find out about, and the table would fill with for good.
import { assertEquals } from "@std/assert";
import { Identity } from "../../src/identity/identity.ts";
import type { Node } from "../../src/mesh/node.ts";
import { parseAddress } from "../../src/transport/address.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { AS_SEEN_HOST } from "../../src/wire/messages/peers.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { entryOf } from "../helpers/forged_messages.ts";
import { Scene } from "../helpers/scene.ts";
import { Sink } from "../helpers/sink.ts";
import { TcpProxy } from "../helpers/tcp_proxy.ts";
import { until } from "../helpers/until.ts";

function knows(node: Node, { id }: Identity): boolean {
  return node.peers().some((peer) => peer.id === id);
}

/** Frames are handled in order, and a ping is answered at once. */
async function handled(peer: RawPeer): Promise<void> {
  await peer.say(COMMAND.ping, new Uint8Array(8));
  await peer.take(COMMAND.pong);
}

Deno.test("a peer in gossip without an address is not recorded", async () => {
  await using scene = await Scene.start();
  await using sink = Sink.start();
  using mallory = await RawPeer.open(scene.victim);
  const nowhere = await Identity.generate();
  await mallory.tell([
    entryOf(nowhere, []),
    entryOf(nowhere, [{ host: AS_SEEN_HOST, port: 9 }]),
  ]);
  await handled(mallory);
  assertEquals(knows(scene.victim, nowhere), false);
  // With an address it is looked for.
  await mallory.tell([entryOf(nowhere, [parseAddress(sink.address)])]);
  await handled(mallory);
  assertEquals(knows(scene.victim, nowhere), true);
});

Deno.test("a peer at whose only address another answers is forgotten with the word of the member that told of it", async () => {
  await using scene = await Scene.start();
  await using member = TcpProxy.start(scene.member.address);
  for (const ephemeral of [true, false]) {
    using mallory = await RawPeer.open(scene.victim);
    const nowhere = await Identity.generate({ ephemeral });
    const flags = ephemeral ? 3 : 1;
    const at = [parseAddress(member.address)];
    // It must not be found out before we have looked.
    member.freeze();
    await mallory.tell([entryOf(nowhere, at, { flags })]);
    await handled(mallory);
    assertEquals(knows(scene.victim, nowhere), true);
    member.thaw();
    await until(
      "the address to be dropped",
      () =>
        scene.victim.peer(nowhere.id)?.addresses.includes(member.address) ===
          false,
    );
    // Says that it is live no more.
    mallory.close();
    await until("it to be forgotten", () => !knows(scene.victim, nowhere));
  }
});

Deno.test("a peer at whose only address another answers is forgotten at once if no member says that it is live", async () => {
  await using scene = await Scene.start();
  await using member = TcpProxy.start(scene.member.address);
  using mallory = await RawPeer.open(scene.victim);
  const nowhere = await Identity.generate({ ephemeral: false });
  member.freeze();
  const at = [parseAddress(member.address)];
  await mallory.tell([entryOf(nowhere, at, { flags: 0 })]);
  await handled(mallory);
  assertEquals(knows(scene.victim, nowhere), true);
  member.thaw();
  await until("it to be forgotten", () => !knows(scene.victim, nowhere));
});
