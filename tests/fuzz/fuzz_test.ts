/**
 * Wrong bytes from everybody but a few: some ten thousand frames of mutated
 * sessions; a million by `deno task fuzz --frames 1000000`. Nothing but this
 * machine may be reached, whatever the bytes say: the permissions see to that.
 */
import { assertEquals } from "@std/assert";
import { fuzzOverTls } from "./tls_run.ts";
import { FuzzWorld } from "./world.ts";

const PERMISSIONS: Deno.PermissionOptions = {
  net: ["127.0.0.1"],
  read: true,
  env: true,
  sys: true,
  run: ["ls"],
};

const FRAMES = 15_000;
const TLS_FRAMES = 500;

/** Runs with a fresh seed, and says how to do the same again if it fails. */
async function seeded(
  frames: number,
  run: (seed: number) => Promise<unknown>,
): Promise<void> {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  try {
    await run(seed);
  } catch (error) {
    const again = `deno task fuzz --frames ${frames} --seed ${seed}`;
    throw new Error(`again: ${again}`, { cause: error });
  }
}

Deno.test({
  name:
    "mutated sessions in both roles neither end a node, nor make it grow, nor keep honest peers out",
  permissions: PERMISSIONS,
  fn: () => seeded(FRAMES, (seed) => FuzzWorld.run(seed, FRAMES)),
});

Deno.test({
  name:
    "mutated sessions over TLS leave no socket and no session, and honest peers join meanwhile",
  permissions: PERMISSIONS,
  fn: () => seeded(TLS_FRAMES, (seed) => fuzzOverTls(seed, TLS_FRAMES)),
});

Deno.test({
  name: "a seed gives the same run again, packet for packet",
  permissions: PERMISSIONS,
  async fn() {
    const report = await FuzzWorld.run(7, 500);
    assertEquals(await FuzzWorld.run(7, 500), report);
  },
});
