/**
 * Makes wrong bytes out of right ones: frames that were changed, moved, doubled or
 * mixed, and streams that are cut into pieces anywhere. Pure but for the seeded
 * chance. What is right is in `vocabulary.ts`; who sends it in `fuzz_peer.ts`.
 */
import {
  FRAME_HEADER_BYTES,
  MAX_PAYLOAD_BYTES,
} from "../../src/wire/wire_limits.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import {
  CHECKSUM_OFFSET,
  COMMAND_OFFSET,
  frameChecksum,
  LENGTH_OFFSET,
} from "../../src/wire/frame.ts";
import type { SeededRandom } from "../../src/testing/seeded_random.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const COMMANDS = Object.values(COMMAND);

/** Lengths at which something changes. */
const LENGTHS = [
  0,
  1,
  255,
  16_384,
  16_385,
  65_536,
  MAX_PAYLOAD_BYTES,
  MAX_PAYLOAD_BYTES + 1,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
];

/** CompactSizes in place of which none that is right can stand. */
const COUNTS = [
  "fc",
  "fd0000",
  "fdfd00",
  "fde803",
  "fde903",
  "fdffff",
  "fe00000100",
  "fe00000002",
  "feffffffff",
  "ffffffffffffffff7f",
  "ffffffffffffffffff",
].map((hex) => Uint8Array.fromHex(hex));

/** Bytes that runs are made of. */
const FILLERS = [0x00, 0x01, 0x7f, 0x80, 0xff];

/** Most copies of one frame in a row. */
const MAX_COPIES = 100;

/** Longest run that is put in, taken out or overwritten. */
const MAX_RUN = 64;

/** Changes a list of frames, in place; `old` are right frames of any earlier moment. */
type Mutation = (
  random: SeededRandom,
  frames: Bytes[],
  old: readonly Bytes[],
) => void;

const MUTATIONS: readonly Mutation[] = [
  // Of the list.
  (random, frames) => frames.splice(random.below(frames.length), 1),
  (random, frames) => {
    const at = random.below(frames.length);
    frames.splice(at, 0, frames[at]!);
  },
  (random, frames) => {
    const at = random.below(frames.length);
    const copies = new Array(1 + random.below(MAX_COPIES)).fill(frames[at]!);
    frames.splice(at, 0, ...copies);
  },
  (random, frames) => {
    const [a, b] = [random.below(frames.length), random.below(frames.length)];
    [frames[a], frames[b]] = [frames[b]!, frames[a]!];
  },
  (random, frames, old) => {
    if (old.length === 0) return;
    const stranger = old[random.below(old.length)]!;
    frames.splice(random.below(frames.length + 1), 0, stranger);
  },
  (random, frames) => {
    const noise = random.bytes(random.below(2_000));
    frames.splice(random.below(frames.length + 1), 0, noise);
  },
  // Of one frame's bytes, header and all.
  each((random, frame) => {
    for (let flips = 1 + random.below(8); flips > 0; flips--) {
      frame[random.below(frame.length)]! ^= 1 << random.below(8);
    }
    return frame;
  }),
  each((random, frame) => frame.subarray(0, random.below(frame.length + 1))),
  each((random, frame) => {
    const { length } = payloadOf(frame);
    const lies = [...LENGTHS, length + 1, Math.max(0, length - 1)];
    setWord(frame, LENGTH_OFFSET, lies[random.below(lies.length)]!);
    return frame;
  }),
  each((random, frame) => {
    frame.set(random.bytes(4), 0);
    return frame;
  }),
  each((random, frame) => {
    setWord(frame, CHECKSUM_OFFSET, random.word());
    return frame;
  }),
  each((random, frame) => {
    const command = COMMANDS[random.below(COMMANDS.length)]!;
    return refit(frame, payloadOf(frame), command);
  }),
  each((random, frame) => {
    frame.set(random.bytes(1 + random.below(12)), COMMAND_OFFSET);
    return frame;
  }),
  // Of the payload, in a frame that is right again.
  payload((random, bytes) => {
    if (bytes.length === 0) return bytes;
    for (let flips = 1 + random.below(8); flips > 0; flips--) {
      bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
    }
    return bytes;
  }),
  payload((random, bytes) => bytes.subarray(0, random.below(bytes.length + 1))),
  payload((random, bytes) => join(bytes, random.bytes(random.below(MAX_RUN)))),
  payload((random, bytes) => {
    const count = COUNTS[random.below(COUNTS.length)]!;
    // Most counts stand at the very front.
    const at = random.below(2) === 0 ? 0 : random.below(bytes.length + 1);
    return join(bytes.subarray(0, at), count, bytes.subarray(at + 1));
  }),
  payload((random, bytes) => {
    const at = random.below(bytes.length + 1);
    const run = bytes.subarray(at, at + random.below(MAX_RUN));
    run.fill(FILLERS[random.below(FILLERS.length)]!);
    return bytes;
  }),
  payload((random, bytes) => {
    const at = random.below(bytes.length + 1);
    const rest = bytes.subarray(at + random.below(MAX_RUN));
    return join(bytes.subarray(0, at), rest);
  }),
  payload((random, bytes) => {
    const at = random.below(bytes.length + 1);
    const more = random.bytes(random.below(MAX_RUN));
    return join(bytes.subarray(0, at), more, bytes.subarray(at));
  }),
  (random, frames, old) => {
    const at = random.below(frames.length);
    const other = old[random.below(Math.max(1, old.length))] ?? frames[at]!;
    const [a, b] = [payloadOf(frames[at]!), payloadOf(other)];
    const cut = random.below(a.length + 1);
    const head = a.subarray(0, cut);
    frames[at] = refit(frames[at]!, join(head, b.subarray(cut)));
  },
];

