/**
 * What the application of `talker.ts` does with streams and requests: opens and sends them to
 * peers, handles theirs, and says when each side began and how it ended. Each side knows what it
 * must read.
 */
import { VerackError } from "../../../src/core/errors.ts";
import type { Node } from "../../../src/mesh/node.ts";
import type { PeerStream } from "../../../src/streams/peer_stream.ts";
import type { Told } from "./ledger.ts";

/** Bytes of one direction; some need more credit than there is at first. */
const SIZES = [0, 10, 5_000, 65_536, 65_537, 400_000];

/** One stream in so many is aborted by its opener in the middle. */
const ABORT_EVERY = 8;

/** Streams under way at once; a stopped peer holds some of them. */
const MAX_OPEN = 60;

/** Bytes of one write. */
const WRITE_BYTES = 30_000;

/** How long an answer is waited for. */
const REQUEST_MS = 3_000;

type Side = "stream out" | "stream in" | "request";

/** Streams and requests of one node. */
export class Traffic {
  readonly #node: Node;
  readonly #tell: (told: Told) => void;
  #open = 0;

  /** Handles the streams of others from now on. */
  constructor(node: Node, tell: (told: Told) => void) {
    this.#node = node;
    this.#tell = tell;
    node.handle("talk/1", (stream) => this.#accept(stream));
    node.serve("repeat", (key: string, { peer }) => `${key} of ${peer}`);
  }

  /** Sides that have begun and have not ended. */
  get open(): number {
    return this.#open;
  }

  /** Sends a request, unless much is open. */
  request(key: string, to: string): void {
    if (this.#open >= MAX_OPEN) return;
    void this.#request(key, to);
  }

  async #request(key: string, to: string): Promise<void> {
    this.#begun("request", key);
    const options = { timeoutMs: REQUEST_MS };
    try {
      const answer = await this.#node.request(to, "repeat", key, options);
      const isRight = answer === `${key} of ${this.#node.identity.id}`;
      const problem = isRight ? undefined : `was answered by ${answer}`;
      this.#ended("request", key, "ok", problem);
    } catch (error) {
      this.#ended("request", key, codeOf(error));
    }
  }

  /** Opens a stream, unless much is open. */
  begin(key: string, to: string, number: number): void {
    if (this.#open >= MAX_OPEN) return;
    const [up, down] = [number, Math.floor(number / SIZES.length)]
      .map((it) => SIZES[it % SIZES.length]!) as [number, number];
    void this.#begin(key, to, { up, down, aborts: number % ABORT_EVERY === 0 });
  }

  async #begin(
    key: string,
    to: string,
    { up, down, aborts }: { up: number; down: number; aborts: boolean },
  ): Promise<void> {
    let stream: PeerStream;
    this.#begun("stream out", key);
    try {
      const metadata = `${key} ${up} ${down}`;
      stream = await this.#node.open(to, "talk/1", { metadata });
    } catch (error) {
      return this.#ended("stream out", key, codeOf(error));
    }
    if (aborts) {
      // In the middle: when the first bytes are there, or all is over.
      void stream.read(new Uint8Array(1)).then(
        () => stream.abort(new Error("enough")),
        () => stream.abort(),
      );
    }
    const using = aborts
      ? write(stream, key, "out", up).catch(() => {})
      : use(stream, key, "out", up, down);
    const problem = await using;
    const outcome = await stream.closed.then(() => "ok", codeOf);
    this.#ended("stream out", key, outcome, problem ?? undefined);
  }

  async #accept(stream: PeerStream): Promise<void> {
    const [key = "", up, down] = new TextDecoder().decode(stream.metadata)
      .split(" ");
    this.#begun("stream in", key);
    const problem = await use(stream, key, "in", Number(down), Number(up));
    const outcome = await stream.closed.then(() => "ok", codeOf);
    this.#ended("stream in", key, outcome, problem);
  }

  #begun(what: Side, key: string): void {
    this.#open++;
    this.#tell({ type: "begun", what, key });
  }

  #ended(what: Side, key: string, outcome: string, problem?: string): void {
    this.#open--;
    const wrong = problem === undefined ? {} : { problem };
    this.#tell({ type: "ended", what, key, outcome, ...wrong });
  }
}

/** Writes and reads all that there is; says what must not be, if anything is. */
async function use(
  stream: PeerStream,
  key: string,
  side: "out" | "in",
  writes: number,
  reads: number,
): Promise<string | undefined> {
  const [, problem] = await Promise.all([
    write(stream, key, side, writes).catch(() => {}),
    read(stream, key, side === "out" ? "in" : "out", reads),
  ]);
  return problem;
}

async function write(
  stream: PeerStream,
  key: string,
  side: "out" | "in",
  total: number,
): Promise<void> {
  for (let at = 0; at < total; at += WRITE_BYTES) {
    const bytes = new Uint8Array(Math.min(WRITE_BYTES, total - at));
    for (let i = 0; i < bytes.length; i++) bytes[i] = byteAt(key, side, at + i);
    await stream.write(bytes);
  }
  await stream.closeWrite();
}

async function read(
  stream: PeerStream,
  key: string,
  from: "out" | "in",
  total: number,
): Promise<string | undefined> {
  const buffer = new Uint8Array(20_000);
  let at = 0;
  for (;;) {
    let count: number | null;
    try {
      count = await stream.read(buffer);
    } catch (error) {
      return error instanceof VerackError ? undefined : `threw ${error}`;
    }
    if (count === null) {
      return at === total ? undefined : `ended after ${at} of ${total} bytes`;
    }
    for (let i = 0; i < count; i++) {
      if (buffer[i] === byteAt(key, from, at + i)) continue;
      return `has another byte at ${at + i}`;
    }
    at += count;
  }
}

/** The byte at an offset of one direction. */
function byteAt(key: string, side: "out" | "in", at: number): number {
  return (at ^ at >>> 8 ^ key.charCodeAt(0) ^ (side === "out" ? 0 : 0x55)) &
    0xff;
}

function codeOf(error: unknown): string {
  return error instanceof VerackError ? error.code : String(error);
}
