/**
 * The streams of a simulation and what became of them. Each ends exactly once on each side;
 * what is read is a prefix of what was written at the other side, and all of it where a
 * reader is told that the direction is complete.
 */
import { sleep } from "../../src/core/clock.ts";
import { VerackError } from "../../src/core/errors.ts";
import type { PeerId } from "../../src/core/peer_id.ts";
import type { PeerStream } from "../../src/streams/peer_stream.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { BrokenInvariant } from "./invariants.ts";
import type { Life } from "./member.ts";

/** How one side uses its stream. */
export const MANNERS = [
  /** Writes all, ends its direction, reads to the end. */
  "whole",
  /** The same, but begins to read late. */
  "dawdle",
  /** Aborts in the middle. */
  "abort",
  /** Stops reading in the middle, and writes all. */
  "stop-reading",
  /** Disposes of the stream in the middle; a handler returns. */
  "leave",
  /** A handler throws in the middle; the signal of an opener aborts. */
  "fail",
] as const;

/** One of {@linkcode MANNERS}. */
export type Manner = typeof MANNERS[number];

/** What two nodes do with some streams. */
export interface Talk {
  readonly count: number;
  /** No node handles `nobody/1`. */
  readonly protocol: "talk/1" | "nobody/1";
  /** Bytes from the opener, and to it. */
  readonly up: number;
  readonly down: number;
  readonly opener: Manner;
  readonly acceptor: Manner;
}

/** One side of a stream. */
interface Side {
  readonly role: "opener" | "acceptor";
  readonly life: Life;
  readonly manner: Manner;
  /** Bytes that its `write` resolved for, and that it was given. */
  written: number;
  given: number;
  /** It ends its direction: in order, so that the bytes given before are all there are. */
  ended: boolean;
  read: number;
  /** It reads no more: to itself that looks like an end. */
  stopped: boolean;
  /** How it ended: `ok` or the code of an error. */
  outcome: string | undefined;
}

/** One stream. */
interface Conversation {
  readonly number: number;
  readonly talk: Talk;
  readonly opener: Side;
  acceptor: Side | undefined;
}

/** Bytes of one write, at most; more than one frame. */
const MAX_WRITE_BYTES = 40_000;

/** Longest pause between two writes or reads, and before a side does what breaks its stream off. */
const PAUSE_MS = 300;
const BREAK_OFF_MS = 1_500;
const DAWDLE_MS = 8_000;

/** How a stream ends that nothing but its two sides had to do with. */
const LOST: ReadonlySet<string> = new Set(["session-lost", "stopped"]);

/** Codes with which `open` may fail under faults. */
const NOT_OPENED: ReadonlySet<string> = new Set([
  "unknown-peer",
  "not-connected",
  "stopped",
]);

/** All streams of one simulation. */
export class Talks {
  readonly #conversations: Conversation[] = [];
  readonly #fail: (error: BrokenInvariant) => void;
  readonly #counts = new Map<string, number>();

  readonly #isClosed: boolean;

  /** In a closed mesh peers are denied. */
  constructor(fail: (error: BrokenInvariant) => void, isClosed: boolean) {
    this.#fail = fail;
    this.#isClosed = isClosed;
  }

  /** A node has started: from now on it handles streams. */
  serve(life: Life): void {
    life.node!.handle("talk/1", (stream) => this.#onStream(life, stream));
  }

  /** Opens streams to a peer. */
  open(life: Life, talk: Talk, to: PeerId): void {
    for (let i = 0; i < talk.count; i++) {
      const conversation: Conversation = {
        number: this.#conversations.length,
        talk,
        opener: side("opener", life, talk.opener),
        acceptor: undefined,
      };
      this.#conversations.push(conversation);
      this.#open(conversation, to).catch((error) => this.#fail(error));
    }
  }

  /** Streams between lives that run which have not ended. */
  unfinished(): string[] {
    return this.#conversations.flatMap(({ number, opener, acceptor }) =>
      [opener, acceptor].filter((side) =>
        side !== undefined && side.outcome === undefined && side.life.isUp
      ).map((side) =>
        `stream ${number} at its ${side!.role} ${
          side!.life.label
        }, which wrote ${side!.written} and read ${side!.read}`
      )
    );
  }

