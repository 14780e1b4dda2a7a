/** How relays are asked, and how long their answers are waited for. */
import { assertEquals } from "@std/assert";
import { VerackError } from "../../../src/core/errors.ts";
import { parsePeerId, type PeerId } from "../../../src/core/peer_id.ts";
import {
  RELAY_ANSWER_MS,
  RELAY_COMPARE_MS,
} from "../../../src/mesh/relay/relay_dialing_limits.ts";
import { encodeRelayOffer } from "../../../src/mesh/relay/relay_format.ts";
import {
  askRelays,
  type RelayAnswers,
} from "../../../src/mesh/relay/relay_request.ts";
import type { PeerStream } from "../../../src/streams/peer_stream.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";

function id(digit: number): PeerId {
  return parsePeerId(digit.toString(16).padStart(64, "0"));
}

/** Relays that answer bytes, an error, or nothing, each after a time. */
class FakeRelays {
  readonly clock = new VirtualClock();
  readonly stop = new AbortController();
  readonly aborted: PeerId[] = [];
  readonly #answers = new Map<PeerId, [number, Uint8Array[] | VerackError]>();

  answers(digit: number, ms: number, what: Uint8Array[] | VerackError): void {
    this.#answers.set(id(digit), [ms, what]);
  }

  /** Asks relays 1 to `count`, and lets `ms` pass; the result if there is one by then. */
  async ask(count: number, ms: number): Promise<RelayAnswers | undefined> {
    let result: RelayAnswers | undefined;
    void askRelays(Array.from({ length: count }, (_, i) => id(i + 1)), {
      clock: this.clock,
      signal: this.stop.signal,
      open: (relay) => this.#open(relay),
    }).then((it) => result = it);
    await this.clock.advance(ms);
    return result;
  }

  #open(relay: PeerId): PeerStream {
    const [ms, what] = this.#answers.get(relay) ?? [Infinity, []];
    if (ms < 0 && what instanceof VerackError) throw what;
    const chunks = what instanceof VerackError ? [] : [...what];
    const read = async (buffer: Uint8Array): Promise<number | null> => {
      const { promise, resolve } = Promise.withResolvers<void>();
      if (ms < Infinity) this.clock.after(ms, resolve);
      await promise;
      if (what instanceof VerackError) throw what;
      const chunk = chunks.shift();
      if (chunk === undefined) return null;
      buffer.set(chunk);
      return chunk.length;
    };
    const abort = () => void this.aborted.push(relay);
    return { read, abort } as unknown as PeerStream;
  }
}

const OFFER = encodeRelayOffer({ hops: 2, rttMs: 10, load: 0 });

Deno.test("offers are complete once all relays have answered", async () => {
  const relays = new FakeRelays();
  relays.answers(1, 5, [OFFER]);
  relays.answers(2, 9, new VerackError("full", "no room"));
  relays.answers(3, 7, [OFFER.subarray(0, 2), OFFER.subarray(2)]);
  assertEquals(await relays.ask(3, 8), undefined);
  const answers = await relays.ask(3, 20);
  assertEquals(answers?.offers.map(({ relay }) => relay), [id(1), id(3)]);
  assertEquals(answers?.offers.map(({ tookMs }) => tookMs), [5, 14]);
  assertEquals(answers?.refusals.map(({ error }) => error.code), ["full"]);
});

Deno.test("a relay that is silent delays an offer by no more than the time to compare", async () => {
  const relays = new FakeRelays();
  relays.answers(1, 100, [OFFER]);
  const answers = await relays.ask(2, 100 + RELAY_COMPARE_MS);
  assertEquals(answers?.offers.length, 1);
  // It is not at fault: the other was quicker.
  assertEquals(answers?.refusals, []);
  assertEquals(relays.aborted, [id(2)]);
});

Deno.test("relays that are all silent are given up at the deadline", async () => {
  const relays = new FakeRelays();
  assertEquals(await relays.ask(3, RELAY_ANSWER_MS - 1), undefined);
  await relays.clock.advance(1);
  const answers = await relays.ask(3, RELAY_ANSWER_MS);
  assertEquals(
    answers?.refusals.map(({ error }) => error.code),
    ["timeout", "timeout", "timeout"],
  );
});

Deno.test("an offer that is cut short, or breaks the format, is none", async () => {
  const relays = new FakeRelays();
  relays.answers(1, 1, [OFFER.subarray(0, 3)]);
  relays.answers(2, 1, [Uint8Array.of(1, 0, 0, 0, 0, 0)]);
  relays.answers(3, -1, new VerackError("not-connected", "gone"));
  const answers = await relays.ask(3, 10);
  assertEquals(answers?.offers, []);
  assertEquals(
    answers?.refusals.map(({ relay, error }) => [relay, error.code]).sort(),
    [[id(1), "closed"], [id(2), "malformed"], [id(3), "not-connected"]],
  );
});

Deno.test("nothing is left of a request that is not needed any more", async () => {
  const relays = new FakeRelays();
  relays.answers(1, 10, [OFFER]);
  const asking = relays.ask(2, 50);
  relays.clock.after(20, () => relays.stop.abort());
  assertEquals(await asking, { offers: [], refusals: [] });
  assertEquals(relays.aborted.sort(), [id(1), id(2)]);
});
