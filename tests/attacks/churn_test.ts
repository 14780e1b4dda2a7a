// A member that comes and goes as fast as it can: what that makes us ask the others
// must stay within what they grant, or they would take us for the one that floods.
import { assertEquals } from "@std/assert";
import { Identity } from "../../src/identity/identity.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

/** More than a peer grants in a burst. */
const COMINGS = 30;

Deno.test("a member that is lost again and again does not part us from the others", async () => {
  // It looks after its peers every 25 ms.
  await using scene = await Scene.start({ heartbeatMs: 100 });
  const { victim, log } = scene;
  const identity = await Identity.generate();
  const losses = () =>
    log.of("peer:down").filter((event) => event.id === identity.id);
  for (let coming = 1; coming <= COMINGS; coming++) {
    const mallory = await RawPeer.open(victim, {
      identity,
      instance: BigInt(coming),
    });
    await until("mallory to be up", () => victim.sessions().length === 2);
    mallory.close();
    await until("mallory to be lost", () => losses().length === coming);
    // She is lost as far as the node is concerned once it looks after its peers.
    const now = performance.now();
    await until("the next look", () => performance.now() > now + 30);
  }
  const others = log.of("peer:down").filter((event) =>
    event.id !== identity.id
  );
  assertEquals(others, []);
});
