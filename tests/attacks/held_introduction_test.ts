// What a second session says while it waits to be settled is looked at later, and
// may be wrong all the same.
import { assertEquals } from "@std/assert";
import type { Identity } from "../../src/identity/identity.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { orderedPair } from "../helpers/identities.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

/** The first session of somebody who does not answer on it any more. */
async function silentSession(
  scene: Scene,
  identity: Identity,
): Promise<RawPeer> {
  const first = await RawPeer.open(scene.victim, { identity });
  first.answersPings = false;
  await until("the first to count", () => scene.victim.sessions().length === 2);
  return first;
}

Deno.test("a malformed introduction on a second session ends that session, not the node", async () => {
  // The smaller identity is the one that settles.
  const [smaller, larger] = await orderedPair();
  await using scene = await Scene.start({ identity: smaller });
  using _first = await silentSession(scene, larger);
  using mallory = await RawPeer.open(
    scene.victim,
    { identity: larger },
    "verack",
  );
  await mallory.say(COMMAND.peers, new Uint8Array([0xff]));
  const told = await mallory.refusal();
  assertEquals([told?.command, told?.name], ["bye", "protocol-error"]);
  mallory.close();
  await until("it to be lost", () => scene.victim.sessions().length === 1);
});

Deno.test("a sound one takes the place of the session that no longer answers", async () => {
  const [smaller, larger] = await orderedPair();
  await using scene = await Scene.start({ identity: smaller });
  using _first = await silentSession(scene, larger);
  using honest = await RawPeer.open(
    scene.victim,
    { identity: larger },
    "verack",
  );
  await honest.introduce();
  await honest.take(COMMAND.peers);
  await until("it to count", () => scene.victim.sessions().length === 2);
});
