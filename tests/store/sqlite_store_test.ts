// A store on disk does what one in memory does, and still knows it after a restart.
import { systemClock } from "../../src/core/clock.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import type { NodeStore } from "../../src/mesh/peers/node_store.ts";
import { SqliteStore } from "../../src/store/sqlite_store.ts";
import { storeContract } from "./store_contract.ts";

const paths = new Map<NodeStore, string>();

function open(path: string): SqliteStore {
  const store = SqliteStore.open(path, { clock: systemClock });
  paths.set(store, path);
  return store;
}

storeContract("MemoryStore", () => new MemoryStore(), (store) => store);

Deno.test.afterAll(() => {
  for (const path of new Set(paths.values())) {
    Deno.removeSync(path.replace(/\/[^/]*$/, ""), { recursive: true });
  }
});

storeContract(
  "SqliteStore",
  () => open(`${Deno.makeTempDirSync()}/node.db`),
  (store) => {
    store.close();
    return open(paths.get(store)!);
  },
);
