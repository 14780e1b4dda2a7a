// One peer opens session after session.
import { assertEquals } from "@std/assert";
import { Identity } from "../../src/identity/identity.ts";
import { MAX_SESSIONS_PER_PEER } from "../../src/mesh/sessions/connection_limits.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

/** An identity below the victim's, which then leaves it to us to close sessions. */
async function smallerThan(id: string): Promise<Identity> {
  for (;;) {
    const identity = await Identity.generate();
    if (identity.id < id) return identity;
  }
}

Deno.test("a session beyond what one peer may have is refused before it opens", async () => {
  await using scene = await Scene.start();
  const { victim } = scene;
  using sessions = new DisposableStack();
  const identity = await smallerThan(victim.identity.id);
  const count = () =>
    victim.sessions().filter((link) => link.id === identity.id).length;
  for (let i = 1; i <= MAX_SESSIONS_PER_PEER; i++) {
    sessions.use(await RawPeer.open(victim, { identity }));
    await until(`session ${i}`, () => count() === i);
  }
  const surplus = sessions.use(
    await RawPeer.open(victim, { identity }, "proof"),
  );
  const told = await surplus.refusal();
  assertEquals([told?.command, told?.name], ["reject", "duplicate"]);
  assertEquals(surplus.count(COMMAND.verack), 0);
  assertEquals(count(), MAX_SESSIONS_PER_PEER);
  // Others come in all the while.
  sessions.use(await RawPeer.open(victim));
});