  /** How streams ended from number `from` on, opener's and acceptor's side. */
  outcomes(from: number): string[] {
    return this.#conversations.slice(from).map(({ opener, acceptor }) =>
      `${opener.outcome}/${acceptor?.outcome}`
    );
  }

  /** How many streams there were. */
  get size(): number {
    return this.#conversations.length;
  }

  /**
   * To be called when all nodes are closed.
   *
   * @throws {BrokenInvariant} when a stream has not ended.
   */
  checkEnded(): void {
    for (const { number, opener, acceptor } of this.#conversations) {
      for (const side of [opener, acceptor]) {
        if (side === undefined || side.outcome !== undefined) continue;
        const { talk } = this.#conversations[number]!;
        const state = JSON.stringify({ ...side, life: 0 });
        throw broken(
          number,
          side,
          `never ended, and its node is closed: ${state} ${
            JSON.stringify(talk)
          }`,
        );
      }
    }
  }

  /** Figures. */
  counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  // --- The two sides -------------------------------------------------------------

  async #open(conversation: Conversation, to: PeerId): Promise<void> {
    const { opener, number, talk } = conversation;
    const { life, manner } = opener;
    const random = randomOf(conversation, opener);
    const abort = new AbortController();
    let stream: PeerStream;
    try {
      stream = await life.node!.open(to, talk.protocol, {
        metadata: `${number}`,
        signal: abort.signal,
      });
    } catch (error) {
      const code = error instanceof VerackError ? error.code : "";
      const isRight = NOT_OPENED.has(code) ||
        (code === "denied" && this.#isClosed);
      if (!isRight) {
        throw broken(number, opener, `was not opened: ${error}`);
      }
      this.#end(conversation, opener, `not opened: ${code}`);
      return;
    }
    const breakOff = async () => {
      await pause(life, random, BREAK_OFF_MS);
      if (manner === "abort") stream.abort(new Error("enough"));
      if (manner === "leave") await this.#leave(stream, opener);
      if (manner === "fail") abort.abort();
    };
    await Promise.all([
      this.#use(conversation, opener, stream, random),
      breaksOff(manner) ? breakOff() : undefined,
    ]);
    await this.#settle(conversation, opener, stream);
  }

  async #onStream(life: Life, stream: PeerStream): Promise<void> {
    const number = Number(new TextDecoder().decode(stream.metadata));
    const conversation = this.#conversations[number];
    if (conversation === undefined) {
      return this.#fail(new BrokenInvariant(`a stream of nobody: ${number}`));
    }
    const { opener, talk } = conversation;
    const acceptor = side("acceptor", life, talk.acceptor);
    const problem = conversation.acceptor !== undefined
      ? "came a second time"
      : stream.peer !== opener.life.identity.id
      ? `came from ${stream.peer}`
      : stream.protocol !== talk.protocol
      ? `came as ${stream.protocol}`
      : undefined;
    if (problem !== undefined) {
      return this.#fail(broken(number, acceptor, problem));
    }
    conversation.acceptor = acceptor;
    const random = randomOf(conversation, acceptor);
    const { manner } = acceptor;
    const using = this.#use(conversation, acceptor, stream, random);
    // What the handler leaves goes on to be watched.
    using.then(() => this.#settle(conversation, acceptor, stream))
      .catch((error) => this.#fail(error));
    if (!breaksOff(manner)) return await using;
    await pause(life, random, BREAK_OFF_MS);
    if (manner === "abort") stream.abort(new Error("enough"));
    else if (manner === "leave") acceptor.ended = acceptor.stopped = true;
    else throw new Error("failed as it was told");
  }

  async #leave(stream: PeerStream, side: Side): Promise<void> {
    side.ended = side.stopped = true;
    await stream[Symbol.asyncDispose]();
  }

  /** Writes and reads until either is over. */
  async #use(
    conversation: Conversation,
    side: Side,
    stream: PeerStream,
    random: SeededRandom,
  ): Promise<void> {
    await Promise.all([
      this.#write(conversation, side, stream, random),
      this.#read(conversation, side, stream, random),
    ]);
  }

  async #write(
    { number, talk }: Conversation,
    side: Side,
    stream: PeerStream,
    random: SeededRandom,
  ): Promise<void> {
    const total = side.role === "opener" ? talk.up : talk.down;
    try {
      while (side.written < total && !side.ended) {
        const size = Math.min(
          total - side.written,
          2_000 + random.below(MAX_WRITE_BYTES),
        );
        const bytes = new Uint8Array(size);
        fill(bytes, number, side.role, side.written);
        side.given += size;
        const writing = stream.write(bytes);
        await writing;
        side.written += size;
        // It may be changed once it is written.
        bytes.fill(0xee);
        await pause(side.life, random, PAUSE_MS);
      }
      if (side.ended) return;
      side.ended = true;
      await stream.closeWrite();
    } catch (error) {
      this.#checkError(number, side, error);
    }
  }

  async #read(
    conversation: Conversation,
    side: Side,
    stream: PeerStream,
    random: SeededRandom,
  ): Promise<void> {
    const { number, talk, opener } = conversation;
    const buffer = new Uint8Array(2_000 + random.below(30_000));
    const stopAt = side.manner === "stop-reading"
      ? random.below(1 + (side.role === "opener" ? talk.down : talk.up))
      : Infinity;
    try {
      if (side.manner === "dawdle") await pause(side.life, random, DAWDLE_MS);
      for (;;) {
        if (side.read >= stopAt) {
          side.stopped = true;
          return stream.stopReading();
        }
        const count = await stream.read(buffer);
        const other = side === opener ? conversation.acceptor : opener;
        if (count === null) {
          if (side.stopped) return;
          const isWhole = other?.ended === true && side.read <= other.given &&
            side.read >= other.written;
          if (!isWhole) {
            const of = `${other?.written} to ${other?.given}`;
            throw broken(number, side, `ended after ${side.read} of ${of}`);
          }
          return;
        }
        if (count < 1 || side.read + count > (other?.given ?? 0)) {
          throw broken(
            number,
            side,
            `read ${side.read} and ${count} bytes of ${other?.given}`,
          );
        }
        const role = other!.role;
        if (!isAsWritten(buffer.subarray(0, count), number, role, side.read)) {
          throw broken(number, side, `read other bytes at ${side.read}`);
        }
        side.read += count;
        await pause(side.life, random, PAUSE_MS);
      }
    } catch (error) {
      if (error instanceof BrokenInvariant) throw error;
      this.#checkError(number, side, error);
    }
  }

  #checkError(number: number, side: Side, error: unknown): void {
    if (error instanceof VerackError) return;
    // The application ends with its process.
    if (side.life.over.aborted) return;
    throw broken(number, side, `threw ${error}`);
  }

  // --- How it ended ----------------------------------------------------------------

  async #settle(
    conversation: Conversation,
    side: Side,
    stream: PeerStream,
  ): Promise<void> {
    const outcome = await stream.closed.then(() => "ok", (error) => {
      if (error instanceof VerackError) return error.code;
      throw broken(conversation.number, side, `closed with ${error}`);
    });
    // Its listeners are called when `closed` is settled, or just after.
    await Promise.resolve();
    if (stream.signal.aborted !== (outcome !== "ok")) {
      const what = `is ${outcome}, its signal ${stream.signal.aborted}`;
      throw broken(conversation.number, side, what);
    }
    this.#end(conversation, side, outcome);
  }

  #end(conversation: Conversation, side: Side, outcome: string): void {
    if (side.outcome !== undefined) {
      const what = `ended as ${side.outcome}, then as ${outcome}`;
      throw broken(conversation.number, side, what);
    }
    side.outcome = outcome;
    const name = `streams ${outcome}`;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    this.#judge(conversation);
  }

  /** Both sides have ended: whether how they did fits together. */
  #judge({ number, talk, opener, acceptor }: Conversation): void {
    const [a, b] = [opener.outcome, acceptor?.outcome];
    if (a === undefined || (acceptor !== undefined && b === undefined)) return;
    const isShort = breaksOff(talk.opener) || talk.opener === "stop-reading";
    if (a === "ok" && b === undefined && !isShort) {
      throw broken(number, opener, "is complete, and nobody handled it");
    }
    const isLost = [a, b].some((it) => it !== undefined && LOST.has(it));
    if (isLost || a.startsWith("not opened")) return;
    if (talk.protocol === "nobody/1") {
      if (a === "unknown-protocol" || isShort) return;
      throw broken(number, opener, `of an unknown protocol ended as ${a}`);
    }
    if (a === "ok" && b === "ok") {
      return this.#judgeWhole(number, opener, acceptor!);
    }
    const isBroken = [talk.opener, talk.acceptor].some((manner) =>
      breaksOff(manner) || manner === "stop-reading"
    );
    if (!isBroken) throw broken(number, opener, `ended as ${a}/${b}`);
  }

  /** Both ended properly: each has read all that the other wrote, unless it stopped. */
  #judgeWhole(number: number, opener: Side, acceptor: Side): void {
    for (const [reader, writer] of [[opener, acceptor], [acceptor, opener]]) {
      const stops = reader!.manner === "stop-reading" ||
        breaksOff(reader!.manner);
      if (stops || reader!.read === writer!.given) continue;
      throw broken(
        number,
        reader!,
        `is ok, and has read ${reader!.read} of ${writer!.given} bytes`,
      );
    }
  }
}

