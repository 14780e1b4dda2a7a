/**
 * Commits one peer after the other to the database of its first argument, as fast
 * as it can, and says each number once it is durable. Runs until it is killed.
 */
import { parsePeerId } from "../../../src/core/peer_id.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { SqliteStore } from "../../../src/store/sqlite_store.ts";
import { samplePeer } from "../sample_peer.ts";

const store = SqliteStore.open(Deno.args[0] ?? "", { clock: systemClock });
const encoder = new TextEncoder();
for (let count = store.peers().length;; count++) {
  const id = parsePeerId(count.toString(16).padStart(64, "0"));
  store.putPeer(samplePeer(1, { id }));
  // Both ways to wait in turn.
  if (count % 2 === 0) store.commit();
  else await store.committed();
  Deno.stdout.writeSync(encoder.encode(`${count}\n`));
}
