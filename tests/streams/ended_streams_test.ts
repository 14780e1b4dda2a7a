// Streams that are over and whose last bytes nothing has read yet.
import { assertEquals, assertRejects } from "@std/assert";
import { parsePeerId } from "../../src/core/peer_id.ts";
import { VerackError } from "../../src/core/errors.ts";
import { RESET_CODE } from "../../src/wire/messages/stream_frames.ts";
import {
  MultiplexedStream,
  type StreamLink,
} from "../../src/streams/multiplexed_stream.ts";

/** A link that only remembers what was sent, and how much is held. */
class FakeLink implements StreamLink {
  readonly peer = parsePeerId("ab".repeat(32));
  readonly sent: string[] = [];
  held = 0;
  finishes = 0;

  maySend(): boolean {
    return true;
  }

  maxQueueBytes(): number {
    return 65_536;
  }

  sendData(_stream: MultiplexedStream, bytes: Uint8Array): void {
    this.sent.push(`data ${bytes.length}`);
  }

  sendCredit(_stream: MultiplexedStream, bytes: number): void {
    this.sent.push(`credit ${bytes}`);
  }

  sendEnd(): void {
    this.sent.push("end");
  }

  sendReset(_stream: MultiplexedStream, code: number): void {
    this.sent.push(`reset ${code}`);
  }

  wake(): void {}

  nextWindow(_stream: MultiplexedStream, window: number): number {
    return window;
  }

  queuedChanged(): void {}

  heldChanged(_stream: MultiplexedStream, change: number): void {
    this.held += change;
  }

  finished(): void {
    this.finishes++;
  }
}

/** A stream on which 100 bytes have come and the peer has ended its direction. */
function received(): { link: FakeLink; stream: MultiplexedStream } {
  const link = new FakeLink();
  const head = {
    id: 1,
    protocol: "t/1",
    metadata: new Uint8Array(0),
    isOwn: false,
    isRelayed: false,
  };
  const stream = new MultiplexedStream(link, head, 1_000, 0);
  stream.receive(new Uint8Array(100).fill(7));
  stream.ended();
  return { link, stream };
}

const lost = () => new VerackError("session-lost", "gone");

/** What becomes of what is unread when something ends the stream. */
const ENDS: Readonly<
  Record<string, readonly [act: (it: MultiplexedStream) => void, code: string]>
> = {
  "it is aborted": [(stream) => stream.abort(new Error("late")), "aborted"],
  "its handler fails": [(stream) => stream.failed(new Error("oh")), "failed"],
  "its memory is needed": [(stream) => stream.evict(), "full"],
};

const BEFORE: Readonly<
  Record<string, (stream: MultiplexedStream) => Promise<void> | void>
> = {
  "both directions have ended": (stream) => stream.closeWrite(),
  "the peer has ended its direction": () => {},
  "the session is lost": (stream) => stream.fail(lost()),
};

for (const [before, prepare] of Object.entries(BEFORE)) {
  Deno.test(`when ${before}, all that has come can be read to its end`, async () => {
    const { link, stream } = received();
    await prepare(stream);
    const buffer = new Uint8Array(60);
    assertEquals(await stream.read(buffer), 60);
    assertEquals(await stream.read(buffer), 40);
    assertEquals(await stream.read(buffer), null);
    assertEquals(link.held, 0);
  });

  for (const [what, [act, code]] of Object.entries(ENDS)) {
    Deno.test(`when ${before} and then ${what}, a reader of the rest gets an error and no end`, async () => {
      const { link, stream } = received();
      await prepare(stream);
      const buffer = new Uint8Array(60);
      assertEquals(await stream.read(buffer), 60);
      act(stream);
      assertEquals(link.held, 0);
      for (const _ of [1, 2]) {
        const error = await assertRejects(
          () => stream.read(buffer),
          VerackError,
        );
        assertEquals(error.code, code);
      }
      assertEquals(link.finishes, 1);
    });

    // Its own direction is open then, and fails.
    if (before === "the peer has ended its direction") continue;
    Deno.test(`when ${before} and all is read, it stays so when ${what}`, async () => {
      const { stream } = received();
      await prepare(stream);
      const buffer = new Uint8Array(100);
      assertEquals(await stream.read(buffer), 100);
      assertEquals(await stream.read(buffer), null);
      act(stream);
      assertEquals(await stream.read(buffer), null);
    });
  }
}

Deno.test("a handler that ends with the error of its write, since the peer reads no more, has not failed", async () => {
  const { stream } = received();
  await stream.read(new Uint8Array(200));
  stream.reset(RESET_CODE.unread, "");
  const error = await assertRejects(
    () => stream.write(new Uint8Array(1)),
    VerackError,
  );
  assertEquals(error.code, "reset");
  assertEquals(stream.failed(error), false);
  assertEquals(stream.failed(new Error("its own")), true);
});
