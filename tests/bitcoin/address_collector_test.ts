/** Asking one peer for addresses: when the answer is complete. */
import { assertEquals } from "@std/assert";
import { AddressCollector } from "../../src/bitcoin/crawl.ts";
import { SharedSignal } from "../../src/core/shared_timers.ts";
import { VerackError } from "../../src/core/errors.ts";
import { CRAWL_MAX_ADDR_MESSAGES } from "../../src/bitcoin/bitcoin_limits.ts";
import type { Session } from "../../src/session/session.ts";
import type { Address } from "../../src/transport/address.ts";
import { encodeAddr } from "../../src/wire/messages/bitcoin_messages.ts";
import { settle, VirtualClock } from "../../src/testing/virtual_clock.ts";
import { entryOf, hostOf } from "./crawl_world.ts";

/** A collector that asks a session of the test's making. */
class Asking {
  readonly clock = new VirtualClock();
  readonly collector = new AddressCollector();
  readonly sent: string[] = [];
  readonly handlers = new Map<string, (payload: Uint8Array) => void>();
  readonly closed = Promise.withResolvers<VerackError>();
  readonly stop = new AbortController();
  readonly told: Promise<readonly Address[]>;
  isOver = false;

  constructor() {
    const session = {
      send: (command: string) => this.sent.push(command) > 0,
      closed: this.closed.promise,
    };
    this.collector.register({
      handle: (command, handler) => this.handlers.set(command, handler),
    });
    this.told = this.collector.ask(session as unknown as Session, {
      clock: this.clock,
      timeoutMs: 1_000,
      signal: new SharedSignal(this.stop.signal),
    });
    this.told.then(() => this.isOver = true);
  }

  /** An `addr` with `count` addresses comes. */
  async hear(count: number): Promise<void> {
    const entries = Array.from({ length: count }, (_, n) => entryOf(hostOf(n)));
    const payload = encodeAddr(entries);
    this.handlers.get("addr")!(payload);
    await settle();
  }
}

Deno.test("AddressCollector asks once and is done with the first list", async () => {
  const asking = new Asking();
  await asking.hear(2);
  assertEquals(asking.isOver, true);
  assertEquals((await asking.told).length, 2);
  assertEquals(asking.sent, ["getaddr"]);
  assertEquals(asking.clock.pending, 0);
});

Deno.test("AddressCollector does not take a node's own address for the answer, but keeps it", async () => {
  const asking = new Asking();
  await asking.hear(1);
  assertEquals(asking.isOver, false);
  await asking.hear(3);
  assertEquals((await asking.told).length, 4);
});

Deno.test("AddressCollector waits for the answer as long as told, and takes what there is", async () => {
  const asking = new Asking();
  await asking.hear(1);
  await asking.clock.advance(999);
  assertEquals(asking.isOver, false);
  await asking.clock.advance(1);
  assertEquals((await asking.told).length, 1);
});

Deno.test("AddressCollector is done when the session ends, or the answer is not needed", async () => {
  const ended = new Asking();
  ended.closed.resolve(new VerackError("closed", "Gone"));
  assertEquals(await ended.told, []);
  const aborted = new Asking();
  aborted.stop.abort();
  assertEquals(await aborted.told, []);
  assertEquals(aborted.clock.pending, 0);
});

Deno.test("AddressCollector takes a bounded number of messages, broken ones count", async () => {
  const asking = new Asking();
  asking.handlers.get("addr")!(new Uint8Array(2));
  for (let i = 1; i < CRAWL_MAX_ADDR_MESSAGES; i++) {
    assertEquals(asking.isOver, false);
    await asking.hear(1);
  }
  assertEquals(asking.isOver, true);
  await asking.hear(1);
  assertEquals((await asking.told).length, CRAWL_MAX_ADDR_MESSAGES - 1);
});

Deno.test("AddressCollector takes no other message for addresses", async () => {
  const asking = new Asking();
  const payload = encodeAddr([entryOf(hostOf(1)), entryOf(hostOf(2))]);
  asking.handlers.get("inv")?.(payload);
  await settle();
  assertEquals(asking.isOver, false);
  asking.stop.abort();
  assertEquals(await asking.told, []);
});
