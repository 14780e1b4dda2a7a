/**
 * Real processes and real faults: whatever happens to nodes, afterwards those that
 * run are linked with each other and with nobody else. A few rounds; many more by
 * `deno task chaos`.
 */
import { processRound } from "./chaos/rounds.ts";
import { HASTY, HASTY_STOP_MS, LOOPBACK } from "./chaos/member.ts";
import { Swarm } from "./chaos/swarm.ts";

const NODES = 8;
const ROUNDS = 4;

Deno.test("eight processes that are killed, stopped, restarted and moved are fully linked after every round", async () => {
  // The log of a run that fails is what a reader needs.
  const said: string[] = [];
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  try {
    await using swarm = await Swarm.start({
      places: Array.from({ length: NODES }, () => LOOPBACK),
      seed,
      flags: HASTY,
      log: (line) => said.push(line),
    });
    for (let round = 0; round < ROUNDS; round++) {
      await processRound(swarm, { stopMs: HASTY_STOP_MS });
    }
  } catch (error) {
    throw new Error(`seed ${seed}: ${said.join("; ")}`, { cause: error });
  }
});