/**
 * Frames that are wrong somewhere, `times` times over.
 *
 * @param old Right frames of other moments and other sessions, to mix in.
 */
export function mutate(
  random: SeededRandom,
  frames: readonly Bytes[],
  old: readonly Bytes[],
  times: number,
): Bytes[] {
  const mutated = frames.map((frame) => frame.slice());
  for (let i = 0; i < times && mutated.length > 0; i++) {
    MUTATIONS[random.below(MUTATIONS.length)]!(random, mutated, old);
  }
  return mutated;
}

/** How a stream is cut into writes. */
const CUTS: readonly ((random: SeededRandom, frames: Bytes[]) => Bytes[])[] = [
  // All at once, each frame by itself, each byte by itself.
  (_, frames) => [join(...frames)],
  (_, frames) => frames,
  (_, frames) => cutAt(frames, (length) => indexes(length)),
  // Anywhere.
  (random, frames) =>
    cutAt(frames, (length) =>
      Array.from(
        { length: 1 + random.below(16) },
        () => random.below(length + 1),
      )),
  // Within each header.
  (random, frames) => {
    let at = 0;
    const cuts = frames.map((frame) => {
      const cut = at + random.below(FRAME_HEADER_BYTES + 1);
      at += frame.length;
      return cut;
    });
    return cutAt(frames, () => cuts);
  },
];

/** Longer streams are not written byte by byte, which would take for ever. */
const MAX_BYTEWISE = 600;

/** The bytes of all frames in order, in pieces. */
export function chunks(
  random: SeededRandom,
  frames: readonly Bytes[],
): Bytes[] {
  const total = frames.reduce((sum, frame) => sum + frame.length, 0);
  let kind = random.below(CUTS.length);
  if (kind === 2 && total > MAX_BYTEWISE) kind = 0;
  return CUTS[kind]!(random, [...frames]).filter(({ length }) => length > 0);
}

function cutAt(
  frames: readonly Bytes[],
  choose: (length: number) => readonly number[],
): Bytes[] {
  const bytes = join(...frames);
  const cuts = [0, ...choose(bytes.length), bytes.length]
    .sort((a, b) => a - b);
  return cuts.slice(1).map((cut, i) => bytes.subarray(cuts[i], cut));
}

function indexes(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

/** A change of one frame. */
function each(change: (random: SeededRandom, frame: Bytes) => Bytes): Mutation {
  return (random, frames) => {
    const at = random.below(frames.length);
    // What has no header any more is past being changed.
    if (frames[at]!.length < FRAME_HEADER_BYTES) return;
    frames[at] = change(random, frames[at]!.slice());
  };
}

/** A change of one payload; length and checksum follow. */
function payload(
  change: (random: SeededRandom, payload: Bytes) => Bytes,
): Mutation {
  return each((random, frame) =>
    refit(frame, change(random, payloadOf(frame)))
  );
}

function payloadOf(frame: Bytes): Bytes {
  return frame.slice(FRAME_HEADER_BYTES);
}

/** The frame with another payload, and perhaps another command. */
function refit(frame: Bytes, payload: Bytes, command?: string): Bytes {
  const refitted = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  refitted.set(frame.subarray(0, FRAME_HEADER_BYTES));
  refitted.set(payload, FRAME_HEADER_BYTES);
  if (command !== undefined) {
    refitted.fill(0, COMMAND_OFFSET, LENGTH_OFFSET);
    refitted.set(new TextEncoder().encode(command), COMMAND_OFFSET);
  }
  setWord(refitted, LENGTH_OFFSET, payload.length);
  refitted.set(frameChecksum(payload), CHECKSUM_OFFSET);
  return refitted;
}

function setWord(bytes: Bytes, offset: number, word: number): void {
  if (bytes.length < offset + 4) return;
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(offset, word, true);
}

function join(...parts: readonly Uint8Array[]): Bytes {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
