// A proven peer that does not say first who and where it is, or nothing at all.
import { assertEquals } from "@std/assert";
import { RawPeer } from "../helpers/attacker.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

function knows(scene: Scene, id: string): boolean {
  return scene.victim.peers().some((peer) => peer.id === id);
}

Deno.test("a session that never introduces itself is ended", async () => {
  await using scene = await Scene.start({ handshakeTimeoutMs: 300 });
  await scene.leavesNoTrace(async () => {
    // Alive in every other way: it even answers pings.
    using attacker = await RawPeer.open(scene.victim, {}, "verack");
    const told = await attacker.refusal();
    assertEquals(told?.name, "timeout");
    attacker.close();
    const { id } = attacker.identity;
    await until("it to be forgotten", () => !knows(scene, id));
  });
});

Deno.test("sessions that never introduce themselves take no more room than others", async () => {
  await using scene = await Scene.start({ maxPeers: 3 });
  using _one = await RawPeer.open(scene.victim, {}, "verack");
  using _two = await RawPeer.open(scene.victim, {}, "verack");
  using three = await RawPeer.open(scene.victim, {}, "proof");
  await scene.refused(three, "full", "3 peers are connected");
});
