/** How frames are gathered into blocks on their way out. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Outbox } from "../../src/session/outbox.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import { WRITE_BLOCK_BYTES } from "../../src/limits.ts";

const MAGIC = Uint8Array.of(1, 2, 3, 4);

/** Everything the outbox gives, piece by piece. */
function drain(outbox: Outbox): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let bytes; (bytes = outbox.take()) !== undefined; outbox.wrote()) {
    pieces.push(bytes.slice());
  }
  return pieces;
}

Deno.test("Outbox with small blocks gives the same bytes in the same order", () => {
  const sizes = fc.array(fc.nat(3_000), { maxLength: 20 });
  const blocks = fc.constantFrom(64, 1_024, WRITE_BLOCK_BYTES);
  fc.assert(fc.property(sizes, blocks, (all, blockBytes) => {
    const outbox = new Outbox(blockBytes);
    const frames = all.map((size) =>
      encodeFrame(MAGIC, "tx", new Uint8Array(size).fill(size))
    );
    for (const size of all) {
      outbox.pushFrame(MAGIC, "tx", new Uint8Array(size).fill(size), true);
    }
    const total = frames.reduce((sum, it) => sum + it.length, 0);
    assertEquals(outbox.bytes, total);
    const bytes = drain(outbox).map((it) => it.toHex()).join("");
    assertEquals(bytes, frames.map((it) => it.toHex()).join(""));
    assertEquals(outbox.bytes, 0);
  }));
});

Deno.test("Outbox with small blocks gathers what fits into one write", () => {
  const outbox = new Outbox(1_024);
  for (let i = 0; i < 4; i++) {
    outbox.pushFrame(MAGIC, "verack", new Uint8Array(0), true);
  }
  assertEquals(drain(outbox).map((it) => it.length), [4 * 24]);
});

Deno.test("Outbox never keeps a small block for those that want large ones", () => {
  const small = new Outbox(1_024);
  small.pushFrame(MAGIC, "verack", new Uint8Array(0), true);
  drain(small);
  const large = new Outbox();
  large.pushFrame(MAGIC, "verack", new Uint8Array(0), true);
  assertEquals(large.take()?.buffer.byteLength, WRITE_BLOCK_BYTES);
});
