// A process that is killed while it writes loses nothing that it said was durable.
import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { SqliteStore } from "../../src/store/sqlite_store.ts";
import { Child } from "../helpers/child.ts";
import { place } from "./sample_peer.ts";

const COMMITTER = new URL("children/committer.ts", import.meta.url).href;
const ROUNDS = 4;

Deno.test("kill -9 in the middle of writing loses nothing that was committed", async () => {
  using at = place();
  const directory = at.path.replace(/\/[^/]*$/, "");
  let said = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    await using child = new Child(Deno.execPath(), [
      "run",
      "--quiet",
      "--no-prompt",
      "--cached-only",
      `--allow-read=${directory}`,
      `--allow-write=${directory}`,
      COMMITTER,
      at.path,
    ]);
    // At another point of the log each time, and once behind a checkpoint.
    const stopAt = said + 40 * round;
    await child.line((line) => Number(line) >= stopAt);
    child.kill("SIGKILL");
    await child.code();
    said = Number(child.out.at(-1));
    assert(said >= stopAt, child.err.join("\n"));
    const store = SqliteStore.open(at.path, { clock: systemClock });
    const numbers = store.peers().map(({ id }) => Number.parseInt(id, 16))
      .sort((a, b) => a - b);
    store.close();
    // One more may be durable that it did not live to say.
    assert(numbers.length >= said + 1 && numbers.length <= said + 2);
    assertEquals(numbers, numbers.map((_, index) => index));
  }
});