function side(role: Side["role"], life: Life, manner: Manner): Side {
  return {
    role,
    life,
    manner,
    written: 0,
    given: 0,
    ended: false,
    read: 0,
    stopped: false,
    outcome: undefined,
  };
}

function breaksOff(manner: Manner): boolean {
  return manner === "abort" || manner === "leave" || manner === "fail";
}

function randomOf({ number }: Conversation, { role }: Side): SeededRandom {
  return new SeededRandom(2 * number + (role === "opener" ? 0 : 1) + 0x57ea);
}

/** Mostly none: bursts find other things than a trickle. */
async function pause(
  life: Life,
  random: SeededRandom,
  mostMs: number,
): Promise<void> {
  if (random.below(3) > 0) return;
  await sleep(life.clock, random.float() * mostMs, life.over).catch(() => {});
}

/** The byte of a stream at an offset. */
function byteAt(number: number, role: Side["role"], at: number): number {
  return at ^ at >>> 8 ^ 31 * number ^ (role === "opener" ? 0 : 0x55);
}

function fill(
  bytes: Uint8Array,
  number: number,
  role: Side["role"],
  from: number,
): void {
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = byteAt(number, role, from + i);
  }
}

function isAsWritten(
  bytes: Uint8Array,
  number: number,
  role: Side["role"],
  from: number,
): boolean {
  return bytes.every((byte, i) =>
    byte === (byteAt(number, role, from + i) & 0xff)
  );
}

function broken(number: number, side: Side, what: string): BrokenInvariant {
  const { life, role } = side;
  return new BrokenInvariant(
    `stream ${number} at its ${role} ${life.label} ${what}`,
  );
}
