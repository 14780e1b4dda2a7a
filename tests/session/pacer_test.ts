/** What is on the way to a peer, over lines of many kinds, in virtual time. */
import { assert, assertEquals } from "@std/assert";
import {
  INITIAL_FLIGHT_BYTES,
  MIN_FLIGHT_BYTES,
  PACING_QUEUE_MS,
} from "../../src/session/session_limits.ts";
import { Pacer } from "../../src/session/pacer.ts";

/** A line in virtual time: bytes come out at a rate, and answers after a round trip. */
class Line {
  now = 0;
  bytesPerMs: number;
  rttMs: number;
  /** Pings without an answer from now on. */
  mute = false;
  readonly pacer: Pacer;
  readonly chunkBytes: number;
  pings = 0;
  #sent = 0;
  #waiting = false;
  /** When the last byte that was sent comes out. */
  #freeAt = 0;
  readonly #due: { at: number; answer: () => void }[] = [];
  readonly unanswered: (() => void)[] = [];

  constructor(bytesPerMs: number, rttMs: number) {
    this.bytesPerMs = bytesPerMs;
    this.rttMs = rttMs;
    this.chunkBytes = Math.min(Math.max(4_000, bytesPerMs), 32_000);
    const clock = {
      now: () => this.now,
      monotonic: () => this.now,
      after: () => () => {},
    };
    this.pacer = new Pacer({
      clock,
      minRttMs: () => undefined,
      ping: (settle) => {
        this.pings++;
        if (this.mute) {
          this.unanswered.push(() => settle(false));
          return true;
        }
        const answer = () => settle(true);
        const at = Math.max(this.now, this.#freeAt) + this.rttMs;
        this.#due.push({ at, answer });
        return true;
      },
    });
  }

  /** Milliseconds of the line's time that wait to come out. */
  get queueMs(): number {
    return Math.max(0, this.#freeAt - this.now);
  }

  send(bytes: number): void {
    this.#freeAt = Math.max(this.now, this.#freeAt) + bytes / this.bytesPerMs;
    this.#sent += bytes;
    this.pacer.sent(bytes);
  }

  /** As a sender does that has more to send. */
  #wait(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.pacer.ready().then(() => this.#waiting = false);
  }

  /** Sends all that may be sent for so long; bytes a millisecond, and the longest queue. */
  async fill(ms: number): Promise<{ rate: number; queueMs: number }> {
    const until = this.now + ms;
    const before = this.#sent;
    let queueMs = 0;
    for (; this.now < until; this.now++) {
      while (this.#due[0] !== undefined && this.#due[0].at <= this.now) {
        this.#due.shift()!.answer();
      }
      while (!this.pacer.isFull) this.send(this.chunkBytes);
      this.#wait();
      queueMs = Math.max(queueMs, this.queueMs);
      await Promise.resolve();
    }
    return { rate: (this.#sent - before) / ms, queueMs };
  }

  /** Sends nothing until what was sent has come out and is answered. */
  async drain(): Promise<void> {
    const until = this.now + this.queueMs + this.rttMs + 1;
    for (; this.now <= until; this.now++) {
      while (this.#due[0] !== undefined && this.#due[0].at <= this.now) {
        this.#due.shift()!.answer();
      }
      this.#wait();
      await Promise.resolve();
    }
  }
}

for (
  const [kbits, rttMs] of [
    [64, 20],
    [512, 5],
    [512, 600],
    [10_000, 50],
    [10_000, 600],
    [100_000, 300],
    [1_000_000, 1],
  ] as const
) {
  Deno.test(`a line of ${kbits} kbit/s and ${rttMs} ms is used, and what is sent next waits for a few hundred milliseconds`, async () => {
    const bytesPerMs = kbits / 8;
    const line = new Line(bytesPerMs, rttMs);
    await line.fill(2_000 + 40 * rttMs);
    const { rate, queueMs } = await line.fill(10_000);
    // The shortest round trip is measured anew meanwhile, with little on the way.
    assert(rate >= 0.8 * bytesPerMs, `${rate} of ${bytesPerMs} bytes/ms`);
    const least = (MIN_FLIGHT_BYTES + line.chunkBytes) / bytesPerMs;
    // After that, what was held back leaves at once.
    const most = Math.max(least, 2 * PACING_QUEUE_MS + 50, rttMs + 250);
    assert(queueMs <= most, `${queueMs} ms`);
  });
}

Deno.test("a line that becomes slow is not overfilled for long, and one that becomes fast is used again", async () => {
  const line = new Line(1_250, 50);
  await line.fill(5_000);
  line.bytesPerMs = 64;
  await line.fill(30_000);
  const slow = await line.fill(3_000);
  assert(slow.rate >= 55, `${slow.rate} bytes/ms`);
  assert(slow.queueMs <= 600, `${slow.queueMs} ms`);
  line.bytesPerMs = 1_250;
  await line.fill(5_000);
  const fast = await line.fill(3_000);
  assert(fast.rate >= 1_100, `${fast.rate} bytes/ms`);
});

Deno.test("a line that becomes longer is used again", async () => {
  const line = new Line(1_250, 20);
  await line.fill(5_000);
  line.rttMs = 800;
  await line.fill(45_000);
  const { rate } = await line.fill(5_000);
  assert(rate >= 1_100, `${rate} bytes/ms`);
});

Deno.test("no more is on the way to a peer that never answers than at first, and it shows as a stall", async () => {
  const line = new Line(1_250, 50);
  line.mute = true;
  await line.fill(10_000);
  const { inFlight } = line.pacer;
  assert(
    inFlight <= INITIAL_FLIGHT_BYTES + line.chunkBytes,
    `${inFlight} bytes`,
  );
  assertEquals(line.pacer.stall(line.now), [10_000, inFlight]);
  line.pacer.compensate(4_000);
  assertEquals(line.pacer.stall(line.now)[0], 6_000);
});

Deno.test("pings that are given up for others are made good, so that nothing stays full for ever", async () => {
  const line = new Line(1_250, 50);
  line.mute = true;
  await line.fill(100);
  assert(line.pacer.isFull);
  line.mute = false;
  for (const giveUp of line.unanswered.splice(0)) giveUp();
  const { rate } = await line.fill(1_000);
  assert(rate > 100, `${rate} bytes/ms`);
});

Deno.test("little that is sent now and then costs few pings, and nothing is waited for once the session has ended", async () => {
  const line = new Line(1_250, 50);
  for (let i = 0; i < 100; i++) {
    line.send(100);
    line.now += 10;
  }
  assert(line.pings <= 3, `${line.pings} pings`);
  await line.fill(10);
  assert(line.pacer.isFull);
  const ready = line.pacer.ready();
  line.pacer.close();
  await ready;
  assert(!line.pacer.isFull);
});

Deno.test("what was sent while much might be on the way is confirmed once only little may be", async () => {
  const line = new Line(125_000, 1);
  await line.fill(1_000);
  await line.drain();
  assert(line.pacer.inFlight < 100_000);
  const before = line.pings;
  line.send(600_000);
  assertEquals(line.pings, before);
  line.pacer.isShort = true;
  assert(line.pacer.isFull);
  await line.drain();
  assert(!line.pacer.isFull);
});
