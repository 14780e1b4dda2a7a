// The addresses of one peer, tried so that one that hangs holds up no other.
import { assert, assertEquals } from "@std/assert";
import { ADDRESS_STAGGER_MS } from "../../../src/mesh/dialing/dialing_limits.ts";
import {
  AddressQueue,
  type Attempt,
  raceAddresses,
} from "../../../src/mesh/dialing/address_race.ts";
import { settle, VirtualClock } from "../../../src/testing/virtual_clock.ts";

/** What an address does: nothing, or ends after so many milliseconds. */
interface Behaviour {
  readonly reachedMs?: number;
  readonly endsMs?: number;
  readonly done?: boolean;
}

/** Runs a race in virtual time and tells what happened when. */
async function run(
  behaviours: Readonly<Record<string, Behaviour>>,
  options: { parallel?: number; abortMs?: number } = {},
): Promise<{ won: boolean; story: string[] }> {
  const clock = new VirtualClock();
  const story: string[] = [];
  const note = (text: string) => story.push(`${clock.monotonic()} ${text}`);
  const attempt = (name: string, { signal, reached }: Attempt) =>
    new Promise<boolean>((resolve) => {
      note(`${name} begins`);
      const { reachedMs, endsMs, done = false } = behaviours[name] ?? {};
      const cancels = [
        ...(reachedMs === undefined ? [] : [clock.after(reachedMs, reached)]),
        ...(endsMs === undefined ? [] : [clock.after(endsMs, () => {
          note(`${name} ${done ? "opens" : "fails"}`);
          resolve(done);
        })]),
      ];
      signal.addEventListener("abort", () => {
        for (const cancel of cancels) cancel();
        note(`${name} is called off`);
        resolve(true);
      });
    });
  const controller = new AbortController();
  if (options.abortMs !== undefined) {
    clock.after(options.abortMs, () => controller.abort());
  }
  const race = raceAddresses(Object.keys(behaviours), {
    clock,
    signal: controller.signal,
    parallel: options.parallel ?? 8,
    attempt,
  });
  let won: boolean | undefined;
  race.then((value) => won = value);
  await clock.runUntil(() => won !== undefined, { limitMs: 60_000 });
  await settle();
  assertEquals(clock.pending, 0, "timers are left");
  return { won: won === true, story };
}

Deno.test("the best address alone is tried if it answers in time", async () => {
  const answers = { endsMs: ADDRESS_STAGGER_MS - 1, done: true };
  assertEquals(await run({ a: answers, b: answers }), {
    won: true,
    story: ["0 a begins", "249 a opens"],
  });
});

Deno.test("an address that hangs delays the next by a quarter of a second", async () => {
  const { won, story } = await run({
    a: {},
    b: {},
    c: { reachedMs: 10, endsMs: 20, done: true },
    d: {},
  });
  assertEquals(story, [
    "0 a begins",
    "250 b begins",
    "500 c begins",
    "510 a is called off",
    "510 b is called off",
    "520 c opens",
  ]);
  assert(won);
});

Deno.test("an address that fails delays the next not at all", async () => {
  const { won, story } = await run({
    a: { endsMs: 5 },
    b: { endsMs: 5 },
    c: { endsMs: 5 },
  });
  assertEquals(story.filter((line) => line.includes("begins")), [
    "0 a begins",
    "5 b begins",
    "10 c begins",
  ]);
  assert(!won);
});

Deno.test("when the peer that answered does not open, the rest are tried", async () => {
  const { won, story } = await run({
    a: { reachedMs: 10, endsMs: 1_000 },
    b: { endsMs: 5, done: true },
  });
  assertEquals(story, [
    "0 a begins",
    "1000 a fails",
    "1000 b begins",
    "1005 b opens",
  ]);
  assert(won);
});

Deno.test("no more are tried at once than allowed, and all are called off with the race", async () => {
  const { won, story } = await run(
    { a: {}, b: {}, c: {} },
    { parallel: 2, abortMs: 9_000 },
  );
  assertEquals(story, [
    "0 a begins",
    "250 b begins",
    "9000 a is called off",
    "9000 b is called off",
  ]);
  assert(!won);
});

Deno.test("an address that is learned while all others hang is tried at once", async () => {
  const clock = new VirtualClock();
  const begun: [string, number][] = [];
  const queue = new AddressQueue(["a", "b"]);
  clock.after(5_000, () => queue.add(["a", "b", "c"]));
  const race = raceAddresses(queue, {
    clock,
    signal: new AbortController().signal,
    parallel: 8,
    attempt: (address, { signal, reached }) => {
      begun.push([address, clock.monotonic()]);
      if (address === "c") {
        reached();
        return Promise.resolve(true);
      }
      return new Promise((resolve) =>
        signal.addEventListener("abort", () => resolve(true))
      );
    },
  });
  let won: boolean | undefined;
  race.then((value) => won = value);
  await clock.runUntil(() => won !== undefined, { limitMs: 60_000 });
  assertEquals(begun, [["a", 0], ["b", 250], ["c", 5_000]]);
  assert(won);
  assertEquals(clock.pending, 0, "timers are left");
});
