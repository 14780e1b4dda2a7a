/**
 * Whatever two ends do with their streams and however frames are held up, bytes arrive exactly and
 * in order, each direction ends once, and nothing is left over.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { VerackError } from "../../src/core/errors.ts";
import type { MultiplexedStream } from "../../src/streams/multiplexed_stream.ts";
import { turns } from "../helpers/fake_frame_sink.ts";
import { StreamWire } from "../helpers/fake_stream_wire.ts";

const SIZES = [1, 100, 5_000, 16_384, 40_000, 150_000];

type Step =
  | { readonly do: "open" | "end"; readonly by: 0 | 1; readonly at: number }
  | { readonly do: "stop" | "abort"; readonly by: 0 | 1; readonly at: number }
  | { readonly do: "dispose"; readonly by: 0 | 1; readonly at: number }
  | {
    readonly do: "write" | "read";
    readonly by: 0 | 1;
    readonly at: number;
    readonly size: number;
  }
  | { readonly do: "pass"; readonly by: 0 | 1; readonly count: number };

const by = fc.constantFrom<(0 | 1)[]>(0, 1);
const at = fc.nat({ max: 5 });
const size = fc.nat({ max: SIZES.length - 1 });
const count = fc.integer({ min: 1, max: 12 });
const as = <Do extends string>(...what: Do[]) => fc.constantFrom(...what);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: as("open"), by, at }) },
  {
    weight: 12,
    arbitrary: fc.record({ do: as("write", "read"), by, at, size }),
  },
  { weight: 8, arbitrary: fc.record({ do: as("pass"), by, count }) },
  { weight: 2, arbitrary: fc.record({ do: as("end"), by, at }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: as("stop", "abort", "dispose"), by, at }),
  },
);

/** The byte at an offset of a direction. */
function byteAt(offset: number, seed: number): number {
  return (offset * 31 + (offset >>> 8) * 7 + seed) & 0xff;
}

/** One end of a stream, as the model has it. */
class End {
  readonly stream: MultiplexedStream;
  readonly seed: number;
  other: End | undefined;
  written = 0;
  read = 0;
  /** What the end did itself. */
  hasEnded = false;
  hasStopped = false;
  hasAborted = false;
  /** What it saw: the end of the other, an error. */
  sawEnd = false;
  error: VerackError | undefined;
  settled = 0;
  #isReading = false;

  constructor(stream: MultiplexedStream, seed: number) {
    this.stream = stream;
    this.seed = seed;
    stream.closed.then(
      () => this.settled++,
      (error) => {
        this.settled++;
        this.error = error;
      },
    );
  }

  write(size: number): void {
    if (this.hasEnded) return;
    const bytes = new Uint8Array(size)
      .map((_, at) => byteAt(this.written + at, this.seed));
    const before = this.written;
    this.written += size;
    this.stream.write(bytes).catch((error) => {
      assert(error instanceof VerackError, `${error}`);
      // Only what came after the failure is certain not to have left.
      if (error === this.error) this.written = Math.max(before, this.written);
    });
    bytes.fill(0);
  }

  end(): void {
    this.hasEnded = true;
    this.stream.closeWrite().catch(() => {});
  }

  stop(): void {
    this.hasStopped = true;
    this.stream.stopReading();
  }

  abort(): void {
    this.hasAborted = true;
    this.stream.abort(new Error("enough"));
  }

  dispose(): void {
    this.hasStopped = this.hasEnded = true;
    this.stream[Symbol.asyncDispose]();
  }

  async fetch(size: number): Promise<void> {
    if (this.#isReading || this.sawEnd) return;
    this.#isReading = true;
    try {
      const buffer = new Uint8Array(size);
      const count = await this.stream.read(buffer);
      if (count === null) {
        this.sawEnd = true;
        return;
      }
      const seed = this.other?.seed ?? 0;
      for (let at = 0; at < count; at++) {
        if (buffer[at] === byteAt(this.read + at, seed)) continue;
        throw new Error(`byte ${this.read + at} is another`);
      }
      this.read += count;
    } catch (error) {
      if (!(error instanceof VerackError)) throw error;
      this.sawEnd = true;
    } finally {
      this.#isReading = false;
    }
  }
}

/** Runs steps, then lets everything come to its end. */
async function play(steps: readonly Step[]): Promise<void> {
  const wire = new StreamWire({ ahead: 100_000 });
  const ends: [End[], End[]] = [[], []];
  const reads: Promise<void>[] = [];
  const over = Promise.withResolvers<void>();
  const byKey = new Map<string, End>();
  const add = (party: 0 | 1, stream: MultiplexedStream) => {
    const seed = stream.id * 2 + party;
    const end = new End(stream, seed);
    ends[party].push(end);
    const other = byKey.get(`${stream.id}`);
    if (other === undefined) byKey.set(`${stream.id}`, end);
    else {
      end.other = other;
      other.other = end;
    }
  };
  for (const party of [0, 1] as const) {
    wire.parties[party].handlers.handle("model/1", (stream) => {
      add(party, stream as MultiplexedStream);
      return over.promise;
    });
  }
  for (const step of steps) {
    if (step.do === "pass") wire.pass(step.by, step.count);
    else if (step.do === "open") {
      const { multiplexer } = wire.parties[step.by];
      add(step.by, multiplexer.open("model/1", new Uint8Array(0)));
    } else {
      const end = ends[step.by][step.at];
      if (end === undefined) continue;
      if (step.do === "write") end.write(SIZES[step.size]!);
      else if (step.do === "read") reads.push(end.fetch(SIZES[step.size]!));
      else if (step.do === "end") end.end();
      else if (step.do === "stop") end.stop();
      else if (step.do === "abort") end.abort();
      else end.dispose();
    }
    await turns(4);
  }
  await wire.run();
  // Everything that is left is read, and ends.
  for (const end of ends.flat()) if (!end.hasEnded) end.end();
  for (let round = 0; round < 500; round++) {
    await wire.run();
    const open = ends.flat().filter((end) => !end.sawEnd);
    if (open.length === 0) break;
    reads.push(...open.map((end) => end.fetch(150_000)));
  }
  await wire.run();
  await Promise.all(reads);
  check(wire, ends.flat());
  over.resolve();
  await turns();
}

function check(wire: StreamWire, ends: readonly End[]): void {
  for (const end of ends) {
    const { other } = end;
    assert(other !== undefined, "the other end was never opened");
    assertEquals(end.settled, 1, "closed settles once");
    const isWhole = ![end, other].some((it) =>
      it.hasAborted || it.hasStopped || it.error !== undefined
    );
    if (isWhole) assertEquals(end.read, other.written);
    else assert(end.read <= other.written, "more was read than written");
    const isAborted = end.hasAborted || other.hasAborted;
    if (!isAborted) assertEquals(end.error, undefined);
  }
  for (const { multiplexer, memory, failures } of wire.parties) {
    assertEquals(multiplexer.size, 0, "streams are left");
    assertEquals(memory.unreadBytes, 0, "unread bytes are left");
    assertEquals(memory.queuedBytes, 0, "unsent bytes are left");
    for (const error of failures) {
      assert(error instanceof VerackError, `a handler failed: ${error}`);
    }
  }
}

Deno.test("whatever both ends do, bytes of streams arrive exactly and in order, each stream ends once at each end, and nothing is left", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60, size: "max" }),
      play,
    ),
    { numRuns: 200 },
  );
});
