/** Which handshakes of accepted connections begin, and in which order. */
import { assertEquals } from "@std/assert";
import {
  HANDSHAKE_TURN_MS,
  MAX_HANDSHAKES_AT_ONCE,
} from "../../../src/mesh/sessions/connection_limits.ts";
import {
  HandshakeTurns,
  type Turn,
} from "../../../src/mesh/sessions/handshake_turns.ts";
import { settle, VirtualClock } from "../../../src/testing/virtual_clock.ts";

/** Handshakes that want to begin, and those that have, in order. */
class Storm {
  readonly clock = new VirtualClock();
  readonly turns = new HandshakeTurns(this.clock);
  readonly begun: string[] = [];
  readonly #turns = new Map<string, Turn>();

  /** `count` of one source; the first is called `a 0`. */
  arrive(source: string, count: number, signal = new AbortController().signal) {
    for (let at = 0; at < count; at++) {
      const name = `${source} ${at}`;
      this.turns.begin(source, signal).then((turn) => {
        this.begun.push(name);
        this.#turns.set(name, turn);
      });
    }
    return settle();
  }

  /** One of those that have begun is over. */
  end(name: string) {
    this.#turns.get(name)![Symbol.dispose]();
    return settle();
  }

  isOver(name: string): boolean {
    return this.#turns.get(name)!.isOver;
  }
}

Deno.test("so many handshakes go on at once, and the next begins when one is over", async () => {
  const storm = new Storm();
  await storm.arrive("a", MAX_HANDSHAKES_AT_ONCE + 2);
  assertEquals(storm.begun.length, MAX_HANDSHAKES_AT_ONCE);
  await storm.end("a 0");
  assertEquals(storm.begun.length, MAX_HANDSHAKES_AT_ONCE + 1);
  // Once only, however often it is said.
  await storm.end("a 0");
  assertEquals(storm.begun.length, MAX_HANDSHAKES_AT_ONCE + 1);
});

Deno.test("handshakes that are silent hold up the next for a moment only", async () => {
  const storm = new Storm();
  await storm.arrive("a", MAX_HANDSHAKES_AT_ONCE + 2);
  await storm.clock.advance(HANDSHAKE_TURN_MS - 1);
  assertEquals(storm.begun.length, MAX_HANDSHAKES_AT_ONCE);
  assertEquals(storm.isOver("a 0"), false);
  await storm.clock.advance(1);
  assertEquals(storm.begun.length, MAX_HANDSHAKES_AT_ONCE + 2);
  assertEquals(storm.isOver("a 0"), true);
});

Deno.test("the source with the fewest handshakes is next, and of one source the last to come", async () => {
  const storm = new Storm();
  await storm.arrive("a", MAX_HANDSHAKES_AT_ONCE + 100);
  await storm.arrive("b", 2);
  await storm.arrive("c", 1);
  const begun = storm.begun.length;
  for (let at = 0; at < 4; at++) await storm.end(`a ${at}`);
  assertEquals(storm.begun.slice(begun), [
    "b 1",
    "c 0",
    "b 0",
    `a ${MAX_HANDSHAKES_AT_ONCE + 99}`,
  ]);
});

Deno.test("a connection that is given up takes no turn", async () => {
  const storm = new Storm();
  const gone = new AbortController();
  await storm.arrive("a", MAX_HANDSHAKES_AT_ONCE);
  await storm.arrive("b", 3, gone.signal);
  await storm.arrive("c", 1);
  gone.abort();
  await settle();
  const begun = storm.begun.length;
  assertEquals(storm.isOver("b 0"), true);
  await storm.end("a 0");
  assertEquals(storm.begun.slice(begun), ["c 0"]);
});
