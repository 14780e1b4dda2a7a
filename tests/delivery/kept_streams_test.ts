/** The order in which messages of a kept topic are given, and what it costs. */
import { assert, assertEquals } from "@std/assert";
import {
  type KeptFilter,
  KeptStreams,
} from "../../src/delivery/kept_streams.ts";
import { peerId } from "../helpers/fake_frame_sink.ts";

const CONSUMER = {};

const since = (time: number): KeptFilter => ({
  now: 0,
  since: time,
  anyOrder: false,
  from: undefined,
  consumer: CONSUMER,
});

/** The messages of one sender, one for each time; `looks` counts how often a time is read. */
function streamOf(times: readonly number[]) {
  const from = peerId(1);
  const topic = new KeptStreams("jobs");
  const stream = topic.stream(
    { from, hasStanding: true, messages: 0, bytes: 0 },
  );
  const counted = { stream, looks: 0 };
  for (const [key, time] of times.entries()) {
    stream.push({
      ...{ key, bytes: 1, deliveryCount: 0, restsUntil: 0 },
      get at() {
        counted.looks++;
        return time;
      },
    });
  }
  return {
    counted,
    take(time: number): number | undefined {
      const entry = stream.next(since(time));
      if (entry !== undefined) stream.remove(entry);
      return entry?.key;
    },
  };
}

Deno.test("messages since a time are found without a look at all older ones for each", () => {
  const { counted, take } = streamOf([...Array(4_000).keys()]);
  for (let key = 2_000; key < 4_000; key++) assertEquals(take(2_000), key);
  assertEquals(take(2_000), undefined);
  assert(counted.looks < 20_000, `${counted.looks} looks`);
  assertEquals([...counted.stream].length, 2_000);
});

Deno.test("messages since a time are given in the order in which they came, whatever times others ask for and however the clock was set", () => {
  const { take } = streamOf([1, 5, 2, 6, 3, 7, 4]);
  const taken = [5, 3, 5, 6, 1, 4, 9, 1, 1, 1].map(take);
  assertEquals(taken, [1, 3, 5, undefined, 0, 6, undefined, 2, 4, undefined]);
});
