/** What an open connection must do: carry bytes, end, break, hold back a writer. */
import { assert, assertEquals } from "@std/assert";
import {
  assertCode,
  bytes,
  connect,
  type ContractTest,
  drain,
  fill,
  MAX_UNREAD_BYTES,
  pattern,
  readExactly,
  same,
  writeAll,
} from "./pair.ts";

/** Registers the tests of open connections. */
export function connectionContract(test: ContractTest): void {
  test("carries bytes both ways", async (setup) => {
    using pair = await connect(setup);
    await writeAll(pair.dialed, bytes("hello"));
    assertEquals(await readExactly(pair.accepted, 5), bytes("hello"));
    await writeAll(pair.accepted, bytes("and back"));
    assertEquals(await readExactly(pair.dialed, 8), bytes("and back"));
  });

  test("lets the accepting end speak first", async (setup) => {
    using pair = await connect(setup);
    await writeAll(pair.accepted, bytes("welcome"));
    assertEquals(await readExactly(pair.dialed, 7), bytes("welcome"));
  });

  test("reads into small buffers without losing a byte", async (setup) => {
    using pair = await connect(setup);
    const sent = pattern(1_000);
    await writeAll(pair.dialed, sent);
    const got: number[] = [];
    const buffer = new Uint8Array(7);
    while (got.length < sent.length) {
      const count = await pair.accepted.read(buffer);
      assert(count !== null && count >= 1 && count <= 7);
      got.push(...buffer.subarray(0, count));
    }
    assertEquals(new Uint8Array(got), sent);
  });

  test("says how much it wrote and takes the rest later", async (setup) => {
    using pair = await connect(setup);
    const data = pattern(1_000_000);
    const reading = readExactly(pair.accepted, data.length);
    let written = 0;
    while (written < data.length) {
      const count = await pair.dialed.write(data.subarray(written));
      assert(count >= 1 && count <= data.length - written);
      written += count;
    }
    assertEquals(await reading, data);
  });

  test("carries a lot both ways at once", async (setup) => {
    using pair = await connect(setup);
    const there = pattern(3_000_000, 1);
    const back = pattern(2_000_000, 2);
    const [gotThere, gotBack] = await Promise.all([
      readExactly(pair.accepted, there.length),
      readExactly(pair.dialed, back.length),
      writeAll(pair.dialed, there),
      writeAll(pair.accepted, back),
    ]);
    assert(same(gotThere, there), "bytes differ on the way there");
    assert(same(gotBack, back), "bytes differ on the way back");
  });

  test("takes an empty write for nothing", async (setup) => {
    using pair = await connect(setup);
    assertEquals(await pair.dialed.write(new Uint8Array()), 0);
    await writeAll(pair.dialed, bytes("x"));
    assertEquals(await readExactly(pair.accepted, 1), bytes("x"));
  });

  test("ends the dialer's stream when the accepting end closes", async (setup) => {
    using pair = await connect(setup);
    await writeAll(pair.accepted, bytes("bye"));
    pair.accepted.close();
    assertEquals(await readExactly(pair.dialed, 3), bytes("bye"));
    assertEquals(await pair.dialed.read(new Uint8Array(8)), null);
    assertEquals(await pair.dialed.read(new Uint8Array(8)), null);
  });

  test("ends the accepting end's stream when the dialer closes", async (setup) => {
    using pair = await connect(setup);
    await writeAll(pair.dialed, bytes("bye"));
    pair.dialed.close();
    assertEquals(await readExactly(pair.accepted, 3), bytes("bye"));
    assertEquals(await pair.accepted.read(new Uint8Array(8)), null);
    assertEquals(await pair.accepted.read(new Uint8Array(8)), null);
  });

  test("delivers what was written before close, however much", async (setup) => {
    using pair = await connect(setup);
    const sent = pattern(150_000);
    await writeAll(pair.accepted, sent);
    pair.accepted.close();
    assert(same(await readExactly(pair.dialed, sent.length), sent));
  });

  for (const end of ["dialed", "accepted"] as const) {
    const other = end === "dialed" ? "accepted" : "dialed";

    test(`rejects a pending read of the ${end} end on close`, async (setup) => {
      using pair = await connect(setup);
      const reading = assertCode(pair[end].read(new Uint8Array(8)), "closed");
      pair[end].close();
      await reading;
    });

    test(`rejects reads and writes of the ${end} end after close`, async (setup) => {
      using pair = await connect(setup);
      pair[end].close();
      await assertCode(pair[end].read(new Uint8Array(8)), "closed");
      await assertCode(pair[end].write(bytes("x")), "closed");
    });

    test(`fails writes of the ${end} end once the other is gone`, async (setup) => {
      using pair = await connect(setup);
      pair[other].close();
      assertEquals(await pair[end].read(new Uint8Array(8)), null);
      // The first writes may go into the void; that nobody is there comes back.
      await assertCode(
        (async () => {
          for (;;) {
            await pair[end].write(new Uint8Array(1_000));
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
        })(),
        "closed",
      );
    });

    test(`blocks the ${end} end when nobody reads, and close frees it`, async (setup) => {
      using pair = await connect(setup);
      const writing = fill(pair[end]);
      await writing.blocked;
      assert(
        writing.written() < MAX_UNREAD_BYTES,
        `${writing.written()} taken`,
      );
      pair[end].close();
      await assertCode(writing.done, "closed");
    });

    test(`frees a blocked writer on the ${end} end when the other closes`, async (setup) => {
      using pair = await connect(setup);
      const writing = fill(pair[end]);
      await writing.blocked;
      pair[other].close();
      await assertCode(writing.done, "closed");
    });

    test(`goes on writing on the ${end} end once the other reads`, async (setup) => {
      using pair = await connect(setup);
      const writing = fill(pair[end]);
      await writing.blocked;
      const before = writing.written();
      writing.stop();
      const drained = drain(pair[other]);
      await writing.done;
      assert(writing.written() > before);
      pair[end].close();
      assertEquals(await drained, writing.written());
    });
  }
}
