// A proven peer that does not say first who and where it is, or nothing at all.
import { assert, assertEquals } from "@std/assert";
import { Identity } from "../../src/identity/identity.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeGetPeers } from "../../src/wire/messages/peer_request.ts";
import { encodePeers, type PeerEntry } from "../../src/wire/messages/peers.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { entryOf } from "../helpers/forged_messages.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

const EMPTY = new Uint8Array(0);

function knows(scene: Scene, id: string): boolean {
  return scene.victim.peers().some((peer) => peer.id === id);
}

Deno.test("a first message that is not the sender's own entry ends the session", async () => {
  await using scene = await Scene.start();
  const own = await Identity.generate();
  const list = (...entries: PeerEntry[]) =>
    encodePeers({ entries, more: false });
  const { identity } = scene.member;
  const first: [string, Uint8Array, string][] = [
    [COMMAND.peers, list(), "must be the sender's own"],
    [COMMAND.peers, list(entryOf(identity, [])), "must be the sender's own"],
    [
      COMMAND.peers,
      list(entryOf(identity, []), entryOf(own, [])),
      "must be the sender's own",
    ],
    [COMMAND.peers, EMPTY, "peers"],
    [
      COMMAND.getpeers,
      encodeGetPeers({ digest: "00".repeat(32), fingerprints: [] }),
      "first message after verack must be peers",
    ],
    [COMMAND.peerids, EMPTY, "first message after verack must be peers"],
  ];
  await scene.leavesNoTrace(async () => {
    for (const [command, payload, text] of first) {
      using attacker = await RawPeer.open(scene.victim, {
        identity: own,
      }, "verack");
      await attacker.say(command, payload);
      const told = await attacker.refusal();
      assertEquals([told?.command, told?.name], ["bye", "protocol-error"]);
      assert(told?.text.includes(text), told?.text);
      attacker.close();
      await until(
        "the session to be forgotten",
        () => !knows(scene, own.id),
      );
    }
  });
});

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
