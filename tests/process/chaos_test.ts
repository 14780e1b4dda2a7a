/**
 * Real processes and real faults: whatever happens to nodes, afterwards those that
 * run are linked with each other and with nobody else. A few rounds; many more by
 * `deno task chaos`.
 */
import { assertEquals, assertGreater } from "@std/assert";
import { Ledger } from "./chaos/ledger.ts";
import { processRound } from "./chaos/rounds.ts";
import { HASTY, HASTY_STOP_MS, LOOPBACK } from "./chaos/member.ts";
import { Swarm } from "./chaos/swarm.ts";

const NODES = 8;
const ROUNDS = 3;
/** Sending takes its time; more would be no other test. */
const TALKERS = 5;

/** Runs with a fresh seed; if it fails, says which and what happened. */
async function rounds(
  nodes: number,
  options: { readonly ledger?: Ledger },
  after: (swarm: Swarm) => Promise<void> = async () => {},
): Promise<void> {
  const said: string[] = [];
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  try {
    await using swarm = await Swarm.start({
      places: Array.from({ length: nodes }, () => LOOPBACK),
      seed,
      flags: HASTY,
      log: (line) => said.push(line),
      ...options,
    });
    for (let round = 0; round < ROUNDS; round++) {
      await processRound(swarm, { stopMs: HASTY_STOP_MS });
    }
    await after(swarm);
  } catch (error) {
    throw new Error(`seed ${seed}: ${said.join("; ")}`, { cause: error });
  }
}

Deno.test("eight processes that are killed, stopped, restarted and moved are fully linked after every round", () =>
  rounds(NODES, {}));

Deno.test("of all messages that are sent meanwhile none is lost, and none is taken twice but for a kill; each stream and request ends once, whole or with an error, and each file arrives whole or not at all", () => {
  const ledger = new Ledger();
  return rounds(TALKERS, { ledger }, async (swarm) => {
    await swarm.quieten();
    assertEquals(ledger.faults(), []);
    assertEquals(await swarm.fileFaults(ledger), []);
    assertGreater(ledger.taken, 0);
    assertGreater(ledger.ended("stream out ok"), 0);
    assertGreater(ledger.ended("stream in ok"), 0);
    assertGreater(ledger.ended("request ok"), 0);
    assertGreater(ledger.ended("file ok"), 0);
  });
});
