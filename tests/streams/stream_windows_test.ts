// The windows of streams beyond the least, which all peers share.
import { assert, assertEquals } from "@std/assert";
import { StreamMemory, UnreadShare } from "../../src/streams/stream_memory.ts";
import {
  STRANGERS_WINDOW_BYTES,
  STREAM_WINDOW_BUDGET_BYTES,
} from "../../src/streams/streams_limits.ts";

const STEP = 1_048_576;

/** Takes all that there is for a peer; returns how much. */
function takeAll(memory: StreamMemory, share: UnreadShare): number {
  let taken = 0;
  while (memory.growWindow(share, STEP)) taken += STEP;
  return taken;
}

Deno.test("strangers that let all windows grow that they may leave half of the budget to peers with standing", () => {
  const memory = new StreamMemory();
  const strangers = [1, 2, 3].map(() => new UnreadShare(() => false));
  const taken = strangers.map((share) => takeAll(memory, share));
  assertEquals(taken, [STRANGERS_WINDOW_BYTES, 0, 0]);
  const friend = new UnreadShare(() => true);
  const rest = STREAM_WINDOW_BUDGET_BYTES - STRANGERS_WINDOW_BYTES;
  assertEquals(takeAll(memory, friend), rest);
});

Deno.test("what a stranger took is returned as it was taken, whatever standing it has by then", () => {
  const memory = new StreamMemory();
  let hasStanding = false;
  const share = new UnreadShare(() => hasStanding);
  const taken = takeAll(memory, share);
  hasStanding = true;
  const more = takeAll(memory, share);
  assertEquals(taken + more, STREAM_WINDOW_BUDGET_BYTES);
  for (let at = 0; at < taken + more; at += STEP) {
    memory.returnWindow(share, STEP);
  }
  const stranger = new UnreadShare(() => false);
  assertEquals(takeAll(memory, stranger), STRANGERS_WINDOW_BYTES);
  assert(share.strangerWindowBytes === 0);
});
